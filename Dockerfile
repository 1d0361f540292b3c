# iqabench with the exact versions of requirements.lock. Not built where it was written: no Docker ran there.
#
#   docker build -t iqabench .                            torch for CPUs
#   docker build --build-arg TORCH=cuda -t iqabench .     torch with CUDA, for `docker run --gpus all`
#   docker run --rm -v "$PWD:/work" iqabench run          in the current folder
FROM python:3.12-slim

ARG TORCH=cpu

ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_SYSTEM_PYTHON=1
RUN apt-get update && apt-get install -y --no-install-recommends build-essential git && rm -rf /var/lib/apt/lists/*
RUN pip install uv

WORKDIR /opt/iqabench
COPY requirements.lock .
# The lock's torch is the build with CUDA. For CPUs the same versions come from PyTorch's own index, which has other
# files, so these two are not checked against the lock's hashes; all others are.
RUN if [ "$TORCH" = cuda ]; then \
        uv pip install --no-deps --require-hashes -r requirements.lock; \
    else \
        uv pip install --torch-backend=cpu \
            $(sed -nE 's/^(torch(vision)?==[^ ;]+).*/\1/p' requirements.lock) && \
        awk '/^[a-z0-9]/ {keep = !/^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==/} keep' \
            requirements.lock > rest.lock && \
        uv pip install --no-deps --require-hashes -r rest.lock; \
    fi

COPY . .
RUN uv pip install --no-deps --no-build-isolation .

WORKDIR /work
ENTRYPOINT ["iqabench"]
