"""`iqabench corruptions`: a table of monotonicity and sensitivity, and the scores as CSV."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from click.testing import Result

PLUGIN = """
import torch
from torch import nn
import iqabench


@iqabench.register_model("dark")
class Dark(nn.Module):
    '''Scores darkness, so that a brighter image scores lower.'''

    recipe = "none"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return 1 - self.weight * images.mean((1, 2, 3))
"""


def test_a_model_that_scores_darkness_falls_with_brightness_and_nothing_else(
    iqabench: Callable[..., Result], drawn_database: Path, tiny_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    done = iqabench(
        "corruptions", "--config", str(tiny_config), "--plugin", str(tmp_path / "plugin.py"),
        "--models", "dark", "--datasets", str(drawn_database), "--results", str(tmp_path / "results"),
        "--quiet", "--out", str(tmp_path / "scores.csv"),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    lines = {line.split()[2]: line.split()[3:] for line in done.output.splitlines()[1:]}
    assert float(lines["brightness"][0]) > 0.95  # at the last steps some images are white already
    assert float(lines["brightness"][1]) > 1
    assert abs(float(lines["motion_blur"][1].replace("−", "-"))) < 0.5
    table = pd.read_csv(tmp_path / "scores.csv")
    bright = table[table["corruption"] == "brightness"].groupby("severity")["score"].mean()
    assert list(bright.index) == [0, 1, 2, 3, 4, 5]
    assert bright.is_monotonic_decreasing
