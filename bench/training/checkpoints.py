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
from safetensors.torch import save_file
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.files import bring, replacing, write_text
from ..core.integrity import with_checksum, without_checksum
from .weights import read_weights

_TRAIN_AGAIN = "delete it and the file beside it, and the model is trained again"


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
        bring(self.path)
        if not (self.path.is_file() and self.card_path.is_file()):
            return None
        try:
            card = without_checksum(json.loads(self.card_path.read_text(encoding="utf-8")))
            if not isinstance(card["weights"], str):
                raise ValueError("key 'weights': not the digest of weights")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(
                f"{self.card_path}: not a readable model card ({error}); {_TRAIN_AGAIN}"
            ) from error
        return card

    def save(self, model: nn.Module, card: dict[str, Any]) -> dict[str, Any]:
        """Write weights, then the card with their digest, and return the card as written.

        Raises:
            OSError: they cannot be written, as on a full disk.
        """
        try:
            with replacing(self.path) as temporary:
                save_file(separate(model.state_dict()), temporary)
        except SafetensorError as error:
            raise OSError(errno.EIO, str(error), str(self.path)) from error
        card = {**card, "weights": weights_digest(model)}
        write_text(self.card_path, json.dumps(with_checksum(card), indent=2) + "\n")
        return card

    def load_into(self, model: nn.Module) -> None:
        """Load the weights into a model of the same architecture.

        Raises:
            UserError: as `load_weights`, or they are not those that the card is of.
        """
        try:
            load_weights(model, self.path)
        except UserError as error:
            raise UserError(f"{error}; if the file is damaged, restore it, or {_TRAIN_AGAIN}") from error
        card = self.card()
        if card and weights_digest(model) != card["weights"]:
            raise UserError(
                f"{self.path}: damaged: its weights do not have the digest on its card; restore the file, "
                f"or {_TRAIN_AGAIN}"
            )


def separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors on the CPU, each with memory of its own, as safetensors wants them.

    Those of a module with two names share theirs.
    """
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        address = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if address in seen else tensor
        seen.add(address)
    return apart


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a file of weights into a model, strictly; a UserError if it cannot be read or does not fit."""
    tensors, _ = read_weights(path)
    wanted = model.state_dict()
    _require_same("is missing", wanted.keys() - tensors.keys(), path, model)
    _require_same("is not one of the model's", tensors.keys() - wanted.keys(), path, model)
    misfits = {name for name in wanted if wanted[name].shape != tensors[name].shape}
    _require_same("has another shape than the model's", misfits, path, model)
    model.load_state_dict(tensors)


def weights_digest(model: nn.Module) -> str:
    """Return a digest of a model's parameters and buffers: names, types, shapes and bytes."""
    running = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        tensor = tensor.detach().cpu().contiguous()
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
