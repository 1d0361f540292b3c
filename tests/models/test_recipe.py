"""Gradients to weights are taken by kernels that keep to their memory."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from iqabench.models.recipe import sound_kernels

TRAINING = """
import torch
from torch import nn
from iqabench.models.recipe import sound_kernels

layer = nn.Conv2d(4, 8, 1, stride=2, bias=False).to(memory_format=torch.channels_last)
images = torch.rand(4, 4, 12, 16).contiguous(memory_format=torch.channels_last)
with sound_kernels(layer):
    for _ in range(30):
        layer(images).square().sum().backward()
        others = [torch.rand(3 + size) for size in range(50)]
"""


def test_a_strided_convolution_of_few_channels_is_trained_in_one_thread_without_damage_to_memory():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", TRAINING], env=environment, check=True)


@pytest.mark.parametrize(
    ("layer", "capability", "enabled"),
    [
        (nn.Conv2d(4, 8, 1, stride=2), "AVX2", False),
        (nn.Conv2d(4, 8, 1, stride=2), "AVX512", True),
        (nn.Conv2d(8, 8, 1, stride=2), "AVX2", True),
        (nn.Conv2d(4, 8, 1), "AVX2", True),
        (nn.Conv2d(3, 8, 3, stride=2), "AVX2", True),
    ],
)
def test_onednn_is_left_out_only_where_its_kernel_is_at_fault(layer, capability, enabled, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with sound_kernels(nn.Sequential(layer)):
        assert torch.backends.mkldnn.enabled is enabled
    assert torch.backends.mkldnn.enabled
