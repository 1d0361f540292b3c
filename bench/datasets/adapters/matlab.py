"""MATLAB files of labels, read in a process of their own, since a damaged one can crash the library."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import UserError
from ...core.files import regular

READER = Path(__file__).with_name("matlab_reader.py")
SECONDS = 60
"""Time on the clock that a file may take on a busy machine; the largest of a database takes one second."""


def read_labels(variables: Mapping[Path, Sequence[str]], entries: int, owner: str) -> list[npt.NDArray[Any]]:
    """Read label arrays that belong together, variables of some files, in that order; see `read_vectors`.

    Raises:
        UserError: As `read_vectors`; or an array has not the entries of its owner's, which names all of them.
    """
    arrays = {
        f"{file} {name}": array
        for file, names in variables.items()
        for name, array in zip(names, read_vectors(file, *names), strict=True)
    }
    if {len(array) for array in arrays.values()} != {entries}:
        found = ", ".join(f"{name} has {len(array)}" for name, array in arrays.items())
        raise UserError(
            f"label arrays do not have the {entries} entries of {owner}: {found}; use the owner's files"
        )
    return list(arrays.values())


def read_vectors(file: Path, *variables: str) -> list[npt.NDArray[Any]]:
    """Read MATLAB vectors or cell arrays as (N,) numbers or str; raises UserError if one is missing."""
    try:
        regular(file).open("rb").close()
        command = [sys.executable, "-P", str(READER), str(file.absolute()), *variables]
        read = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        slow = -read.returncode == getattr(signal, "SIGXCPU", None)
        crashed = "it takes too long" if slow else "it is damaged: the library that reads it crashed"
        found = json.loads(read.stdout or json.dumps({"error": crashed}))
    except subprocess.TimeoutExpired:
        raise UserError(f"{file}: cannot be read as a MATLAB file: it takes over {SECONDS} seconds") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as a MATLAB file: {error}") from error
    if "error" in found:
        raise UserError(f"{file}: cannot be read as a MATLAB file: {found['error']}")
    for variable in variables:
        if variable not in found["values"]:
            names = ", ".join(found["variables"]) or "none"
            raise UserError(f"{file}: no variable {variable!r}; its variables are {names}")
    return [_array(file, variable, found["values"][variable]) for variable in variables]


def _array(file: Path, variable: str, values: list[Any]) -> npt.NDArray[Any]:
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    if all(isinstance(value, float) for value in values):
        return np.array(values, dtype=np.float64)
    raise UserError(f"{file}: its variable {variable!r} holds neither numbers nor texts alone")
