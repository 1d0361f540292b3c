"""Prints variables of a MATLAB file as JSON: `python matlab_reader.py FILE VARIABLE...`.

A program, and not a module to import: whatever the file makes of the library that reads it ends this process
alone.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

MEMORY = 1 << 29  # bytes more than the process starts with; a damaged file can ask for any amount
PROCESSOR_SECONDS = 5
"""Time of a processor that the process may take, after which it is killed; a damaged file can ask for any."""


def read(file: str, variables: list[str]) -> dict[str, Any]:
    """Return `values` by variable and the names of all `variables`, or what is wrong as `error`."""
    warnings.simplefilter("ignore")
    try:
        contents = loadmat(file, squeeze_me=True)
        values = {name: _plain(contents[name]) for name in variables if name in contents}
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        return {"error": str(error)[:200] or type(error).__name__}
    return {"values": values, "variables": [name for name in contents if not name.startswith("__")]}


def _plain(array: Any) -> list[float | str | None]:
    values = np.ravel(array).tolist()
    return [
        float(value) if isinstance(value, int | float) else value if isinstance(value, str) else None
        for value in values
    ]


def _limit() -> None:
    try:
        import resource  # which Windows lacks

        lines = Path("/proc/self/status").read_text().splitlines()
    except (ImportError, OSError):
        return
    (size,) = (int(line.split()[1]) for line in lines if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (1024 * size + MEMORY,) * 2)
    seconds = int(time.process_time()) + 1 + PROCESSOR_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # beyond the second it is killed


if __name__ == "__main__":
    _limit()
    print(json.dumps(read(sys.argv[1], sys.argv[2:])))
