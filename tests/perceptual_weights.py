"""Drawn weights of LPIPS and DISTS, in the two files that pyiqa fetches for each."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch
import torchvision
from torch import Tensor, nn


class Files(NamedTuple):
    """The two files of a metric: its own layers, and the whole network that its backbone is a part of."""

    own: str
    shapes: Mapping[str, tuple[int, ...]]
    backbone: str
    network: Callable[[], nn.Module]


LPIPS = {f"lin{i}.model.1.weight": (1, width, 1, 1) for i, width in enumerate((64, 192, 384, 256, 256))}
DISTS = dict.fromkeys(("alpha", "beta"), (1, 3 + 64 + 128 + 256 + 512 + 512, 1, 1))
FILES = {
    "lpips": Files(
        "LPIPS_v0.1_alex-df73285e.pth", LPIPS, "alexnet-owt-7be5be79.pth", torchvision.models.alexnet
    ),
    "dists": Files("DISTS_weights-f5e65c96.pth", DISTS, "vgg16-397923af.pth", torchvision.models.vgg16),
}


def write_perceptual_weights(name: str, folder: Path) -> Files:
    """Write drawn weights in the format of both files; those of the classifier take no space."""
    files, generator = FILES[name], torch.Generator().manual_seed(0)

    def drawn(shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=generator) / 10

    own = {key: drawn(shape) for key, shape in files.shapes.items()}
    torch.save(own, folder / files.own)
    with torch.device("meta"):
        whole = files.network().state_dict()
    torch.save(
        {
            key: drawn(tensor.shape) - 0.05 if "features" in key else torch.zeros(1).expand(tensor.shape)
            for key, tensor in whole.items()
        },
        folder / files.backbone,
    )
    return files


def names_what_is_missing(message: str, name: str, folder: Path) -> bool:
    """Return whether a message names the metric's own file, its address, its backbone's, and the folder."""
    files = FILES[name]
    return all(
        part in message
        for part in (
            f"pyiqa:{name} needs the file {files.own!r}, which is not there",
            f"/{files.own}. Put it into {folder}, or into a folder named by `weights_dir` in its table",
            f"{files.backbone!r} (from https://",
        )
    )


@contextmanager
def no_initial_values() -> Iterator[None]:
    """Spare the classifiers of the networks their draws: a hundred million weights, which no metric reads."""
    with ExitStack() as stack:
        for name in ("kaiming_uniform_", "kaiming_normal_", "normal_"):
            stack.enter_context(patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        yield
