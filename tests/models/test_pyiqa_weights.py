"""State dictionaries of pyiqa's DBCNN and NIMA give our models pyiqa's scores."""

from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from iqabench.models import create_model

dbcnn_arch = pytest.importorskip("pyiqa.archs.dbcnn_arch")
nima_arch = pytest.importorskip("pyiqa.archs.nima_arch")


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyiqa's constructors fetch ImageNet weights; random ones serve."""

    def vgg16(weights: str) -> nn.Module:
        return torchvision.models.vgg16(weights=None, init_weights=False)

    def create_extractor(name: str, pretrained: bool, **options: Any) -> nn.Module:
        return timm.create_model(name, **options)

    offline_torchvision = SimpleNamespace(models=SimpleNamespace(vgg16=vgg16))
    monkeypatch.setattr(dbcnn_arch, "torchvision", offline_torchvision)
    monkeypatch.setattr(dbcnn_arch, "load_pretrained_network", lambda *arguments: None)
    monkeypatch.setattr(nima_arch, "timm", SimpleNamespace(create_model=create_extractor))
    torch.manual_seed(0)


def with_random_statistics(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval()


def images(height: int, width: int) -> Tensor:
    return torch.rand(2, 3, height, width)


@torch.no_grad()
def test_pyiqas_dbcnn_score_is_the_logit_of_ours() -> None:
    theirs = with_random_statistics(dbcnn_arch.DBCNN(fc=False, pretrained=False))
    nn.init.normal_(theirs.fc.weight)
    ours: Any = create_model("dbcnn").eval()
    ours.load_pyiqa(theirs.state_dict())
    for batch in (images(64, 64), images(97, 75)):
        torch.testing.assert_close(ours(batch).logit(), theirs(batch)[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", ["resnet18", "vgg11"])
@torch.no_grad()
def test_pyiqas_nima_score_is_ours_on_a_scale_of_1_to_10(backbone: str) -> None:
    theirs = with_random_statistics(nima_arch.NIMA(backbone, pretrained=False))
    nn.init.normal_(theirs.classifier[2].weight)
    ours: Any = create_model("nima", backbone=backbone).eval()
    ours.load_pyiqa(theirs.state_dict())
    batch = images(224, 224)  # which pyiqa does not resize for these backbones
    torch.testing.assert_close(1 + 9 * ours(batch), theirs(batch)[:, 0])


def test_a_state_dictionary_of_another_backbone_is_refused() -> None:
    theirs = nima_arch.NIMA("resnet18", pretrained=False)
    with pytest.raises(KeyError):
        create_model("nima", backbone="resnet34").load_pyiqa(theirs.state_dict())
