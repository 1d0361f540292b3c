"""A metric of pyiqa as a model: pyiqa's scores, mapped so that higher is better."""

import warnings
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...bench.core.errors import UserError
from ..adapted.scale import Scale
from .facts import Facts
from .weights import WeightFiles, check_filled, reading


class PyiqaMetric(nn.Module):
    """Base class of a metric of pyiqa, for the subclasses that `library.resolve` makes.

    Args:
        weights_dir: Folder that holds the files of weights, to be looked at before pyiqa's own cache.
        download: Fetch files that are missing, as pyiqa would. Default: name them in an error.
    """

    version: ClassVar[int] = 1
    recipe: ClassVar[str] = "none"
    metric: ClassVar[str]  # name in pyiqa
    options: ClassVar[dict[str, Any]]  # what pyiqa builds it with
    scale: ClassVar[Scale]  # range and direction of its scores
    facts: ClassVar[Facts]  # what was measured of it
    black_box: ClassVar[bool]  # whether it shows no gradient that an attack could use
    full_reference: ClassVar[bool] = False  # whether it compares images with references of the same shape
    pixels: ClassVar[str] = "native"  # pictures come at their full size, as pyiqa takes them

    # a digest of pyiqa's version and of the files that its weights were read from. pyiqa keeps some weights
    # outside of parameters and buffers, where the state dictionary does not see them
    files: Tensor

    def __init__(self, weights_dir: str | None = None, download: bool = False) -> None:
        super().__init__()
        folder = Path(weights_dir).expanduser() if weights_dir else None
        if folder and not folder.is_dir() and not download:
            raise UserError(f"pyiqa:{self.metric}: weights_dir = {weights_dir!r}: no such folder")
        files = WeightFiles(self.metric, folder, download)
        self.net = _built(self.options, files)
        self.register_buffer("files", files.digest())

    def forward(self, images: Tensor, *references: Tensor) -> Tensor:
        """Score images (N, 3, H, W) in [0, 1]: (N,), higher is better; see `Scale.quality`."""
        return self.scale.quality(self.raw(images, *references))

    def raw(self, images: Tensor, *references: Tensor) -> Tensor:
        """Return the scores (N,) as pyiqa gives them, one for each image whatever the batch."""
        if self.facts.batched:
            return self._asked(images, *references)
        one_by_one = zip(*(torch.split(pictures, 1) for pictures in (images, *references)), strict=True)
        return torch.cat([self._asked(*one) for one in one_by_one])

    def _asked(self, images: Tensor, *references: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pyiqa's own use of other libraries
            output = self.net(images, *references)
        scores: Tensor = output[0] if isinstance(output, tuple) else output
        return scores.reshape(len(images)).to(images.dtype)


def _built(options: dict[str, Any], files: WeightFiles) -> nn.Module:
    """Build pyiqa's network with its weights."""
    from pyiqa.archs import build_network

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with reading(files, options["type"]), torch.no_grad():  # some compute features of text
            net: nn.Module = build_network(options)
    check_filled(net, files)
    return net.eval()
