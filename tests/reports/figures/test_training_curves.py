import json

import pandas as pd
import pytest

from iqabench.reports.figures.training_curves import draw_training_curves, write_training_curves

CURVE = [
    {"epoch": 1, "loss": 0.07, "sufficiency": 0.02, "necessity": -0.01, "learning_rate": 2e-3},
    {"epoch": 2, "loss": 0.05, "sufficiency": 0.01, "necessity": -0.04, "learning_rate": 1e-3},
    {"epoch": 3, "loss": 0.04, "sufficiency": 0.03, "necessity": -0.05, "learning_rate": 0.0},
]


@pytest.fixture
def card(tmp_path):
    """Makes the card of a checkpoint with a curve."""

    def make(name="cprl-1", curve=CURVE):
        path = tmp_path / f"{name}.json"
        facts = {"dataset": "live", "model": "cprl", "variant": "b=$1$", "regime": "adversarial", "seed": 2}
        path.write_text(json.dumps({**facts, "curve": curve}))
        return path

    return make


def test_the_csv_holds_every_term_of_every_epoch(card):
    assert pd.read_csv(write_training_curves(card()).with_suffix(".csv")).to_dict("records") == CURVE


def test_the_plot_draws_the_numbers_of_each_term_and_equal_curves_have_equal_bytes(card):
    plots = [write_training_curves(card(name)) for name in ("a", "b")]
    assert plots[0].read_bytes() == plots[1].read_bytes()
    figure = draw_training_curves(pd.DataFrame(CURVE), "cprl")
    drawn = [list(line.get_ydata()) for axes in figure.axes for line in axes.lines]
    assert drawn == [[row[name] for row in CURVE] for name in ("loss", "sufficiency", "necessity")]


def test_a_training_that_diverged_is_drawn_too(card):
    curve = [{"epoch": 1, "loss": float("nan"), "necessity": float("nan"), "learning_rate": 1e-3}]
    plot = write_training_curves(card(curve=curve))
    assert "<svg" in plot.read_text()
    assert pd.read_csv(plot.with_suffix(".csv"))["loss"].isna().all()


@pytest.mark.parametrize(
    ("terms", "panels"), [(["loss"], 1), (["loss", "natural"], 1), (["loss", "necessity"], 2)]
)
def test_the_pns_risk_has_a_panel_of_its_own(terms, panels):
    table = pd.DataFrame([{"epoch": epoch, **dict.fromkeys(terms, 0.1)} for epoch in (1, 2)])
    assert len(draw_training_curves(table, "model").axes) == panels
