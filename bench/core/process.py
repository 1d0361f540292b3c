"""Settings of a whole process on which speed and repeatability depend.

A command makes them once. The library never makes them when it is imported or called: the caller decides.
`python benchmarks/cpu.py` shows what those for speed are worth.
"""

import ctypes
import ctypes.util
import os
import sys
import warnings

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST_BLOCK = 1 << 30


def prepare_process() -> None:
    """Set up the process of a command that computes. Call it before anything imports torch.

    - Torch's threads give way soon when they wait for one another. By default a waiting thread of GNU OpenMP
      spins for milliseconds; where another process wants the core, the thread waited for cannot run.
    - Large freed blocks are kept and used again. glibc hands each back to the system and gets it back page by
      page; in a forward and backward pass these page faults take about a third of the time.
    - Convolutions on a GPU are computed in float32 unless a setting says otherwise; torch's default is TF32.
    - A warning of torch's is not shown: `auto` lets gradients pass where a model detaches a score to print or
      round it, and torch takes that for a slip of the model's.
    - cuDNN computes the same result each time, so that a resumed sweep gives the numbers of an unbroken one.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True to a scalar")
    _keep_freed_memory()
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


def _keep_freed_memory() -> None:
    """Let glibc reuse large freed blocks; another C library is left as it is."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
