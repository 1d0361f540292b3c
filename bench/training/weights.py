"""Files of weights from elsewhere: safetensors, and what torch's loader for tensors reads."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..core.errors import UserError, first_line

_ENVELOPES = ("state_dict", "model_state_dict", "model", "params", "params_ema", "net", "network", "weights")
_PREFIXES = ("module.", "_orig_mod.")  # of nn.DataParallel and of torch.compile


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return the tensors of a file by name, and what was taken off them, in words.

    A state dictionary may lie in an envelope, as in `{"state_dict": ...}`, and its names may all begin with
    `module.` or `_orig_mod.`. Nothing in a file runs.

    Raises:
        UserError: no such file, or it holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such weights file: {path.absolute()}")
    found, said = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path), []
    while not _is_state(found):
        inside = [
            key for key in _ENVELOPES if isinstance(found, Mapping) and isinstance(found.get(key), Mapping)
        ]
        if not inside:
            held = (
                ", ".join(map(str, list(found)[:5])) if isinstance(found, Mapping) else type(found).__name__
            )
            raise UserError(f"{path}: holds no state dictionary, but {held or 'nothing'}")
        said.append(f"the entry {inside[0]!r} was taken out")
        found = found[inside[0]]
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in found):
            said.append(f"the prefix {prefix!r} was taken off")
            found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return dict(found), "; ".join(said)


def _is_state(found: Any) -> bool:
    return (
        isinstance(found, Mapping)
        and bool(found)
        and all(isinstance(value, Tensor) for value in found.values())
    )


def _safetensors(path: Path) -> Any:
    try:
        path.open("rb").close()  # of a file that one may not read the library says that there is none
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error})") from error


def _pickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another pickle protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: refused, because it holds more than tensors and plain values, which could run code; "
            f"save model.state_dict() alone ({_reason(error)})"
        ) from None
    except Exception as error:  # a damaged pickle fails in as many ways as it has bytes
        raise UserError(f"{path}: not a file of weights that torch reads ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "Unsupported" in line]
    return (lines[0] if lines else first_line(error))[:160]
