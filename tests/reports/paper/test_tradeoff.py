"""Clean SROCC against the worst case: which points there are, the front, and what is drawn."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iqabench.bench.store.results import Results
from iqabench.reports.formats.html import render_html
from iqabench.reports.paper.figure6 import draw_figure6
from iqabench.reports.paper.report import compose
from iqabench.reports.paper.tradeoff import (
    Tradeoff,
    draw_tradeoff,
    front,
    inline_tradeoff,
    price,
    tradeoffs,
    write_tradeoff,
)

from ...fabricated import behind, under_auto


@pytest.fixture
def panel(results) -> Tradeoff:
    table = results(
        {"srocc": 0.9},
        under_auto("resnet", 1.0, -0.5),
        under_auto("resnet", 2.0, -0.9),
        {"srocc": 0.8, **behind("jpeg")},
        under_auto("resnet", 1.0, 0.3, knowledge="adaptive", **behind("jpeg")),
        {"srocc": 0.7, **behind("median")},
        under_auto("resnet", 1.0, 0.1, knowledge="adaptive", **behind("median")),
        {"model": "sat", "srocc": 0.85},
        under_auto("sat", 1.0, -0.6),
        {"srocc": 0.99, "variant": "b=0.4"},
        {**under_auto("resnet", 1.0, 0.9), "variant": "b=0.4"},
        {"model": "nima", "srocc": 0.95},
    )
    (found,) = tradeoffs(table.frame)
    return found


def test_a_spot_is_a_model_of_its_own_table_or_behind_a_defence_at_the_smallest_epsilon(
    panel: Tradeoff,
) -> None:
    assert panel.epsilon == 1.0
    assert {spot.name: (spot.clean.value, spot.worst.value) for spot in panel.spots} == {
        "ResNet": (0.9, -0.5), "ResNet + jpeg": (0.8, 0.3), "ResNet + median": (0.7, 0.1),
        "SAT": (0.85, -0.6),
    }  # fmt: skip


def test_defences_that_were_attacked_at_another_epsilon_alone_are_drawn(results) -> None:
    table = results(
        {"srocc": 0.9},
        under_auto("resnet", 1.0, 0.2),
        under_auto("resnet", 4.0, -0.9),
        {"srocc": 0.8, **behind("jpeg")},
        under_auto("resnet", 4.0, -0.3, knowledge="adaptive", **behind("jpeg")),
    )
    (panel,) = tradeoffs(table.frame)
    assert (panel.epsilon, {spot.name for spot in panel.spots}) == (4.0, {"ResNet", "ResNet + jpeg"})


def test_the_front_is_what_no_other_spot_beats_in_both(panel: Tradeoff) -> None:
    assert {spot.name for spot in panel.spots if spot.front} == {"ResNet", "ResNet + jpeg"}


def test_the_front_is_that_of_the_definition_and_equal_pairs_do_not_beat_each_other() -> None:
    pairs = [tuple(pair) for pair in np.random.default_rng(0).integers(0, 6, (30, 2)).tolist()]
    beaten = {
        own for own, other in itertools.product(pairs, pairs)
        if (other[0] > own[0] and other[1] >= own[1]) or (other[0] >= own[0] and other[1] > own[1])
    }  # fmt: skip
    assert [pair not in beaten for pair in pairs] == front(pairs)


@pytest.mark.parametrize(("clean", "bounds"), [(0.95, 0), (0.9, 0), (0.875, 1), (0.82, 2), (0.7, 3)])
def test_a_price_counts_the_bounds_that_a_loss_exceeds(clean: float, bounds: int) -> None:
    assert price(0.9, clean) == bounds


def test_one_model_or_none_under_auto_gives_no_panel(results) -> None:
    assert tradeoffs(results({"srocc": 0.9}, under_auto("resnet", 1.0, 0.5)).frame) == ()
    assert compose(results({"srocc": 0.9}, {"model": "sat"})).tradeoffs == ()


def test_each_spot_is_drawn_where_its_numbers_are_and_hollow_behind_a_defence(panel: Tradeoff) -> None:
    (axes,) = draw_tradeoff(panel).axes
    drawn = {line.get_gid(): line for line in axes.lines}
    for spot in panel.spots:
        line = drawn[spot.name]
        assert (line.get_xdata()[0], line.get_ydata()[0]) == (spot.clean.value, spot.worst.value)
        assert (line.get_markerfacecolor() == "none") == bool(spot.defence)
    assert list(drawn["front"].get_xdata()) == [0.8, 0.9]
    labels = sorted((text.xyann[1], text.get_text()) for text in axes.texts)
    assert [name for _, name in labels] == ["SAT", "ResNet", "ResNet + median", "ResNet + jpeg"]
    low, high = axes.get_ylim()
    assert np.diff([height for height, _ in labels]).min() > 0.05 * (high - low)


def test_where_there_are_many_spots_defences_off_the_front_have_no_label(panel: Tradeoff) -> None:
    many = replace(panel, spots=panel.spots * 5)
    (axes,) = draw_tradeoff(many).axes
    assert {text.get_text() for text in axes.texts} == {"SAT", "ResNet", "ResNet + jpeg"}


def test_a_file_is_the_same_each_time_and_an_element_takes_its_colours_from_the_page(
    panel: Tradeoff, tmp_path: Path
) -> None:
    first, second = (write_tradeoff(panel, tmp_path / f"{name}.svg").read_bytes() for name in "ab")
    assert first == second
    assert "stroke: #" not in inline_tradeoff(panel, "tradeoff0", [])


def test_the_html_report_shows_it(results) -> None:
    table: Results = results(
        {"srocc": 0.9}, under_auto("resnet", 1.0, 0.5), {"model": "sat"}, under_auto("sat", 1.0, 0.2)
    )
    page = render_html(compose(table))
    assert '<h2 id="tradeoff">What robustness costs</h2>' in page
    assert "<svg" in page.split('id="tradeoff"')[1].split("</section>")[0]


def test_a_model_looks_as_in_the_other_figures_of_the_page(results) -> None:
    fgsm = {"attack": "fgsm", "epsilon": 1.0}
    rows = [row for name in ("aa", "bb", "cc") for row in ({"model": name}, {"model": name, **fgsm})]
    worst = {"bb": 0.4, "cc": 0.3, "dd": 0.2}
    found = [under_auto(name, 1.0, value) for name, value in worst.items()]
    defended = [{"model": "dd", **behind("jpeg")}, under_auto("dd", 1.0, 0.1, **behind("jpeg"))]
    report = compose(results(*rows, *found[:2], *defended))
    curves = [curve.of for panel in report.panels for curve in panel.curves]
    (panel,) = report.tradeoffs
    looks, drawn = (
        {line.get_gid(): (line.get_color(), line.get_marker()) for axes in figure.axes for line in axes.lines}
        for figure in (draw_figure6(report.panels), draw_tradeoff(panel, models=curves))
    )
    assert drawn["bb"] == looks["bb"]
    assert drawn["cc"] == looks["cc"]
    assert len({drawn[name] for name in ("bb", "cc", "dd + jpeg")} | {looks["aa"]}) == 4
    assert inline_tradeoff(panel, "tradeoff0", curves) in render_html(report)
