"""Damage of the kind that disks do: single bits of a file that are not what was written.

`IQABENCH_FLIPS=6000` makes the tests flip as many bits in each kind of file as docs/architecture.md states.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FLIPS = int(os.environ.get("IQABENCH_FLIPS", "200"))


def flipped(path: Path, flips: int = FLIPS, seed: int = 0) -> Iterator[str]:
    """Flip random bits of a file, one at a time; yield which one, and put the content back at the end.

    The whole file is written anew each time, so what the reader replaced or removed does not matter.
    """
    content = path.read_bytes()
    try:
        for bit in np.random.default_rng(seed).integers(8 * len(content), size=flips):
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            yield f"bit {bit % 8} of byte {bit // 8} of {len(content)}"
    finally:
        path.write_bytes(content)
