"""The weights of a model as matrices, a row for each output."""

from collections.abc import Callable, Iterator

from torch import Tensor, nn


def matrices(model: nn.Module) -> Iterator[Tensor]:
    """Yield the weights (outputs, inputs) of all linear layers and ungrouped convolutions."""
    for weight in _weights(model):
        yield weight.reshape(len(weight), -1)


def change_matrices(model: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
    """Replace each of the matrices by the result of a function of it."""
    for weight in _weights(model):
        matrix = weight.reshape(len(weight), -1)  # a copy, where the memory order is channels last
        weight.copy_(change(matrix).view(weight.shape))


def _weights(model: nn.Module) -> Iterator[Tensor]:
    for layer in model.modules():
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            yield layer.weight.detach()
