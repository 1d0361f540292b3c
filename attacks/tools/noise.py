"""Random numbers that belong to an image: the same in any batch, in any order, on any machine."""

from hashlib import blake2b

import torch
from torch import Tensor


def unit_noise(images: Tensor, seed: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw uniform noise in [-1, 1), of the images' shape, type and device, on the CPU on any device.

    The seed and an image (in 8 bits, so that rounding does not matter) determine the image's noise; or it is
    drawn from a generator, of one image after the other.
    """
    own = [generator] * len(images) if generator is not None else generators(images, seed)
    draws = [torch.rand(images.shape[1:], generator=each, dtype=images.dtype) for each in own]
    return torch.stack(draws).mul_(2).sub_(1).to(images.device)


def patch_signs(images: Tensor, size: int, seed: int) -> Tensor:
    """Draw random signs (N, C, H, W), constant on square patches of a size in pixels; see `unit_noise`."""
    signs = unit_noise(images[:, :, ::size, ::size], seed).sign()
    patches = signs.repeat_interleave(size, 2).repeat_interleave(size, 3)
    return patches[:, :, : images.shape[2], : images.shape[3]]


def generators(images: Tensor, seed: int) -> list[torch.Generator]:
    """Return a generator on the CPU for each image, seeded by `seed` and the image in 8 bits."""
    levels = images.mul(255).round_().to(torch.uint8).cpu()
    digests = (blake2b(f"{seed}:".encode() + image.numpy().tobytes(), digest_size=8) for image in levels)
    return [torch.Generator().manual_seed(int.from_bytes(digest.digest())) for digest in digests]
