"""Register a metric of your own, check that a sweep can use it, and compare two attacks on it."""

import tempfile
from pathlib import Path

import torch
from drawn import draw

import iqabench
from iqabench.testing import check_model


@iqabench.register_model("smoothness")
class Smoothness(torch.nn.Module):
    """Scores a picture by how little neighbouring pixels differ; nothing is trained."""

    recipe = "none"

    def __init__(self, scale: float = 10.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W) in [0, 1], RGB, to scores (N,) in [0, 1]; higher is better."""
        return torch.exp(-self.scale * images.diff(dim=3).abs().mean((1, 2, 3)))


check_model(Smoothness)
with tempfile.TemporaryDirectory() as folder:
    run = {"datasets": [str(draw(Path(folder)))], "models": ["smoothness"], "attacks": ["noise", "fgsm"]}
    settings = iqabench.load_settings(overrides={"run": run | {"epsilons": [2, 4]}})
    iqabench.run_sweep(settings, Path(folder) / "results", show=False)
    table = iqabench.results_table(Path(folder) / "results")

print(table[["attack", "epsilon", "srocc", "srocc_low", "srocc_high"]].round(3).to_string(index=False))
