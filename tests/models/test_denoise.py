import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from iqabench.models.denoise import DenoisingBlock

Build = Callable[..., nn.Module]


@pytest.mark.parametrize("training", [False, True])
def test_the_block_is_the_exact_identity_at_initialisation(training: bool) -> None:
    features = 10 * torch.randn(2, 16, 5, 4)
    assert torch.equal(DenoisingBlock(16).train(training)(features), features)


def block_with_a_scale(channels: int) -> DenoisingBlock:
    torch.manual_seed(0)
    block = DenoisingBlock(channels).double().eval()
    for weight in (block.theta.weight, block.phi.weight):
        nn.init.normal_(weight)
    nn.init.normal_(block.norm.weight)
    nn.init.normal_(block.norm.bias)
    nn.init.normal_(block.norm.running_mean)
    nn.init.uniform_(block.norm.running_var, 0.5, 2)
    return block


def non_local_mean_by_loop(block: DenoisingBlock, image: Tensor) -> Tensor:
    """Section 4.2 of Xie et al. 2019, position by position, for one image (C, L)."""
    theta, phi = block.theta.weight[:, :, 0, 0], block.phi.weight[:, :, 0, 0]
    mean = torch.empty_like(image)
    for i in range(image.shape[1]):
        affinities = [
            math.exp((theta @ image[:, i]) @ (phi @ image[:, j]) / math.sqrt(len(theta)))
            for j in range(image.shape[1])
        ]
        mean[:, i] = sum(f * image[:, j] for j, f in enumerate(affinities)) / sum(affinities)
    return mean


@pytest.mark.parametrize("channels", [6, 7])
@torch.no_grad()
def test_the_block_equals_a_plain_loop_over_positions(channels: int) -> None:
    block = block_with_a_scale(channels)
    features = torch.randn(2, channels, 3, 4, dtype=torch.float64)
    mean = torch.stack([non_local_mean_by_loop(block, image.flatten(1)) for image in features])
    mixed = torch.einsum("dc,ncl->ndl", block.mix.weight[:, :, 0, 0], mean).view_as(features)
    norm = block.norm
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    normed = torch.einsum("c,nchw->nchw", scale, mixed - norm.running_mean.view(-1, 1, 1))
    torch.testing.assert_close(block(features), features + normed + norm.bias.view(-1, 1, 1))


def test_the_gradient_of_the_block_agrees_with_finite_differences() -> None:
    features = torch.randn(1, 4, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block_with_a_scale(4), features)


def test_a_block_follows_the_last_residual_block_of_each_of_the_four_stages(tiny_model: Build) -> None:
    model = tiny_model("denoise", backbone_args={"layers": [1, 2, 1, 1], "channels": [8, 8, 8, 8]})
    places = [name for name, module in model.backbone.named_modules() if isinstance(module, DenoisingBlock)]
    assert places == ["layer1.1", "layer2.2", "layer3.1", "layer4.1"]


def test_before_training_the_model_is_its_resnet(tiny_model: Build) -> None:
    images = torch.rand(2, 3, 64, 64)
    resnet, denoise = tiny_model("resnet"), tiny_model("denoise")
    for module in denoise.modules():
        if isinstance(module, DenoisingBlock):
            nn.init.zeros_(module.norm.weight)
            nn.init.zeros_(module.norm.running_mean)
            nn.init.zeros_(module.norm.bias)
    left_over = denoise.load_state_dict(resnet.state_dict(), strict=False)
    assert left_over.unexpected_keys == []
    assert torch.equal(denoise(images), resnet(images))
