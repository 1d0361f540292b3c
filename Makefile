# `make demo` and `make test` need Python 3.11+, git and make; they set up .venv by themselves.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/.ready
# uv installs sources alone, and compiling torch takes each of many processes two seconds: let the first keep it.
unexport PYTHONDONTWRITEBYTECODE
HELPERS = $(shell find tests -name '*.py' ! -name 'test_*')

.PHONY: demo test tests lint types format docs lock clean
.DEFAULT_GOAL := demo

demo: $(READY)  ## sweep the demo profile, look inside two models, render the report
	$(BIN)/iqabench run --workers 2
	$(BIN)/iqabench explain cprl --dataset synthetic
	$(BIN)/iqabench report --format html

test: $(READY)  ## lint, types, tests
	$(MAKE) -j2 lint tests  # lint takes one process, while tests are collected and wait

# Two processes more than cores, for some tests wait.
tests: $(READY)
	$(BIN)/python -m pytest -n $$($(BIN)/python -c "import os; print(os.cpu_count() + 2)") --dist worksteal

lint: $(READY) types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)  # the root is the package, so mypy is shown a folder that is named like it
	mkdir -p .types && ln -sfn .. .types/iqabench
	MYPYPATH=.types $(BIN)/mypy -m iqabench -m iqabench.testing $(addprefix -p iqabench.,bench models attacks reports benchmarks) \
		$(addprefix -m iqabench.,$(subst /,.,$(basename $(HELPERS))))

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## the documentation as a site, build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# uv takes seconds for what takes pip minutes. The lock is complete, so --no-deps: torchattacks' pin of an
# old requests, which it does not need here, would otherwise be refused.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "iqabench needs Python 3.11 or newer, and found none as python3," \
		"python3.13, python3.12 or python3.11. Try: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $(READY)

lock:  ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
		--generate-hashes --no-header --no-annotate --quiet -o requirements.lock

clean:
	rm -rf .venv .types .mypy_cache .ruff_cache .pytest_cache
