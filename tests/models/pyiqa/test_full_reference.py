"""Full-reference metrics of pyiqa that have weights, in the files that pyiqa fetches."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torchvision
from pyiqa.default_model_configs import DEFAULT_CONFIGS
from pyiqa.models.inference_model import InferenceModel
from torch import Tensor, nn

from iqabench import UserError
from iqabench.attacks import create_attack
from iqabench.benchmarks.pyiqa_metrics import pictures
from iqabench.models import create_model
from iqabench.models.adapted.referenced import Referenced
from iqabench.models.pyiqa.weights import WeightFiles, reading


class Files(NamedTuple):
    """The two files of a metric: its own layers, and the whole network that its backbone is a part of."""

    own: str
    shapes: dict[str, tuple[int, ...]]
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


@pytest.fixture(autouse=True)
def no_time_for_initial_values(monkeypatch):
    """The classifiers of the networks have a hundred million weights, which no metric reads."""
    for name in ("kaiming_uniform_", "kaiming_normal_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)


def write(name: str, folder: Path) -> Files:
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


@pytest.mark.parametrize("name", FILES)
def test_missing_files_are_named_with_their_address_and_where_to_put_them(name, tmp_path):
    with pytest.raises(UserError) as raised:
        create_model(f"pyiqa:{name}", weights_dir=str(tmp_path))
    message = str(raised.value)
    assert f"needs the file {FILES[name].own!r}" in message
    assert f"/{FILES[name].own}. Put it into {tmp_path}" in message
    assert f"{FILES[name].backbone!r} (from https://" in message


@pytest.mark.parametrize("name", FILES)
def test_scores_are_pyiqas_own_and_the_distorted_image_is_attacked(name, tmp_path):
    files = write(name, tmp_path)
    options = DEFAULT_CONFIGS[name]["metric_opts"]
    with reading(WeightFiles(name, tmp_path, download=False), options["type"]):
        theirs = InferenceModel(name, device="cpu")
    model = create_model(f"pyiqa:{name}", weights_dir=str(tmp_path)).eval()
    images = pictures(64)
    references = images.flip(0)
    with torch.no_grad():
        expected = torch.stack(
            [theirs(*pair).reshape(()) for pair in zip(images.split(1), references.split(1), strict=True)]
        )
        torch.testing.assert_close(model.raw(images, references), expected.float(), rtol=1e-5, atol=1e-5)

    known = Referenced(model, images.split(1), ["a", "b"], lambda number: references[number, None])
    clean = known(images).detach()
    (attacked,) = create_attack("fgsm").perturb(known, images, torch.zeros(2), [2 / 255])
    assert (attacked - images).abs().max() <= 2 / 255 + 1e-6
    assert (known(attacked) != clean).all()

    (tmp_path / files.backbone).unlink()
    with pytest.raises(UserError, match=f"needs the file '{files.backbone}'"):
        create_model(f"pyiqa:{name}", weights_dir=str(tmp_path))
