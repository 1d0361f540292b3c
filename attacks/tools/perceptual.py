"""Perceptual distances that are networks: full-reference metrics of pyiqa, frozen and built once."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ...bench.core import registry


@dataclass(frozen=True)
class Network:
    """A full-reference metric of pyiqa as a distance."""

    model: Any  # of pyiqa
    digest: str  # of pyiqa's version and the files that its weights were read from

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """Return pyiqa's scores (N,), lower is more alike, of images and others, both (N, 3, H, W) in [0, 1].

        The network goes to the images' device and type, and stays there.
        """
        distances: Tensor = self.model.to(images.device, images.dtype).raw(images, others)
        return distances


@cache
def network(metric: str, weights_dir: str | None, download: bool) -> Network:
    """Return a full-reference metric of pyiqa, frozen.

    Files of its weights are looked for in `weights_dir`, too; `download` fetches those that are missing.

    Raises:
        UserError: pyiqa or a file of weights is missing; says where to put it.
    """
    with torch.inference_mode(False):
        model: nn.Module = registry.resolve("models", f"pyiqa:{metric}")(weights_dir, download)
        model = model.eval().requires_grad_(False)
        digest = bytes(model.get_buffer("files").tolist()).hex()[:16]
    return Network(model, digest)
