"""Models small enough to be built and differentiated in a few milliseconds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from iqabench.models import create_model

MODELS = ["resnet", "cprl", "dbcnn", "nima", "lwta", "denoise", "sat"]
TINY = {"backbone": "resnet18", "backbone_args": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}}
TINY_PARAMETERS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(MODELS, TINY),
    "cprl": {**TINY, "b": 0.25},
    "dbcnn": {**TINY, "scnn_width": 0.125},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads only get into each other's way on models this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_model() -> Callable[..., nn.Module]:
    """Build a tiny model by name, in evaluation mode, with no part left at an initial zero or one."""

    def build(name: str, seed: int = 0, **changes: Any) -> nn.Module:
        torch.manual_seed(seed)
        model = create_model(name, **{**TINY_PARAMETERS[name], **changes})
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.2)
                nn.init.normal_(module.get_buffer("running_mean"), std=0.2)
                nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
        return model.eval()

    return build
