"""Scores on another scale, or in the other direction, are told with how to state it."""

import numpy as np
import pytest

from iqabench.bench.store.results import read_results
from iqabench.bench.sweep.measuring.notices import scale_notes

QUALITY = np.linspace(0, 1, 20)


@pytest.mark.parametrize(
    ("scores", "about"),
    [
        (QUALITY, set()),
        (1 - QUALITY, {"direction"}),
        (100 * QUALITY, {"range"}),
        (50 - 100 * QUALITY, {"range", "direction"}),
        (np.full(20, 0.5), set()),
        (QUALITY.round(1), {"ties"}),
        (QUALITY.round(2), set()),
        (np.full(20, np.nan), set()),
        (np.roll(QUALITY, 6), set()),  # a weak correlation
    ],
)
def test_what_looks_wrong_is_said(scores, about):
    found = scale_notes("mine", QUALITY, scores)
    assert set(found) == about
    assert all("[models.mine]" in sentence for about, sentence in found.items() if about != "ties")


def test_a_stated_direction_is_to_be_taken_back_and_without_labels_any_scale_is_right():
    found = scale_notes("mine", QUALITY, 1 - QUALITY, lower_is_better=True)["direction"]
    assert "if a high score means high quality, take `lower_is_better` out of [models.mine]" in found
    assert scale_notes("mine", np.full(20, np.nan), 100 * QUALITY) == {}


def test_a_sweep_says_it_once_and_keeps_it_in_the_cell_and_in_the_results(sweep, tmp_path):
    done, cells = sweep("--models", "worse", "--attacks", "fgsm", "--epsilons", "1,2")
    for about in ("direction of the scores looks reversed", "not all in [0, 1]"):
        assert done.output.count(about) == 1
    notes = cells["none", 0.0].provenance["diagnostics"]["notes"]
    assert len(notes) == 2
    found = read_results(tmp_path / "results", resamples=0).notes
    assert [f"drawn / worse: {note}." for note in notes] == list(found)
