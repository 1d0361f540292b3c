from collections.abc import Callable

import pytest
import torch
from torch import nn

from iqabench.bench.core.errors import UserError
from iqabench.models import create_model
from iqabench.models.cprl import soft_rank_mask
from iqabench.models.cprl.model import ChannelActivation

Build = Callable[..., nn.Module]


def test_the_activation_is_the_masked_feature_rectified_and_the_mask_a_constant_to_its_gradient() -> None:
    features = torch.randn(2, 40, 3, 3, requires_grad=True)
    mask = soft_rank_mask(features, 0.3, "keep_top")
    assert not mask.requires_grad
    output = ChannelActivation(0.3, "keep_top")(features)
    torch.testing.assert_close(output, (features * mask).clamp_min(0))
    output.sum().backward()
    torch.testing.assert_close(features.grad, mask * (features > 0))


@pytest.mark.parametrize(
    ("sites", "blocks"),
    [
        ([3, 4], ["layer3.1", "layer4.0"]),
        ([1], ["layer1.1"]),
        ("last_block_of_each_stage", ["layer1.1", "layer2.0", "layer3.1", "layer4.0"]),
        ("every_block", ["layer1.0", "layer1.1", "layer2.0", "layer3.0", "layer3.1", "layer4.0"]),
    ],
)
def test_sites_choose_the_blocks_whose_last_relu_is_masked(
    tiny_model: Build, sites: str | list[int], blocks: list[str]
) -> None:
    arguments = {"layers": [2, 1, 2, 1], "channels": [8, 8, 8, 8]}
    model = tiny_model("cprl", backbone_args=arguments, sites=sites)
    masked = [
        name for name, module in model.backbone.named_modules() if isinstance(module, ChannelActivation)
    ]
    assert masked == [f"{block}.act2" for block in blocks]
    assert len(model.channel_activations()) == len(blocks)


@pytest.mark.parametrize("sites", [[0], [3, 5], []])
def test_sites_that_are_no_stages_are_refused(sites: list[int]) -> None:
    with pytest.raises(UserError, match="1 to 4"):
        create_model("cprl", backbone="resnet18", sites=sites)


def test_only_the_masks_set_cprl_apart_from_a_resnet(tiny_model: Build) -> None:
    images = torch.rand(2, 3, 64, 64)
    resnet, cprl = tiny_model("resnet"), tiny_model("cprl", pns_weight=0.0)
    cprl.load_state_dict(resnet.state_dict())
    assert not torch.equal(cprl(images), resnet(images))
    for activation in cprl.channel_activations():
        activation.forward = torch.relu
    assert torch.equal(cprl(images), resnet(images))


def test_an_intervention_is_in_force_for_the_time_of_its_context(tiny_model: Build) -> None:
    images, model = torch.rand(2, 3, 64, 64), tiny_model("cprl")
    plain = model(images)
    with model.intervened("sufficiency"):
        sufficient = model(images)
        with model.intervened("necessity"):
            assert not torch.equal(model(images), sufficient)
        assert torch.equal(model(images), sufficient)
    assert not torch.equal(sufficient, plain)
    assert torch.equal(model(images), plain)


def test_phi_and_xi_are_told_apart_from_each_other_and_from_the_rest(tiny_model: Build) -> None:
    model = tiny_model("cprl")
    phi = {id(weight) for weight in model.intervention_weights("sufficiency")}
    xi = {id(weight) for weight in model.intervention_weights("necessity")}
    assert len(phi) == len(xi) == len(model.channel_activations()) == 2
    assert not phi & xi
    resnet = tiny_model("resnet")
    assert len(list(model.parameters())) - len(phi | xi) == len(list(resnet.parameters()))


def test_without_a_pns_weight_there_are_no_interventions(tiny_model: Build) -> None:
    model = tiny_model("cprl", pns_weight=0.0)
    assert model.intervention_weights("sufficiency") == []
    with pytest.raises(ValueError, match="pns_weight = 0 has no interventions"):
        model.intervened("necessity").__enter__()


def test_the_printed_form_of_eq_13_is_a_switch(tiny_model: Build) -> None:
    images = torch.rand(2, 3, 64, 64)
    corrected, printed = tiny_model("cprl"), tiny_model("cprl", printed_intervention=True)
    assert torch.equal(corrected(images), printed(images))
    for kind, same in (("sufficiency", True), ("necessity", False)):
        with corrected.intervened(kind), printed.intervened(kind):
            assert torch.equal(corrected(images), printed(images)) is same


def test_the_readings_of_fc_change_interventions_and_nothing_else(tiny_model: Build) -> None:
    images = torch.rand(2, 3, 64, 64)
    plain, part = tiny_model("cprl"), tiny_model("cprl", fc_input="replaced_part")
    nonlinear = tiny_model("cprl", fc="nonlinear")
    nonlinear.load_state_dict(
        {name: value for name, value in plain.state_dict().items() if ".maps." not in name}, strict=False
    )
    assert torch.equal(plain(images), part(images))
    assert torch.equal(plain(images), nonlinear(images))
    for kind in ("sufficiency", "necessity"):
        assert len(nonlinear.intervention_weights(kind)) == 2 * len(plain.intervention_weights(kind))
        with plain.intervened(kind), part.intervened(kind), nonlinear.intervened(kind):
            assert not torch.equal(plain(images), part(images))
            assert not torch.equal(plain(images), nonlinear(images))
