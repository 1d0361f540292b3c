"""`iqabench certify` and `check --certified`: a linear model, whose smoothed scores move in closed form."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from iqabench.bench.statistics.certificates import certified_intervals
from iqabench.bench.store.certificates.noisy_scores import NoisyScores
from iqabench.bench.store.certificates.score_bounds import ScoreBounds

from ..sweep.conftest import LINEAR_PLUGIN

TABLES = """

[attacks.auto_l2]
like = "auto"
norm = "l2"
budget = "quick"

[defences.median_smoothing]
sigma = 0.05
samples = 25
"""
SOFT_PLUGIN = """
import torch, iqabench

@iqabench.register_model("soft")
class Soft(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 2, 3)

    def forward(self, images):
        return torch.softmax(self.layer(images).mean((2, 3)), 1)[:, 0]
"""
NORM = float(np.linalg.norm(np.linspace(-1, 1, 3 * 24 * 24) / 864))


@pytest.fixture
def certified(
    iqabench: Callable[..., Result], drawn_database: Path, tiny_config: Path, tmp_path: Path
) -> Callable[..., Result]:
    """Run a command on the linear model and the drawn database."""
    (tmp_path / "plugin.py").write_text(LINEAR_PLUGIN)
    tiny_config.write_text(tiny_config.read_text() + TABLES)

    def run(command: str, *options: str) -> Result:
        return iqabench(
            command, "--config", str(tiny_config), "--plugin", str(tmp_path / "plugin.py"),
            "--models", "linear", "--limit", "5", "--datasets", str(drawn_database),
            "--results", str(tmp_path / "results"), *options,
        )  # fmt: skip

    return run


@pytest.fixture
def filled(certified: Callable[..., Result], tmp_path: Path) -> Callable[..., Path]:
    """Run commands one after the other, and return the store."""

    def fill(*commands: tuple[str, ...]) -> Path:
        for done in (certified(*command) for command in commands):
            assert done.exit_code == 0, done.output
        return tmp_path / "results"

    return fill


@pytest.fixture
def attacked(filled: Callable[..., Path]) -> Path:
    """Return a store with certificates of the linear model and with an L2 attack on it."""
    attack = ("--defences", "median_smoothing", "--attacks", "auto_l2", "--epsilons", "5")
    return filled(("certify", "--draws", "400", "--radii", "0,20"), ("run", *attack))


def test_certificates_of_a_linear_model_are_those_of_its_closed_form(
    certified: Callable[..., Result], tmp_path: Path
) -> None:
    done = certified("certify", "--draws", "500", "--radii", "20")
    assert done.exit_code == 0, done.output
    assert "estimate at 20/255" in done.output
    (noisy,) = NoisyScores.read(tmp_path / "results")
    assert noisy.scores.shape == (len(noisy.images), 500)
    radius, middle = 20 / 255, np.median(noisy.scores, axis=1)
    low, high = certified_intervals(noisy.scores, noisy.sigma, radius)
    error = 8 * noisy.sigma * NORM / np.sqrt(500)
    np.testing.assert_allclose(middle - low, radius * NORM, atol=2.5 * error)
    np.testing.assert_allclose(high - middle, radius * NORM, atol=2.5 * error)


def test_no_attack_leaves_the_certified_intervals_and_one_that_does_fails_the_check(
    attacked: Path, iqabench: Callable[..., Result]
) -> None:
    check = ("check", "--certified", "--results", str(attacked))
    done = iqabench(*check, exits=0)
    assert done.output.startswith("holds: ")
    (record,) = json.loads(iqabench(*check, "--json").output)
    assert record["epsilon"] == 5
    assert record["estimate"] <= record["attained"]

    (noisy,) = NoisyScores.read(attacked)
    path = dataclasses.replace(noisy, scores=noisy.scores + 0.05).write(attacked)
    done = iqabench(*check, exits=1)
    assert done.output.startswith("fails: ")

    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    done = iqabench(*check, exits=2)
    assert path.name in done.output


@pytest.fixture
def bounded(filled: Callable[..., Path]) -> Path:
    """Return a store with bounds of the linear model in L-inf balls, and with an attack on it."""
    attack = ("run", "--attacks", "auto", "--epsilons", "3")
    return filled(("certify", "--norm", "linf", "--radii", "1,4"), attack)


def test_bounds_of_a_linear_model_are_exact_and_no_attack_leaves_them(
    bounded: Path, iqabench: Callable[..., Result]
) -> None:
    (bounds,) = ScoreBounds.read(bounded)
    reach = np.abs(np.linspace(-1, 1, 3 * 24 * 24) / 864).sum() / 255
    np.testing.assert_allclose(bounds.high - bounds.low, [2 * reach * np.array([1, 4])] * 5, rtol=1e-6)
    check = ("check", "--certified", "--results", str(bounded))
    done = iqabench(*check, exits=0)
    assert "at 3/255 (L-inf): no interval of 5 images leaves the certified one" in done.output

    dataclasses.replace(bounds, low=bounds.low + 2 * reach).write(bounded)
    done = iqabench(*check, exits=1)
    assert done.output.startswith("fails: ")


SCALED = """

@iqabench.register_model("scaled")
class Scaled(Linear):
    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.weight.data *= scale
"""


def test_variants_of_a_grid_are_told_apart_in_the_table(
    certified: Callable[..., Result], tiny_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "plugin.py").write_text(LINEAR_PLUGIN + SCALED)
    tiny_config.write_text(tiny_config.read_text() + "\n[grid.scaled]\nscale = [0.5, 0.25]\n")
    command = ("certify", "--norm", "linf", "--radii", "4", "--quiet", "--models")
    heading, *rows = certified(*command, "scaled").output.splitlines()
    assert heading.split()[:4] == ["dataset", "model", "variant", "seed"]
    reach = 2 * 4 / 255 * np.abs(np.linspace(-1, 1, 3 * 24 * 24) / 864).sum()
    widths = {row.split()[2]: row.split()[-1] for row in rows[:2]}
    assert widths == {"scale=0.5": f"{reach / 2:.3f}", "scale=0.25": f"{reach / 4:.3f}"}
    assert "variant" not in certified(*command, "linear").output


def test_a_model_that_bounds_are_not_known_of_is_told(certified: Callable[..., Result]) -> None:
    done = certified("certify", "--norm", "linf", "--models", "jumpy")
    assert done.exit_code == 2
    assert "jumpy: interval bound propagation does not apply: an interval has no 'detach'" in done.output


@pytest.mark.parametrize("radii", ["nan", "-1", "inf", "", "1,-1"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_radius_is_a_finite_number_of_at_least_0(
    certified: Callable[..., Result], norm: str, radii: str
) -> None:
    done = certified("certify", "--norm", norm, f"--radii={radii}")
    assert (done.exit_code, "--radii: accepted are numbers of at least 0" in done.output) == (2, True)


def test_a_model_that_bounds_are_not_known_of_is_told_before_it_is_trained(
    certified: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "soft.py").write_text(SOFT_PLUGIN)
    options = ("--plugin", str(tmp_path / "soft.py"), "--models", "linear,soft", "--norm", "linf")
    done = certified("certify", *options)
    assert done.exit_code == 2
    assert "soft: interval bound propagation does not apply: no bounds are known of `softmax`" in done.output
    assert not list((tmp_path / "results").rglob("*.safetensors"))


def test_interval_bounds_of_full_references_and_of_patches_are_refused(
    certified: Callable[..., Result], drawn_database: Path, tiny_config: Path
) -> None:
    table = drawn_database.read_text().splitlines()
    rows = [f"{row},{row.partition('_')[0]}_0.png" for row in table[1:] if "_0.png" not in row]
    drawn_database.write_text("\n".join([f"{table[0]},reference", *rows]))
    patched = '[models.patched]\nlike = "linear"\npixels = { patches = 2, size = 24 }\n'
    tiny_config.write_text(f"{tiny_config.read_text()}\n{patched}")
    done = certified("certify", "--norm", "linf", "--models", "patched")
    assert "patched: interval bounds are of no-reference models that are not scored in patches" in done.output
    done = certified("certify", "--norm", "linf", "--models", "pyiqa:ssim")
    assert done.exit_code == 2
    assert "pyiqa:ssim: interval bounds are of no-reference models" in done.output


def test_images_without_labels_are_certified_and_checked_without_an_srocc(
    certified: Callable[..., Result], iqabench: Callable[..., Result], drawn_database: Path, tmp_path: Path
) -> None:
    images = ("--datasets", str(drawn_database.parent / "images"))
    for options in (["--draws", "100", "--radii", "5"], ["--norm", "linf", "--radii", "4"]):
        heading, row, *_ = certified("certify", "--quiet", *options, *images).output.splitlines()
        assert row.split()[-3:-1] == ["–", "–"], (heading, row)  # SROCC and its estimate
        assert float(row.split()[-1]) > 0  # the median width
    assert certified("run", "--attacks", "auto", "--epsilons", "3", *images).exit_code == 0
    check = ("check", "--certified", "--results", str(tmp_path / "results"))
    assert (
        "5 images leaves the certified one; no SROCC, as the images have no labels" in iqabench(*check).output
    )
    (record,) = json.loads(iqabench(*check, "--json").output)
    assert record["attained"] is record["estimate"] is None


def test_without_certificates_or_attacks_the_check_says_what_to_run(
    certified: Callable[..., Result], iqabench: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    done = iqabench("check", "--certified", "--results", str(tmp_path / "results"))
    assert (done.exit_code, "iqabench certify" in done.output) == (2, True)
    certified("certify", "--draws", "100")
    done = iqabench("check", "--certified", "--results", str(tmp_path / "results"))
    assert (done.exit_code, "--defences median_smoothing" in done.output) == (2, True)
