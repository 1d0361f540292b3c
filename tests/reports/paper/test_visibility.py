"""Curves over PSNR and SSIM: which points they have, what is left out, and where they are shown."""

import math

import pandas as pd
import pytest

from iqabench.bench.store.results import Results
from iqabench.reports.formats.csv import visibility_table
from iqabench.reports.formats.html import render_html
from iqabench.reports.paper.report import compose
from iqabench.reports.paper.selection import select
from iqabench.reports.paper.visibility import (
    attack_looks,
    draw_visibility,
    visibility_panels,
    visibility_svgs,
)

from ...fabricated import under_auto


def wide(epsilon: float, worst: float, width: float, psnr: float, **stated):
    widths = {"median_width": width, "median_width_low": width - 0.01, "median_width_high": width + 0.01}
    return under_auto("resnet", epsilon, worst, psnr=psnr, ssim=1 - epsilon / 100, **widths, **stated)


@pytest.fixture
def seen(results) -> Results:
    """Two attacks with PSNR, one with intervals in two seeds; and a model from before there was PSNR."""
    return results(
        {"srocc": 0.9},
        {"seed": 1, "srocc": 0.9},
        wide(1.0, 0.5, 0.1, 50.0),
        wide(1.0, 0.3, 0.3, 52.0, seed=1),
        wide(2.0, 0.1, 0.4, 44.0),
        {"attack": "_my $x$", "epsilon": 1.0, "srocc": 0.7, "psnr": 48.0},
        {"model": "sat", "srocc": 0.8},
        {"model": "sat", "attack": "fgsm", "epsilon": 1.0, "srocc": 0.4},
    )


def test_a_point_is_a_strength_placed_by_its_psnr_averaged_over_seeds(seen: Results) -> None:
    (panel,) = visibility_panels(select(seen).points)
    assert (panel.model, panel.clean) == ("resnet", 0.9)
    auto, mine = panel.curves
    assert [point.visibility["psnr"] for point in auto.points] == [51.0, 44.0]
    assert [round(point.srocc.value, 9) for point in auto.points] == [0.4, 0.1]
    assert [round(point.measures["median_width"].value, 9) for point in auto.points] == [0.2, 0.4]
    assert mine.points[0].srocc.value == 0.7
    assert math.isnan(mine.points[0].measures["median_width"].value)
    assert math.isnan(mine.points[0].visibility["ssim"])


def test_the_drawing_has_the_numbers_and_the_more_visible_lies_to_the_right(seen: Results) -> None:
    panels = visibility_panels(select(seen).points)
    figure, other = (draw_visibility(panels[0], kind, attack_looks(panels)) for kind in ("psnr", "ssim"))
    over_epsilon, _ = draw_visibility(panels[0], "epsilon", attack_looks(panels)).axes
    assert [list(line.get_xdata()) for line in over_epsilon.lines if line.get_gid()] == [[1.0, 2.0], [1.0]]
    assert over_epsilon.get_xlim()[0] < over_epsilon.get_xlim()[1]
    over_psnr, width_over_psnr = figure.axes
    over_ssim, _ = other.axes
    lines = {line.get_gid(): line for line in over_psnr.lines if line.get_gid()}
    assert list(lines["auto"].get_xdata()) == [51.0, 44.0]
    assert list(lines["_my $x$"].get_ydata()) == [0.7]
    assert over_psnr.get_xlim()[0] > over_psnr.get_xlim()[1]
    assert [line.get_gid() for line in over_ssim.lines if line.get_gid()] == ["auto"]
    (widths,) = (line for line in width_over_psnr.lines if line.get_gid())
    assert list(widths.get_ydata()) == pytest.approx([0.2, 0.4])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["auto", r" _my \$x\$"]


def test_the_page_and_the_csv_hold_them_and_without_psnr_there_is_no_section(seen: Results, results) -> None:
    report = compose(seen)
    page = render_html(report)
    assert 'id="visibility"' in page
    drawn = list(visibility_svgs(report.visibility))
    assert [kind for _, kind, _ in drawn] == ["ε", "PSNR", "SSIM"]
    assert all(svg in page for *_, svg in drawn)
    table = visibility_table(report)
    assert table.loc[table["epsilon"] == 2.0, ["psnr", "srocc", "median_width"]].values.tolist() == [
        [44.0, pytest.approx(0.1), pytest.approx(0.4)]
    ]
    without = compose(results({"srocc": 0.9}, {"attack": "fgsm", "epsilon": 1.0, "srocc": 0.4}))
    assert 'id="visibility"' not in render_html(without)
    assert isinstance(visibility_table(without), pd.DataFrame)
    assert visibility_table(without).empty
