"""Figure 6 draws the numbers it is given, in a look that is the same everywhere and the same each time."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from iqabench.reports.figures.palette import styles
from iqabench.reports.paper.figure6 import caption, draw_figure6, figure6, inline_svg, write_figure6
from iqabench.reports.paper.selection import select

from ...fabricated import under_auto

HOSTILE = "<script>alert(1)</script> $x_1$ a_b%&#{}~^\\"
MODELS = {"dbcnn", "nima", "resnet", "lwta", "denoise", "sat", "cprl"}


@pytest.fixture
def panels(swept_results):
    return figure6(select(swept_results).points)


def curves_in(axes):
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def test_there_is_a_panel_for_each_dataset_and_attack_and_a_curve_for_each_model(panels):
    datasets = ("LIVE", "synthetic (stand-in)")
    titles = [f"{dataset} · {attack}" for dataset in datasets for attack in ("FGSM", "PGD")]
    assert [panel.title for panel in panels] == titles
    figure = draw_figure6(panels)
    assert len(figure.axes) == 4
    assert all(set(curves_in(axes)) == MODELS for axes in figure.axes)


def test_a_curve_runs_from_clean_through_the_srocc_at_every_epsilon(panels, swept_table):
    axes = draw_figure6(panels).axes[0]
    line = curves_in(axes)["sat"]
    rows = swept_table.query("dataset == 'live' and model == 'sat' and attack in ('none', 'fgsm')")
    assert list(line.get_xdata()) == [0, 1, 2, 4, 8]
    assert list(line.get_ydata()) == list(rows.sort_values("epsilon")["srocc"])
    band = axes.collections[[*curves_in(axes)].index("sat")].get_paths()[0].vertices
    assert band[:, 1].min() == rows["srocc_low"].min()
    assert band[:, 1].max() == rows["srocc_high"].max()


def test_every_curve_is_named_beside_its_end_without_names_touching(panels):
    for axes in draw_figure6(panels).axes:
        labels = [text for text in axes.texts if text.get_text()]
        assert {label.get_text() for label in labels} == {
            "DBCNN", "NIMA", "ResNet", "LWTA", "Denoise", "SAT", "CPRL",
        }  # fmt: skip
        heights = sorted(label.get_position()[1] for label in labels)
        low, high = axes.get_ylim()
        assert np.diff(heights).min() > 0.06 * (high - low)
        order = [label.get_text() for label in sorted(labels, key=lambda label: label.get_position()[1])]
        ends = {gid: line.get_ydata()[-1] for gid, line in curves_in(axes).items()}
        assert [name.lower() for name in order] == sorted(ends, key=ends.__getitem__)


def test_panels_share_one_scale(panels):
    assert len({axes.get_ylim() for axes in draw_figure6(panels).axes}) == 1


def test_a_diverged_point_is_a_gap_and_the_curve_says_so(results):
    fgsm = {"attack": "fgsm"}
    table = results(
        {"srocc": 0.9},
        {**fgsm, "epsilon": 1.0, "status": "constant scores"},
        {**fgsm, "epsilon": 2.0, "srocc": 0.3},
        {"model": "nima", **fgsm, "epsilon": 1.0, "status": "constant scores"},
    )
    (axes,) = draw_figure6(figure6(select(table).points)).axes
    heights = curves_in(axes)["resnet"].get_ydata()
    assert math.isnan(heights[1])
    assert (heights[0], heights[2]) == (0.9, 0.3)
    assert {"ResNet (diverged)", "NIMA (diverged)"} <= {text.get_text() for text in axes.texts}


def test_a_model_without_attacked_cells_has_no_curve(results):
    table = results({"model": "cprl"}, {}, {"attack": "fgsm", "epsilon": 1.0})
    (panel,) = figure6(select(table).points)
    assert [curve.of for curve in panel.curves] == ["resnet"]


def test_models_keep_their_look_and_no_two_share_one():
    looks = styles([*sorted(MODELS), "zoo", "alpha"])
    assert looks["cprl"] == styles(["cprl"])["cprl"]
    assert len({(look.light, look.marker) for look in looks.values()}) == 9


def test_a_picture_is_the_same_each_time(panels, tmp_path):
    """An SVG and a PDF, too: they are compared in the reports that hold them."""
    first = write_figure6(panels, tmp_path / "a/figure.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert write_figure6(panels, tmp_path / "b.png").read_bytes() == first


def test_inline_figures_take_their_colours_from_the_page_and_share_no_id(panels):
    roots = [ElementTree.fromstring(inline_svg(panel, panels)) for panel in panels]
    ids = [element.get("id") for root in roots for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for root in roots:
        assert root.get("viewBox")
        assert root.get("width") is None
        colours = [e.get("style") or "" for e in root.iter() if "stroke: #" in (e.get("style") or "")]
        assert colours == []


def test_text_from_a_user_stays_text(results):
    table = results({"model": HOSTILE}, {"model": HOSTILE, "attack": "fgsm", "epsilon": 1.0})
    panels = figure6(select(table).points)
    root = ElementTree.fromstring(inline_svg(panels[0], panels))
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert HOSTILE in [element.text for element in root.iter() if element.tag.endswith("text")]


def test_a_name_in_another_script_is_drawn_without_a_warning(results, tmp_path):
    table = results({"model": "模型"}, {"model": "模型", "attack": "fgsm", "epsilon": 1.0})
    assert write_figure6(figure6(select(table).points), tmp_path / "figure.png").is_file()


def test_auto_comes_first_with_its_worst_case_from_the_clean_srocc_on(results):
    auto = [under_auto("resnet", epsilon, worst) for epsilon, worst in ((1.0, -0.2), (2.0, -0.9))]
    others = [{"attack": name, "epsilon": 1.0, "srocc": 0.4} for name in ("noise", "pgd", "fgsm")]
    panels = figure6(select(results({"srocc": 0.9}, *others, *auto)).points)
    others = ["LIVE · FGSM", "LIVE · PGD", "LIVE · noise"]
    assert [panel.title for panel in panels] == ["LIVE · auto, worst case", *others]
    (curve,) = panels[0].curves
    assert (curve.epsilons, curve.values) == ([0, 1, 2], [0.9, -0.2, -0.9])
    assert (curve.points[1].srocc.low, curve.points[1].srocc.high) == pytest.approx((-0.3, -0.1))
    axes = draw_figure6(panels).axes
    assert [one.get_ylabel() for one in axes] == ["worst-case SROCC", "SROCC", "SROCC", "SROCC"]


def test_the_caption_says_which_panel_to_believe_where_there_is_a_choice(results):
    fgsm, noise = ({"attack": name, "epsilon": 1.0} for name in ("fgsm", "noise"))
    rows = [{}, under_auto("resnet", 1.0, -0.2)]
    told = caption(figure6(select(results(*rows, fgsm, noise)).points))
    assert "Believe the worst case under auto" in told
    assert told.endswith(
        ": FGSM, as the paper has it, is weaker and can overstate robustness; noise is a control."
    )
    for unambiguous in (rows, [{}, fgsm, noise]):
        assert "Believe" not in caption(figure6(select(results(*unambiguous)).points))
