"""The number format of convolutions and matrix products: what a device can do, and computing in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ..core.configuration.values import Precision

BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # as x86 and ARM name them


def precision_on(device: torch.device, wanted: Precision) -> Precision:
    """Return the precision that a device computes in: float32 where it lacks instructions for the one wanted.

    TF32 is a format of NVIDIA GPUs since Ampere, as is bfloat16; some CPUs have instructions for bfloat16.
    """
    if wanted == "fp32":
        return wanted
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        able = wanted == "bf16" and any(capabilities.get(name) for name in BF16_INSTRUCTIONS)
    return wanted if able else "fp32"


@contextmanager
def tf32_where(wanted: Precision) -> Iterator[None]:
    """Inside the block, round factors of convolutions and products on a GPU to TF32, if "tf32" is wanted."""
    if wanted != "tf32":
        torch.set_float32_matmul_precision("highest")  # on CPUs, too: code of the user may allow bfloat16
    matmul, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    try:
        before = matmul.allow_tf32, convolutions.allow_tf32
    except RuntimeError:  # it was set by torch's other interface, which does not go together with this one
        before = False, False
        torch.backends.fp32_precision = "ieee"  # type: ignore[attr-defined]
    matmul.allow_tf32 = convolutions.allow_tf32 = wanted == "tf32"
    try:
        yield
    finally:
        matmul.allow_tf32, convolutions.allow_tf32 = before
