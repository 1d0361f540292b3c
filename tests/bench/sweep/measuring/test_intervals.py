"""A sweep of an interval attack stores both ends of what it reached, apart from the search."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from iqabench.attacks.tools.balls import ball_around
from iqabench.bench.core.errors import UserError
from iqabench.bench.core.progress import Progress
from iqabench.bench.statistics.intervals import attainable, reflected
from iqabench.bench.statistics.worst_case import worst_case_srocc
from iqabench.bench.store.metric_cache import ALL_METRICS
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.measuring import partial, worst
from iqabench.bench.sweep.measuring.partial import EndImages, Partial
from iqabench.bench.sweep.measuring.search import Search

from ....flips import flipped


def test_the_ends_of_a_linear_model_are_those_of_the_closed_form(sweep):
    table = '[attacks.euclidean]\nlike = "apgd"\nsteps = 10\nnorm = "l2"\n'
    _, cells = sweep("--models", "linear", "--attacks", "apgd,euclidean", "--epsilons", "1,2", tables=table)
    weight = np.linspace(-1, 1, 3 * 24 * 24) / 864
    for attack, reach, told, unit in (
        ("apgd", np.abs(weight).sum(), "largest_linf", 1),
        ("euclidean", np.sqrt((weight**2).sum()), "largest_l2", 255),
    ):
        for epsilon in (1.0, 2.0):
            cell = cells[attack, epsilon]
            table = pd.read_parquet(cell.path)
            width = epsilon / 255 * reach
            np.testing.assert_allclose(table["high"] - table["score"], width, rtol=2e-3)
            np.testing.assert_allclose(table["score"] - table["low"], width, rtol=2e-3)
            assert set(table["low_by"]) == set(table["high_by"]) == {attack}
            diagnostics = cell.provenance["diagnostics"]
            assert 0.997 * epsilon < unit * diagnostics[told] <= epsilon + 1e-4  # rounded to 6 digits
            assert diagnostics["gradients"] > 0
            assert diagnostics["zero_gradients"] == 0


def test_the_scale_of_the_labels_changes_errors_and_the_paper_s_split_and_nothing_else(
    sweep, rows, drawn_database
):
    lower = f'[datasets.lower]\nadapter = "csv"\nroot = "{drawn_database}"\nlow = -1.1\nhigh = 1.0\n'
    both = ("--datasets", f"{drawn_database},lower")  # all labels of the latter are above 0.5
    sweep("--models", "linear", "--attacks", "apgd,fgsm", "--epsilons", "4", *both, tables=lower)
    drawn, lower = (
        {row["attack"]: row for row in rows() if row["dataset"] == name} for name in ("drawn", "lower")
    )
    numbers = [f"{name}{bound}" for name in ALL_METRICS for bound in ("", "_low", "_high")]
    moved = {name for name in numbers if lower["apgd"][name] != pytest.approx(drawn["apgd"][name], abs=1e-9)}
    names = ("mse", "rmse", "reflection_mse", "paper_reflection_srocc")
    assert moved == {f"{name}{bound}" for name in names for bound in ("", "_low", "_high")}
    assert drawn["fgsm"]["srocc"] < lower["fgsm"]["srocc"] - 0.5
    for row in (drawn, lower):
        assert row["apgd"]["paper_reflection_srocc"] == pytest.approx(row["fgsm"]["srocc"], abs=0.02)


def worst_srocc_in(rows, attack):
    (row,) = [row for row in rows if row["attack"] == attack]
    assert row["worst_srocc"] <= row["srocc"]
    return row["worst_srocc"]


def test_the_worst_case_of_a_continuous_model_is_a_set_of_images(sweep, rows, drawn_database):
    labels = pd.read_csv(drawn_database)
    labels["score"] += 1e-3 * np.arange(len(labels))  # chosen scores that tie are only nearly met
    labels.to_csv(drawn_database, index=False)
    done, cells = sweep("--models", "linear", "--attacks", "apgd", "--epsilons", "4")
    table = pd.read_parquet(cells["apgd", 4.0].path)
    chosen = worst_case_srocc(table["quality"], table["low"], table["high"])
    np.testing.assert_allclose(table["worst"], chosen.scores, atol=1e-4)
    assert cells["apgd", 4.0].provenance["diagnostics"]["realised"] == 1
    assert f"apgd 4/255 {chosen.value:.3f}" in done.output
    assert worst_srocc_in(rows(), "apgd") == pytest.approx(chosen.value)


OPEN = """
import torch


class Open(torch.nn.Module):
    recipe = "none"

    def forward(self, images):
        weight = torch.linspace(-1, 1, 3 * 24 * 24).view(3, 24, 24) / 864
        return 6_000 + 10_000 * (images * weight).sum((1, 2, 3))
"""


def test_the_worst_case_of_large_scores_on_a_scale_without_bounds(sweep, rows, drawn_database, tmp_path):
    (tmp_path / "open.py").write_text(OPEN)
    table = f'[models.open]\nnetwork = "{tmp_path}/open.py:Open"\nscore_range = "unbounded"\n'
    labels = pd.read_csv(drawn_database)
    labels["score"] += 1e-3 * np.arange(len(labels))
    labels.to_csv(drawn_database, index=False)
    _, cells = sweep("--models", "open", "--attacks", "apgd,auto", "--epsilons", "2", tables=table)
    reach = np.abs(np.linspace(-1, 1, 3 * 24 * 24) / 864).sum()
    for attack in ("apgd", "auto"):
        table = pd.read_parquet(cells[attack, 2.0].path)
        low, score, high = (0.5 / (1 - table[name]) - 1 for name in ("low", "score", "high"))
        np.testing.assert_allclose([high - score, score - low], 10_000 * 2 / 255 * reach, rtol=2e-3)
        chosen = worst_case_srocc(table["quality"], table["low"], table["high"]).value
        assert worst_srocc_in(rows(), attack) == pytest.approx(chosen)


def test_of_a_model_with_jumps_the_scores_that_were_reached_count(sweep, rows):
    done, cells = sweep("--models", "jumpy", "--attacks", "apgd", "--epsilons", "4")
    table = pd.read_parquet(cells["apgd", 4.0].path)
    np.testing.assert_allclose(table["worst"] * 400, (table["worst"] * 400).round(), atol=1e-3)
    assert cells["apgd", 4.0].provenance["diagnostics"]["realised"] < 1
    reached = spearmanr(table["quality"], table["worst"].round(6)).statistic
    chosen = worst_case_srocc(table["quality"], table["low"], table["high"]).value
    assert chosen < reached - 0.01
    assert worst_srocc_in(rows(), "apgd") == pytest.approx(reached)
    assert f"apgd 4/255 {reached:.3f}" in done.output


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_end_images_are_kept_on_disk_nearly_as_they_are(tmp_path, norm):
    images, noise = torch.rand(2, 5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    ball = ball_around(images, 4 / 255, norm)
    low, high = ball.spread(2 * noise - 1), ball.project(images + 1)
    ends = EndImages(tmp_path / "kept.ends", np.array([64] * 5))
    ends.put(1, 3, images[3:], low[3:], high[3:])
    ends.put(1, 0, images[:3], low[:3], high[:3])
    for found, end in zip(ends.get(1, 0, images), (low, high), strict=True):
        assert (found - end).abs().max() <= (high - images).abs().max() / 65_000 + 1e-7


def test_a_model_that_hides_while_a_gradient_is_asked_for_gains_nothing_and_is_flagged(sweep):
    done, cheating = sweep("--models", "cheating", "--attacks", "auto", "--epsilons", "4")
    _, both = sweep("--models", "linear", "--attacks", "auto", "--epsilons", "4")  # linear is the later one
    provenances = [cells["auto", 4.0].provenance for cells in (both, cheating)]
    assert [provenance["cell"]["model"] for provenance in provenances] == ["linear", "cheating"]
    table, caught = (pd.read_parquet(cells["auto", 4.0].path) for cells in (both, cheating))
    np.testing.assert_allclose(caught["score"], table["score"], atol=1e-6)
    # The gradient points the wrong way, and still black-box queries go some of the way.
    assert ((caught["high"] - caught["score"]) > 0.2 * (table["high"] - table["score"])).all()
    honest, flags = (provenance["diagnostics"]["flags"] for provenance in provenances)
    assert honest == []
    assert [flag["indicator"] for flag in flags] == ["hidden gradient", "another function when watched"]
    for flag in flags:
        assert flag["value"] > flag["threshold"]
        assert f"cheating: auto is doubtful: {flag['sentence']}" in " ".join(done.output.split())


def test_an_attack_by_itself_that_is_shown_another_function_is_flagged(sweep):
    done, cells = sweep("--models", "cheating", "--attacks", "apgd", "--epsilons", "4")
    flags = cells["apgd", 4.0].provenance["diagnostics"]["flags"]
    assert [flag["indicator"] for flag in flags] == ["another function when watched", "images unchanged"]
    for flag in flags:
        assert f"cheating: apgd is doubtful: {flag['sentence']}" in " ".join(done.output.split())


def test_a_small_change_while_a_gradient_is_asked_for_does_not_add_up_over_batches(sweep):
    _, cells = sweep("--models", "wavering", "--attacks", "auto", "--epsilons", "4")
    diagnostics = cells["auto", 4.0].provenance["diagnostics"]
    assert diagnostics["watched"] == pytest.approx(0.004)  # of three batches at least
    assert diagnostics["flags"] == []


def test_ends_of_a_random_model_are_means_with_their_errors(sweep):
    _, cells = sweep("--models", "noisy", "--attacks", "apgd", "--epsilons", "4")
    table = pd.read_parquet(cells["apgd", 4.0].path)
    assert cells["apgd", 4.0].provenance["diagnostics"]["draws"] == 20
    errors = table[["score_se", "low_se", "high_se"]].to_numpy()
    assert 0.001 < errors.mean() < 0.004  # 0.01 / sqrt(20) = 0.0022
    assert (table["low"] <= table["score"]).mean() > 0.9
    assert cells["apgd", 4.0].provenance["diagnostics"]["realised"] >= 0.7
    # Where the images found for the choice rank better than those of the reflected ends, these count.
    ends = reflected(table["quality"], *attainable(table["score"], table["low"], table["high"]))
    assert (
        spearmanr(table["quality"], table["worst"]).statistic <= spearmanr(table["quality"], ends).statistic
    )


@pytest.mark.parametrize(("attack", "first"), [("auto", "1"), ("rank", "2")])
def test_what_starts_from_a_smaller_epsilon_is_the_same_whatever_was_measured_before(
    sweep, tmp_path, attack, first
):
    for epsilons in (first, "1,2"):
        sweep("--models", "linear", "--attacks", attack, "--epsilons", epsilons)
    cells = [cell for cell in Store(tmp_path / "results").cells() if cell.provenance["cell"]["epsilon"] == 2]
    assert len(cells) == (2 if first == "2" else 1)  # by itself, and with the smaller one
    (nested,) = (cell for cell in cells if cell.provenance["cell"]["smaller_epsilons"] == [1.0])
    found = pd.read_parquet(nested.path)
    shutil.rmtree(tmp_path / "results")
    _, at_once = sweep("--models", "linear", "--attacks", attack, "--epsilons", "1,2")
    pd.testing.assert_frame_equal(pd.read_parquet(at_once[attack, 2.0].path), found)


def test_an_attack_that_sees_no_gradient_is_said_to_be_blind(sweep):
    done, cells = sweep("--models", "linear", "--attacks", "blind", "--epsilons", "4")
    assert "blind saw a gradient that is zero in 10 of 10 cases" in done.output
    diagnostics = cells["blind", 4.0].provenance["diagnostics"]
    assert diagnostics["zero_gradients"] == 10
    assert [flag["indicator"] for flag in diagnostics["flags"]] == ["blind gradient"]
    assert "flags" not in cells["none", 0.0].provenance.get("diagnostics", {})


@pytest.mark.parametrize(("model", "blind"), [("hiding", True), ("linear", False)])
@pytest.mark.parametrize("first", ["4,8", "4"])
def test_a_gradient_that_serves_two_epsilons_counts_for_both_in_whatever_order_they_are_measured(
    sweep, model, blind, first
):
    for epsilons in (first, "4,8"):
        _, cells = sweep("--models", model, "--attacks", "fgsm", "--epsilons", epsilons)
    for epsilon in (4.0, 8.0):
        diagnostics = cells["fgsm", epsilon].provenance["diagnostics"]
        assert (diagnostics["gradients"], diagnostics["zero_gradients"]) == (10, 10 * blind)
        assert bool(diagnostics.get("flags")) == blind


def test_the_query_curve_of_square_is_kept(sweep):
    _, cells = sweep("--models", "linear", "--attacks", "square", "--epsilons", "4")
    diagnostics = cells["square", 4.0].provenance["diagnostics"]
    assert diagnostics["query_ends"] == 2 * len(pd.read_parquet(cells["square", 4.0].path))
    counts = sorted(map(int, diagnostics["query_gain"]))
    gains = [diagnostics["query_gain"][str(count)] for count in counts]
    assert counts[0] == 1
    assert counts[-1] == 200
    assert gains[0] == 0 < gains[-1]
    assert gains == sorted(gains)
    table = pd.read_parquet(cells["square", 4.0].path)
    reached = (table["high"] - table["low"]).sum()  # both directions start at the clean score
    assert gains[-1] == pytest.approx(reached, rel=1e-3)


def interrupt_at(monkeypatch, owner, name, count):
    """Let the call of this number, from 1, end like Ctrl-C."""
    function, calls = getattr(owner, name), iter(range(1, 10_000))

    def interrupted(*arguments, **options):
        if next(calls) == count:
            raise KeyboardInterrupt
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, interrupted)


CHOSEN = ("--models", "linear", "--attacks", "apgd", "--epsilons", "1,4")


@pytest.fixture
def same_as_unbroken(sweep, monkeypatch, tmp_path):
    """Sweep CHOSEN, delete the store, and return an assertion that cells have the scores of that sweep."""
    expected = {key: pd.read_parquet(cell.path) for key, cell in sweep(*CHOSEN)[1].items()}
    shutil.rmtree(tmp_path / "results")
    monkeypatch.setattr(partial, "SAVE_EVERY", 0)

    def compare(cells):
        for key, table in expected.items():
            pd.testing.assert_frame_equal(pd.read_parquet(cells[key].path), table)

    return compare


def test_an_interrupted_measurement_goes_on_with_the_end_images_that_it_had(
    sweep, same_as_unbroken, monkeypatch, tmp_path
):
    searched = []
    decoded = 40  # images, which are counted as well
    for owner, name, count in ((Progress, "advance", decoded + 10), (worst, "realise", 7)):
        with monkeypatch.context() as patch:
            interrupt_at(patch, owner, name, count)
            sweep(*CHOSEN, exits=130)
        searched.append(len(list((tmp_path / "results").rglob("*.ends"))))
    assert searched == [1, 1]
    with monkeypatch.context() as patch:
        interrupt_at(patch, Search, "_ends", 1)  # nothing is searched again
        same_as_unbroken(sweep(*CHOSEN)[1])
    assert not [path for path in (tmp_path / "results" / "partial").rglob("*") if path.is_file()]


@pytest.mark.parametrize("suffix", ["partial", "ends"])
def test_what_an_interrupted_measurement_left_and_is_damaged_is_measured_again(
    sweep, same_as_unbroken, monkeypatch, tmp_path, suffix
):
    with monkeypatch.context() as patch:
        interrupt_at(patch, worst, "realise", 2)
        sweep(*CHOSEN, exits=130)
    (file,) = (tmp_path / "results").rglob(f"*.{suffix}")
    for _ in flipped(file, flips=1):
        done, cells = sweep(*CHOSEN)
    file.unlink()
    assert done.output.count("starts again, as what was kept of it is damaged") == 1
    same_as_unbroken(cells)


def test_a_flipped_bit_of_what_an_interrupted_measurement_left_is_noticed(tmp_path):
    kept = Partial(tmp_path / "a.partial", 1, np.array([64] * 3))
    images = torch.rand(3, 3, 4, 4)
    kept.put(0, 0, {"score": [0.1, 0.2, 0.3], "low": [0.0] * 3, "high": [1.0] * 3, "low_by": ["apgd"] * 3})
    kept.ends.put(0, 0, images, images - 0.01, images + 0.01)
    kept.done = 3
    kept.save()
    for file in (tmp_path / "a.partial", tmp_path / "a.ends"):
        for bit in flipped(file):
            again = Partial(tmp_path / "a.partial", 1, np.array([64] * 3))
            assert again.damage, bit
            assert (again.done, again.columns) == (0, {})
    again = Partial(tmp_path / "a.partial", 1, np.array([64] * 3))
    assert again.damage is None
    assert again.columns["score"].tolist() == [[0.1, 0.2, 0.3]]
    for _ in flipped(tmp_path / "a.ends", flips=1):
        with pytest.raises(UserError, match=r"a\.ends: the images kept there are damaged, and were removed"):
            again.check_ends()


def test_a_full_disk_names_the_file_of_the_images_at_the_ends(tmp_path):
    (tmp_path / "a.ends").symlink_to("/dev/full")
    images = torch.zeros(2, 3, 4, 4)
    with pytest.raises(OSError, match="No space left on device") as failed:
        EndImages(tmp_path / "a.ends", np.array([16, 16])).put(0, 0, images, images, images + 0.1)
    assert failed.value.filename == str(tmp_path / "a.ends")
