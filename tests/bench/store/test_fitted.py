"""PLCC and RMSE after a logistic: fitted to clean scores, kept under attack, and stated."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from scipy import optimize, stats

from iqabench.bench.store.results import read_results
from iqabench.bench.store.store import Store
from iqabench.reports.paper.report import compose

from ...fabricated import drawn_auto, drawn_cell, labels

IMAGES = 80


def curve(s: np.ndarray, b1: float, b2: float, b3: float, b4: float) -> np.ndarray:
    return b2 + (b1 - b2) / (1 + np.exp(-(s - b3) / abs(b4)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A metric that squeezes quality, one that ranks in reverse, and one without clean scores."""
    store = Store(tmp_path_factory.mktemp("store"))
    noise = 0.02 * np.random.default_rng(5).normal(size=(2, IMAGES))
    squeezed = labels(IMAGES) ** 4 + noise[0]
    drawn_cell(store, squeezed)
    drawn_cell(store, 0.5 * squeezed + noise[1], attack="fgsm", epsilon=1.0)
    drawn_auto(store, "sat", 1.0)
    drawn_cell(store, noise[0] + labels(IMAGES), model="sat", limit=None)
    drawn_cell(store, 1 - squeezed, model="lwta")
    drawn_cell(store, squeezed, model="nima", attack="fgsm", epsilon=1.0)
    return store


def test_plcc_and_rmse_are_those_of_the_curve_that_fits_the_clean_scores(store: Store) -> None:
    plain, fitted = (read_results(store, logistic=form).frame for form in (None, "four"))
    rows = fitted[fitted["model"] == "resnet"].set_index("attack")
    before = plain[plain["model"] == "resnet"].set_index("attack")
    clean, attacked = (_scores(store, rows.loc[attack, "file"]) for attack in ("none", "fgsm"))
    quality = labels(IMAGES)
    parameters, _ = optimize.curve_fit(curve, clean, quality, (1, 0, 0.3, 0.1), maxfev=20_000)
    for attack, scores in (("none", clean), ("fgsm", attacked)):
        by_hand = curve(scores, *parameters)
        assert rows.loc[attack, "plcc"] == pytest.approx(stats.pearsonr(by_hand, quality).statistic, abs=1e-5)
        assert rows.loc[attack, "rmse"] == pytest.approx(np.sqrt(np.mean((by_hand - quality) ** 2)), abs=1e-5)
        assert rows.loc[attack, "plcc_low"] < rows.loc[attack, "plcc"] < rows.loc[attack, "plcc_high"]
        assert rows.loc[attack, ["srocc", "krocc", "mse"]].tolist() == before.loc[
            attack, ["srocc", "krocc", "mse"]
        ].tolist()  # fmt: skip
    assert rows.loc["none", "plcc"] > before.loc["none", "plcc"] + 0.02
    assert set(fitted["logistic"]) == {"four"}
    assert set(plain["logistic"]) == {""}


def test_a_curve_that_falls_and_a_model_without_clean_scores_have_no_plcc_and_a_note(store: Store) -> None:
    found = read_results(store, logistic="four")
    rows = found.frame.set_index(["model", "attack"])
    assert np.isnan(rows.loc[("lwta", "none"), "plcc"])
    assert np.isnan(rows.loc[("nima", "fgsm"), "rmse"])
    assert rows.loc[("lwta", "none"), "srocc"] < 0
    assert any("live / lwta: PLCC" in note and "does not rise" in note for note in found.notes)
    assert any("live / nima: PLCC" in note and "no clean scores" in note for note in found.notes)


def test_an_attack_in_another_precision_has_the_curve_of_the_clean_scores(tmp_path: Path) -> None:
    store = Store(tmp_path)
    clean = labels(IMAGES) ** 4
    drawn_cell(store, clean)
    drawn_cell(store, clean[::-1], attack="fgsm", epsilon=1.0, precision="bf16")
    drawn_cell(store, clean[::-1], attack="pgd", epsilon=1.0)
    found = read_results(store, resamples=0, logistic="four")
    rows = found.frame.set_index("attack")
    assert rows.loc["fgsm", ["plcc", "rmse"]].tolist() == rows.loc["pgd", ["plcc", "rmse"]].tolist()
    assert np.isfinite(rows.loc["fgsm", "plcc"])
    assert not any("undefined" in note for note in found.notes)


def test_the_worst_plcc_is_that_of_the_fitted_intervals(store: Store) -> None:
    plain, fitted = (read_results(store, logistic=form).frame for form in (None, "five"))
    before, after = (frame[(frame["model"] == "sat") & (frame["attack"] == "auto")].iloc[0]
                     for frame in (plain, fitted))  # fmt: skip
    assert after["worst_srocc"] == before["worst_srocc"]
    assert after["median_width"] == before["median_width"]
    assert np.isfinite(after["worst_plcc"])
    assert after["worst_plcc"] != before["worst_plcc"]


def test_it_is_stated_wherever_it_is_used(
    store: Store, iqabench: Callable[..., Result], tmp_path: Path
) -> None:
    options = ("--results", str(store.root), "--logistic", "four")
    shown = iqabench("results", *options)
    assert "PLCC and RMSE are after a logistic of four parameters" in shown.output
    assert "logistic" not in iqabench("results", "--results", str(store.root)).output
    report = compose(read_results(store, logistic="four"))
    for table in report.tables:
        if any(column.heading == "PLCC" for group in table.groups for column in group.columns):
            assert "after a logistic of four parameters" in table.caption, table.number
    iqabench("report", *options, "--format", "markdown", "--out", str(tmp_path), exits=0)
    assert "after a logistic of four parameters" in (tmp_path / "report.md").read_text()


def _scores(store: Store, file: str) -> np.ndarray:
    import pyarrow.parquet as pq

    return pq.read_table(store.root / file)["score"].to_numpy()
