import pytest
import timm
import torch
from torch import nn

from iqabench.bench.core.errors import UserError
from iqabench.models.surgery import replace_activations, replace_last_activation, stages


def count(module: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(child, kind) for child in module.modules())


def test_every_relu_is_replaced_by_a_module_of_its_own() -> None:
    backbone = timm.create_model("resnet18", layers=(1, 1, 1, 1))
    replace_activations(backbone, nn.Tanh)
    assert count(backbone, nn.ReLU) == 0
    assert count(backbone, nn.Tanh) == 9  # the stem's, and two in each of four blocks


def test_only_the_relu_after_the_shortcut_is_the_last_of_a_block() -> None:
    for name, last in (("resnet18", "act2"), ("resnet50", "act3")):
        block = timm.create_model(name, layers=(1, 1, 1, 1)).layer2[0]
        replace_last_activation(block, nn.Tanh())
        assert isinstance(getattr(block, last), nn.Tanh)
        assert count(block, nn.Tanh) == 1


def test_replacing_an_in_place_relu_leaves_gradients_right() -> None:
    torch.manual_seed(0)
    plain = timm.create_model("resnet18", layers=(1, 1, 1, 1), channels=(8, 8, 8, 8), num_classes=1).eval()
    replaced = timm.create_model("resnet18", layers=(1, 1, 1, 1), channels=(8, 8, 8, 8), num_classes=1).eval()
    replaced.load_state_dict(plain.state_dict())
    replace_activations(replaced, nn.ReLU)
    gradients = []
    for model in (plain, replaced):
        images = torch.linspace(0, 1, 3 * 32 * 32).view(1, 3, 32, 32).requires_grad_()
        model(images).sum().backward()
        gradients.append(images.grad)
    assert torch.equal(*gradients)


def test_stages_come_in_order_with_their_channels() -> None:
    backbone = timm.create_model("resnet50", layers=(1, 2, 1, 1))
    found = stages(backbone)
    assert [stage.channels for stage in found] == [256, 512, 1024, 2048]
    assert [len(stage.blocks) for stage in found] == [1, 2, 1, 1]
    assert found[1].blocks is backbone.layer2


def test_a_backbone_without_relus_or_stages_is_refused_with_a_way_out() -> None:
    with pytest.raises(UserError, match="resnet50"):
        replace_activations(nn.Sequential(nn.SiLU()), nn.Tanh)
    with pytest.raises(UserError, match="resnet50"):
        stages(timm.create_model("convnext_atto"))
