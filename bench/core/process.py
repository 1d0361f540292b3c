"""Two settings of the process on which speed on a CPU hangs.

`python benchmarks/cpu.py` shows what each is worth.
"""

import ctypes
import ctypes.util
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST_BLOCK = 1 << 30


def share_the_cores() -> None:
    """Let torch's threads give way soon when they wait for one another. Call it before torch is imported.

    By default a waiting thread of GNU OpenMP spins for milliseconds. Where another process wants the core,
    the thread waited for does not run meanwhile; the smaller the batch, the more of the time that takes.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def keep_freed_memory() -> None:
    """Let this process reuse large freed blocks. Does nothing where the C library is not glibc.

    glibc hands every large block back to the system when it is freed, and gets it back page by page; in a
    forward and backward pass these page faults take about a third of the time.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
