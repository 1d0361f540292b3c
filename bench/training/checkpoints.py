"""Trained weights as safetensors, each with a JSON card that says how it was made.

Nothing here unpickles: a checkpoint from a stranger can hold numbers only.
"""

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.files import replacing, write_text


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights, with a card in a `.json` file of the same name."""

    path: Path

    @property
    def card_path(self) -> Path:
        """Path of the JSON card."""
        return self.path.with_suffix(".json")

    def card(self) -> dict[str, Any] | None:
        """Return the card, or None while there is no finished checkpoint here."""
        if not (self.path.is_file() and self.card_path.is_file()):
            return None
        try:
            card: dict[str, Any] = json.loads(self.card_path.read_text(encoding="utf-8"))
            if not isinstance(card["weights"], str):
                raise ValueError("its key 'weights' is not a text")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self.card_path}: not a readable model card ({error}); "
                "delete it and its .safetensors to train the model again"
            ) from error
        return card

    def save(self, model: nn.Module, card: dict[str, Any]) -> dict[str, Any]:
        """Write weights, then the card with their digest, and return the card as written."""
        with replacing(self.path) as temporary:
            save_tensors(_tensors(model), temporary)
        card = {**card, "weights": weights_digest(model)}
        write_text(self.card_path, json.dumps(card, indent=2) + "\n")
        return card

    def load_into(self, model: nn.Module) -> None:
        """Load the weights into a model of the same architecture."""
        load_weights(model, self.path)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file. Tensors that share memory, as of a module with two names, are written apart.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        address = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if address in seen else tensor
        seen.add(address)
    try:
        save_file(apart, path, metadata)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(path)) from error


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a safetensors file into a model, strictly.

    Raises:
        UserError: no such file, not safetensors (a pickle is never opened), or other tensors than the
            model's.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such weights file")
    if path.suffix != ".safetensors":
        raise UserError(
            f"{path}: weights are read from .safetensors only, because a pickle can run code; convert it "
            "with safetensors.torch.save_file(torch.load(path, weights_only=True), 'weights.safetensors')"
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error})") from error
    wanted = model.state_dict()
    _require_same("is missing", wanted.keys() - tensors.keys(), path, model)
    _require_same("is not one of the model's", tensors.keys() - wanted.keys(), path, model)
    misfits = {name for name in wanted if wanted[name].shape != tensors[name].shape}
    _require_same("has another shape than the model's", misfits, path, model)
    model.load_state_dict(tensors)


def weights_digest(model: nn.Module) -> str:
    """Return a digest of a model's parameters and buffers: names, types, shapes and bytes."""
    running = hashlib.sha256()
    for name, tensor in sorted(_tensors(model).items()):
        running.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        running.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return running.hexdigest()[:20]


def _require_same(fault: str, names: set[str], path: Path, model: nn.Module) -> None:
    if names:
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        raise UserError(
            f"{path}: tensor {sorted(names)[0]!r}{others} {fault}: these are not weights of this "
            f"{type(model).__name__}; check its parameters in bench.toml"
        )


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
