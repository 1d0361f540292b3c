"""A training run's state on disk, so that a killed one goes on where it was, to the same weights."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from ..core.integrity import Damaged, read_sealed, write_sealed
from .checkpoints import separate

_STATE = "state"  # the tensor that holds the JSON, as bytes


class Snapshot:
    """Saves and restores a model, its optimisers and a little JSON, in one file with a checksum.

    Together with random numbers that are drawn anew from (seed, epoch) at each epoch, this is all that a run
    needs to continue exactly. Nothing is pickled. Between two saves are at least `every` seconds.
    """

    def __init__(self, path: Path, every: float = 20.0) -> None:
        self.path = path
        self._every = every
        self._last = time.monotonic()

    def save_if_due(self, model: nn.Module, optimizers: dict[str, Optimizer], state: dict[str, Any]) -> None:
        """Save, unless the last save was a moment ago."""
        if time.monotonic() - self._last < self._every:
            return
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for name, optimizer in optimizers.items():
            for index, values in optimizer.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{key}": value for key, value in values.items()}
        tensors[_STATE] = torch.from_numpy(np.frombuffer(json.dumps(state).encode(), np.uint8).copy())
        write_sealed(self.path, save(separate(tensors)))
        self._last = time.monotonic()

    def restore(self, model: nn.Module, optimizers: dict[str, Optimizer]) -> dict[str, Any] | None:
        """Load what was saved into model and optimisers, and return the state; None if nothing was saved.

        Raises:
            Damaged: the file is not as it was written, or of another model; nothing is loaded.
        """
        try:
            tensors = load(read_sealed(self.path))
            state: dict[str, Any] = json.loads(bytes(tensors.pop(_STATE).tolist()))
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError) as error:
            raise Damaged(f"cannot be read: {error}") from error
        weights = _under("model", tensors)
        if _shapes(weights) != _shapes(model.state_dict()):
            raise Damaged("holds the weights of another model")
        model.load_state_dict(weights)
        for name, optimizer in optimizers.items():
            per_weight: dict[int, dict[str, Tensor]] = {}
            for key, tensor in _under(name, tensors).items():
                index, _, quantity = key.partition(".")
                per_weight.setdefault(int(index), {})[quantity] = tensor
            optimizer.load_state_dict({**optimizer.state_dict(), "state": per_weight})
        return state


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
