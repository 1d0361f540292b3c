"""Activations are those that leave the stages, in order, with the channels marked that the mask keeps."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from iqabench.bench.explain.activations import comparable, stage_activations
from iqabench.bench.explain.probe import Probe
from iqabench.bench.store.explanation import StageActivations
from iqabench.bench.sweep.engines.folding import folded
from iqabench.models import create_model
from iqabench.models.cprl import soft_rank_mask
from iqabench.models.cprl.model import ChannelActivation

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 16, 16, 32]}


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((1, 3, 64, 64), generator=generator)
    noise = 0.05 * torch.randn(image.shape, generator=generator)
    return image, (image + noise).clamp(0, 1)


def probe(name, **params):
    torch.manual_seed(0)
    model = create_model(name, backbone="resnet18", backbone_args=TINY, **params)
    return Probe(name, model.eval().requires_grad_(False))


def stage(clean, attacked=None, kept=None):
    clean = np.array(clean, float)
    attacked = clean if attacked is None else np.array(attacked, float)
    kept = None if kept is None else np.array(kept, float)
    return StageActivations(1, clean, attacked, kept, kept, None, np.zeros(len(clean), bool))


def leaving(model, image, stages):
    """Features after so many stages, by calling the backbone's parts one after the other."""
    backbone = model.backbone
    features = backbone.maxpool(backbone.act1(backbone.bn1(backbone.conv1(model.normalise(image)))))
    for number in range(1, stages + 1):
        features = getattr(backbone, f"layer{number}")(features)
    return features


@pytest.mark.parametrize("fold", [False, True])
def test_activations_are_the_means_of_what_leaves_each_stage(images, fold):
    resnet = probe("resnet")
    wanted = [[leaving(resnet.model, image, number) for image in images] for number in (1, 2, 3, 4)]
    if fold:
        resnet = Probe("resnet", folded(resnet.model, images[0]))
        assert isinstance(resnet.model.backbone.bn1, nn.Identity)
    found = stage_activations(resnet, *images)
    assert [stage.stage for stage in found] == [1, 2, 3, 4]
    for stage_found, (clean, attacked) in zip(found, wanted, strict=True):
        assert stage_found.clean == pytest.approx(clean.mean((0, 2, 3)).numpy(), abs=1e-5)
        assert stage_found.attacked == pytest.approx(attacked.mean((0, 2, 3)).numpy(), abs=1e-5)
        assert stage_found.kept_clean is None
        assert stage_found.still_kept is None


@pytest.mark.parametrize("reading", ["keep_top", "suppress_middle"])
def test_what_the_mask_keeps_is_the_soft_rank_mask_of_the_features_before_it(images, reading):
    cprl = probe("cprl", b=0.3, reading=reading)
    found = stage_activations(cprl, *images)
    assert [stage.kept_clean is not None for stage in found] == [False, False, True, True]

    before_mask = probe("cprl", b=0.3, reading=reading).model
    before_mask.load_state_dict(cprl.model.state_dict())
    (block,) = before_mask.backbone.layer4
    (name,) = [name for name, module in block.named_children() if isinstance(module, ChannelActivation)]
    setattr(block, name, nn.Identity())
    masks = [soft_rank_mask(leaving(before_mask, image, 4), 0.3, reading).double() for image in images]
    assert found[3].kept_clean == pytest.approx(masks[0].mean((0, 2, 3)).numpy(), abs=1e-6)
    assert found[3].kept_attacked == pytest.approx(masks[1].mean((0, 2, 3)).numpy(), abs=1e-6)
    stays = torch.minimum(*masks).sum() / masks[0].sum()
    assert found[3].still_kept == pytest.approx(stays.item(), abs=1e-6)
    assert 0 < found[3].still_kept < 1
    assert found[3].clean == pytest.approx(
        leaving(cprl.model, images[0], 4).mean((0, 2, 3)).numpy(), abs=1e-5
    )


def test_a_model_without_residual_stages_has_none():
    class Plain(nn.Module):
        def forward(self, images):
            return images.mean((1, 2, 3))

    image = torch.rand((1, 3, 32, 32))
    assert stage_activations(Probe("plain", Plain()), image, image) == ()
    vgg = create_model("dbcnn", backbone="vgg11", scnn_width=0.1).eval()
    assert stage_activations(Probe("dbcnn", vgg), image, image) == ()


def test_channels_are_in_descending_order_of_their_clean_activation():
    clean = np.random.default_rng(0).normal(size=40)
    order = stage(clean).order
    assert list(clean[order]) == sorted(clean, reverse=True)
    assert list(stage([1, 2, 1, 2]).order) == [1, 3, 0, 2]


def test_the_largest_are_marked_without_a_mask_and_the_kept_with_one():
    clean, kept = [5, 4, 3, 2, 1], [0.1, 0.9, 0.9, 0.0, 0.2]
    assert list(stage(clean).marking(0.4).marked) == [True, True, False, False, False]
    assert list(stage(clean, kept=kept).marking(0.4).marked) == [False, True, True, False, False]
    assert list(stage(clean, kept=kept).marking(0.2).marked) == [False, True, False, False, False]  # larger
    assert stage(clean).marking(0.01).marked.sum() == 1


def test_stages_with_a_mask_are_shown_and_as_many_channels_are_marked_where_there_is_none(images):
    cprl, resnet = probe("cprl", b=0.2, reading="keep_top", sites=(2, 4)), probe("resnet")
    shown = comparable([stage_activations(cprl, *images), stage_activations(resnet, *images)])
    assert [[stage.stage for stage in model] for model in shown] == [[2, 4], [2, 4]]
    # The (0.5 - b) K largest, less half a channel at the sigmoid's cut.
    assert [[int(stage.marked.sum()) for stage in model] for model in shown] == [[4, 9], [4, 9]]
    for unmasked in shown[1]:
        assert unmasked.clean[unmasked.marked].min() >= unmasked.clean[~unmasked.marked].max()


def test_without_any_mask_all_stages_are_shown_with_a_tenth_marked(images):
    shown = comparable([stage_activations(probe(name), *images) for name in ("sat", "resnet")])
    for model in shown:
        assert [stage.stage for stage in model] == [1, 2, 3, 4]
        assert [int(stage.marked.sum()) for stage in model] == [1, 2, 2, 3]


def test_the_change_of_some_channels_by_hand():
    moved = stage([4, 2, 1, 1], [3, 2.5, 1, 1]).deviation(np.array([True, True, False, False]))
    assert (moved.channels, moved.change, moved.relative) == (2, 0.75, 0.25)
    silent = stage([0, 0, 1], [0.5, 0, 1]).deviation(np.array([True, True, False]))
    assert silent.change == 0.25
    assert math.isnan(silent.relative)
    assert math.isnan(stage([1]).deviation(np.array([False])).change)
