"""The tensors of a TorchScript archive, read without running what else is in it."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...bench.core.errors import UserError


class ArchivedTensors:
    """A stand-in for a TorchScript program: its tensors by name, and nothing that runs.

    Args:
        path: A file written by `torch.jit.save`.

    Raises:
        UserError: the file holds something else than modules, tensors and plain values.
        RuntimeError: the file is not a TorchScript archive, as `torch.jit.load` says it.
    """

    def __init__(self, path: Path) -> None:
        self._tensors = _read(path)
        self._path = path

    def eval(self) -> "ArchivedTensors":
        """Return itself, as a module does."""
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors by their dotted names."""
        return OrderedDict(self._tensors)

    def __call__(self, *_: Any) -> Tensor:
        """Refuse to run."""
        raise UserError(f"{self._path}: is a TorchScript program, which iqabench reads but does not run")

    def linear(self) -> nn.Linear | None:
        """Return the linear map to one number that the tensors are, or None.

        The regressors of ARNIQA are that: `weights` (1, D) and `biases` (1).
        """
        if self._tensors.keys() != {"weights", "biases"} or self._tensors["biases"].numel() != 1:
            return None
        weight, bias = self._tensors["weights"].float(), self._tensors["biases"].float()
        layer = nn.Linear(weight.numel(), 1)
        layer.load_state_dict({"weight": weight.reshape(1, -1), "bias": bias.reshape(1)})
        return layer.eval()


class _Object:
    """Holds the attributes of an archived module."""

    def __setstate__(self, state: Any) -> None:
        self.attributes = state


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            root = names[0].split("/")[0]
            if not any(name.startswith(f"{root}/code/") for name in names):
                raise RuntimeError(f"{path}: not a TorchScript archive")
            with archive.open(f"{root}/data.pkl") as stream:
                top = _Unpickler(stream, archive, root).load()
    except (zipfile.BadZipFile, IndexError, KeyError) as error:
        raise RuntimeError(f"{path}: not a TorchScript archive") from error
    except pickle.UnpicklingError as error:
        raise UserError(f"{path}: {error}") from error
    found: dict[str, Tensor] = {}
    _collect(top, "", found)
    return found


def _collect(value: Any, name: str, found: dict[str, Tensor]) -> None:
    if isinstance(value, Tensor):
        found[name] = value
    elif isinstance(value, _Object) and isinstance(getattr(value, "attributes", None), dict):
        for key, part in value.attributes.items():
            _collect(part, f"{name}.{key}" if name else str(key), found)


class _Unpickler(pickle.Unpickler):
    """Makes tensors from their bytes, and passive objects from all classes of the archive."""

    def __init__(self, stream: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(stream)
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Object
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name.endswith("Storage"):
            return name
        if module == "torch.jit._pickle" and name in ("build_intlist", "build_boollist", "build_doublelist"):
            return list
        raise pickle.UnpicklingError(f"holds {module}.{name}, which is not read, because it could run code")

    def persistent_load(self, pid: Any) -> Tensor:
        _, storage, key, _, count = pid
        data = bytearray(self._archive.read(f"{self._root}/data/{key}"))
        return torch.frombuffer(data, dtype=_DTYPES[storage])[:count]


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    return storage.as_strided(tuple(size), tuple(stride), offset).clone()


_DTYPES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}  # fmt: skip
