"""The pixel gradient of a network's first convolution, in about half the time on a CPU.

A convolution that reads three channels at a stride suits no fast kernel on its way back: of the gradient of a
small ResNet to its pixels it takes more than half. The same sums are those of an ordinary convolution, which
makes the pixels of each phase of the stride from the gradient of the output.
"""

from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW = 4  # channels that a convolution of pixels reads, at most


class PixelConvolution(nn.Conv2d):
    """A convolution whose gradient to its input is computed phase by phase.

    Let y[o] = sum_k w[k] x[s o + k - p] for stride s and padding p, along each axis. The gradient to pixel
    i = s a + r of phase r is then the sum over d of g[a - d] w[s d + r + p], where g is the gradient to y:
    a convolution of g by every s-th weight.
    """

    @classmethod
    def serves(cls, module: nn.Module) -> TypeGuard[nn.Conv2d]:
        """Return whether a module is a convolution of pixels, and one that this can stand for."""
        return (
            type(module) is nn.Conv2d
            and module.in_channels <= FEW
            and module.groups == 1
            and module.dilation == (1, 1)
            and module.padding_mode == "zeros"
            and module.stride[0] == module.stride[1] > 1  # else as much time
            and isinstance(module.padding, tuple)
            and all(padding < size for padding, size in zip(module.padding, module.kernel_size, strict=True))
        )

    @classmethod
    def of(cls, convolution: nn.Conv2d) -> "PixelConvolution":
        """Return a convolution with the weights of another, which `serves`."""
        made = cls.__new__(cls)
        made.__dict__.update(convolution.__dict__)
        return made

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) as the convolution does."""
        if self.weight.requires_grad or not images.requires_grad:
            return super().forward(images)
        pixels: Tensor = _Convolved.apply(images, self)
        return pixels


def with_pixel_convolutions(model: nn.Module) -> None:
    """Give a model convolutions of pixels whose gradient takes less time, with the same weights."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if PixelConvolution.serves(child):
                setattr(parent, name, PixelConvolution.of(child))


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, convolution: nn.Conv2d) -> Tensor:
        ctx.convolution, ctx.size, ctx.dtype = convolution, images.shape[2:], images.dtype
        return F.conv2d(images, convolution.weight, convolution.bias, convolution.stride, convolution.padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _pixel_gradient(gradients[0], ctx.convolution, ctx.size).to(ctx.dtype), None


def _pixel_gradient(gradient: Tensor, convolution: nn.Conv2d, size: torch.Size) -> Tensor:
    """Return the gradient (N, C, *size) to the input, from that to the output (N, O, h, w)."""
    stride = convolution.stride[0]
    down, across = (_Taps.of(convolution, axis, size[axis], gradient.shape[2 + axis]) for axis in (0, 1))
    weights = F.pad(convolution.weight.to(gradient.dtype), (*across.missing, *down.missing))
    outputs, inputs, rows, columns = weights.shape
    kernel = weights.view(outputs, inputs, rows // stride, stride, columns // stride, stride).flip(2, 4)
    kernel = kernel.permute(1, 3, 5, 0, 2, 4).flatten(0, 2).contiguous(memory_format=torch.channels_last)
    phases = F.conv2d(gradient, kernel, padding=(down.padding, across.padding))
    phases = phases[:, :, down.places, across.places]
    return F.pixel_shuffle(phases, stride)[:, :, : size[0], : size[1]]


class _Taps(NamedTuple):
    """One axis of the convolution of the gradient."""

    missing: tuple[int, int]  # weights of zero around those of the kernel, so that each phase has as many
    padding: int  # zeros at either end of the gradient
    places: slice  # outputs that are pixels

    @classmethod
    def of(cls, convolution: nn.Conv2d, axis: int, pixels: int, outputs: int) -> "_Taps":
        kernel, stride = convolution.kernel_size[axis], convolution.stride[axis]
        padding = int(convolution.padding[axis])
        first, last = -padding // stride, (kernel - 1 - padding) // stride  # of d
        groups = -(-pixels // stride)  # of one pixel of each phase
        around = max(last, groups - first - outputs)
        missing = -padding % stride, stride * (last + 1) - (kernel - padding)
        return cls(missing, around, slice(around - last, around - last + groups))
