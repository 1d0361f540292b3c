"""A training run's state on disk, so that a killed one goes on where it was, to the same weights."""

import json
import time
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from ..core.files import replacing
from .checkpoints import save_tensors


class Snapshot:
    """Saves and restores a model, its optimisers and a little JSON, in one safetensors file.

    Together with random numbers that are drawn anew from (seed, epoch) at each epoch, this is all that a
    run needs to continue exactly. Nothing is pickled.

    Args:
        path: The file. Its folder is made when needed.
        every: Least time between two saves, in seconds.
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
        with replacing(self.path) as temporary:
            save_tensors(
                {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
                temporary,
                {"state": json.dumps(state)},
            )
        self._last = time.monotonic()

    def restore(self, model: nn.Module, optimizers: dict[str, Optimizer]) -> dict[str, Any] | None:
        """Load what was saved into model and optimisers, and return the state; None if nothing was saved.

        A file that cannot be read is as good as none: the run starts again.
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                state: dict[str, Any] = json.loads(file.metadata()["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, TypeError):
            return None
        model.load_state_dict(_under("model", tensors))
        for name, optimizer in optimizers.items():
            per_weight: dict[int, dict[str, Tensor]] = {}
            for key, tensor in _under(name, tensors).items():
                index, _, quantity = key.partition(".")
                per_weight.setdefault(int(index), {})[quantity] = tensor
            optimizer.load_state_dict({**optimizer.state_dict(), "state": per_weight})
        return state

    def discard(self) -> None:
        """Delete the file, once the run is finished."""
        self.path.unlink(missing_ok=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
