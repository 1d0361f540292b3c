"""The weights of a model as matrices, a row for each output."""

from collections.abc import Iterator

from torch import Tensor, nn


def matrices(model: nn.Module) -> Iterator[Tensor]:
    """Yield views (outputs, inputs) of the weights of all linear layers and ungrouped convolutions."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            yield layer.weight.detach().view(len(layer.weight), -1)
