"""The figures of an explanation draw the numbers they are given, and the same each time."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from iqabench.bench.store.explanation import Landscape
from iqabench.bench.store.results import COLUMNS, Results
from iqabench.reports.explain.explanation import explanations, write_figures
from iqabench.reports.explain.figures import draw_figure1, draw_figure4, draw_figure5
from iqabench.reports.explain.tables import (
    activations_table,
    change_table,
    landscape_table,
    pixels_table,
    scores_table,
)
from iqabench.reports.explain.words import in_words
from iqabench.reports.figures.drawing import figure_style, write_drawing
from iqabench.reports.figures.palette import styles

from ..explained import drawn_explanation, write_hostile_explanation

SHAPES = {"svg", "g", "defs", "style", "clipPath", "path", "rect", "use", "image"}
HOSTILE = "<script>alert(1)</script> $x_1$ a_b%&#{}~^\\"


@pytest.fixture
def explanation():
    return drawn_explanation()


def axes_titled(figure, title):
    (axes,) = [axes for axes in figure.axes if title in (axes.get_title(), axes.get_title(loc="left"))]
    return axes


def words_of(figure):
    figure.canvas.draw()
    places = [figure, *figure.subfigs, *figure.axes]
    return " ".join(
        text.get_text() for place in places for text in place.findobj(lambda item: hasattr(item, "get_text"))
    )


def test_figure_1_shows_both_images_and_the_perturbation_between_black_and_white(explanation):
    figure = draw_figure1(explanation)
    image, model = explanation.image, explanation.models[0]
    assert np.array_equal(axes_titled(figure, "Image").images[0].get_array(), image.pixels)
    assert np.array_equal(axes_titled(figure, "Adversarial image").images[0].get_array(), model.adversarial)
    shown = np.asarray(axes_titled(figure, "Perturbation, magnified 128 ×").images[0].get_array())
    assert shown == pytest.approx(0.5 + 127.5 * (model.adversarial - image.pixels))
    assert {0, 1} <= set(np.unique(shown.round(6)))


def test_figure_1_tells_label_and_scores_and_that_the_data_are_a_stand_in(explanation):
    words = words_of(draw_figure1(explanation))
    for model in explanation.models:
        assert f"{model.clean:.3f} → {model.attacked:.3f}" in words
    assert "label 0.250" in words
    assert "CPRL under FGSM with ε = 1/255" in words
    assert "blur/a.png of synthetic (stand-in)" in words


def test_figure_4_draws_both_landscapes_on_one_scale_that_holds_all_scores(explanation):
    figure = draw_figure4(explanation)
    left, right = figure.axes[:2]
    assert left.get_title(loc="left").startswith("ResNet")
    assert right.get_title(loc="left").startswith("CPRL")
    on_left, on_right = left.collections[0], right.collections[0]
    assert np.array_equal(on_left.get_array(), explanation.models[1].landscape.scores)
    assert np.array_equal(on_right.get_array(), explanation.models[0].landscape.scores)
    assert on_left.get_clim() == on_right.get_clim()
    assert on_left.get_cmap() == on_right.get_cmap()
    lowest, highest = on_left.get_clim()
    both = np.stack([model.landscape.scores for model in explanation.models])
    assert lowest <= both.min() < lowest + 0.05
    assert highest - 0.05 < both.max() <= highest


def test_a_point_of_figure_4_lies_over_its_own_cell(explanation):
    axes = draw_figure4(explanation).axes[0]
    corners = axes.collections[0].get_coordinates()
    assert corners[:-1, :-1].mean() == pytest.approx(-0.1)  # half a step below the image's own coordinate
    assert list(corners[0, 0]) == pytest.approx([-2.1, -2.1])
    assert list(corners[-1, -1]) == pytest.approx([2.1, 2.1])
    (clean,), (fgsm,) = (line.get_xdata() for line in axes.lines)
    assert (clean, fgsm) == (0, 1)


def test_figure_5_has_bars_in_descending_order_with_the_marked_in_the_models_colour(explanation):
    figure = draw_figure5(explanation)
    for model in explanation.models:
        for stage in model.stages:
            axes = axes_titled(figure, f"{'CPRL' if model.name == 'cprl' else 'ResNet'}, stage {stage.stage}")
            order = np.argsort(-stage.clean)
            marked, others = (bars.get_data().values for bars in axes.patches)
            assert list(marked + others) == sorted(stage.clean, reverse=True)
            assert list(marked > 0) == list(stage.marked[order])
            assert list(others > 0) == list(~stage.marked[order])
            assert axes.patches[0].get_facecolor() == to_rgba(styles([model.name])[model.name].light)
            assert list(axes.lines[0].get_ydata()) == list(stage.attacked[order])


def test_figure_5_puts_the_change_of_the_marked_and_of_the_others_in_words(explanation):
    axes = axes_titled(draw_figure5(explanation), "CPRL, stage 3")
    stage = explanation.models[0].stages[0]
    change = np.abs(stage.attacked - stage.clean)
    marked, others, _ = [text.get_text() for text in axes.get_legend().get_texts()]
    share = 100 * change[stage.marked].sum() / stage.clean[stage.marked].sum()
    assert marked == f"4 most often kept by the mask: ± {change[stage.marked].mean():.3f} ({share:.0f} %)"
    assert others.startswith(f"16 others: ± {change[~stage.marked].mean():.3f} (")


def test_figure_5_draws_only_what_there_is(explanation):
    cprl, resnet = explanation.models
    alone = replace(explanation, models=(replace(cprl, stages=()), resnet))
    titles = {axes.get_title(loc="left") for axes in draw_figure5(alone).axes}
    assert titles == {"ResNet, stage 3", "ResNet, stage 4"}
    shorter = replace(explanation, models=(replace(cprl, stages=cprl.stages[:1]), resnet))
    visible = [axes.get_visible() for axes in draw_figure5(shorter).axes]
    assert sorted(visible) == [False, True, True, True]


def test_the_tables_hold_what_the_figures_show(explanation):
    scores = scores_table(explanation)
    assert list(scores["model"]) == ["cprl", "resnet"]
    assert list(scores["label"]) == [0.25, 0.25]
    assert list(scores["attacked"]) == [model.attacked for model in explanation.models]

    pixels = pixels_table(explanation).set_index(["row", "column"])
    assert len(pixels) == 120
    assert pixels.loc[(3, 7), "green"] == round(255 * explanation.image.pixels[3, 7, 1])
    change = explanation.models[0].adversarial[3, 7, 2] - explanation.image.pixels[3, 7, 2]
    assert pixels.loc[(3, 7), "blue_change"] == pytest.approx(255 * change, abs=1e-4)

    plane = landscape_table(explanation).set_index(["model", "along_fgsm", "along_random"])["score"]
    assert plane["resnet", 1.0, -2.0] == explanation.models[1].landscape.scores[0, 15]

    channels = activations_table(explanation).query("model == 'cprl' and stage == 4")
    stage = explanation.models[0].stages[1]
    assert list(channels["rank"]) == list(range(1, 21))
    assert list(channels["clean"]) == sorted(stage.clean, reverse=True)
    assert list(channels["attacked"]) == list(stage.attacked[channels["channel"]])
    assert list(channels["kept_clean"]) == list(stage.kept_clean[channels["channel"]])

    change = change_table(explanation)
    assert len(change) == 8
    assert list(change["which"].unique()) == ["kept most often", "others", "largest"]
    assert change["channels"].sum() == 80
    assert list(change["still_kept"].isna()) == [False] * 4 + [True] * 4


def test_the_numbers_behind_a_figure_can_be_read_back(explanation, explanation_tables):
    read = pd.read_csv(explanation_tables / "figure4.csv")
    assert read["score"].to_numpy() == pytest.approx(landscape_table(explanation)["score"].to_numpy())


def test_of_many_channels_and_of_landscapes_the_svg_holds_pictures_so_that_it_stays_small(tmp_path):
    def drawn(draw, channels):
        with figure_style("any"):
            figure = draw(drawn_explanation(channels=channels))
            return write_drawing(figure, tmp_path / "figure.svg").read_text()

    assert drawn(draw_figure5, 20).count("<image") == 0
    many = drawn(draw_figure5, 2048)
    assert many.count("<image") == 4
    assert len(many) < 600_000
    assert drawn(draw_figure4, 20).count("<image") == 3  # two landscapes and the bar of colours


def test_a_figure_5_of_an_earlier_run_does_not_stay_when_there_is_none(explanation, tmp_path, monkeypatch):
    monkeypatch.setattr("iqabench.reports.explain.explanation._FORMATS", ("svg",))
    for name in ("figure5.svg", "figure5-change.csv"):
        (tmp_path / name).touch()
    bare = replace(explanation, models=tuple(replace(model, stages=()) for model in explanation.models))
    write_figures(bare, tmp_path)
    assert not list(tmp_path.glob("figure5*"))
    assert any("Figure 5 leaves out CPRL and ResNet" in sentence for sentence in in_words(bare))


def test_the_words_say_what_moved_what_was_chosen_and_what_stands_in(explanation):
    figure1, figure4, figure5, stand_in = in_words(explanation)
    cprl, _ = explanation.models
    assert f"CPRL from {cprl.clean:.3f} to {cprl.attacked:.3f}" in figure1
    assert "(label 0.250; asked for)" in figure1
    medians = "In the median over these images it moves the score by 0.125 for CPRL and 0.250 for ResNet."
    assert medians in figure1
    asked_for = tuple(replace(model, median_move=float("nan")) for model in explanation.models)
    assert "median" not in in_words(replace(explanation, models=asked_for))[0]
    spans = [f"{np.ptp(model.landscape.scores):.3f}" for model in explanation.models]
    assert f"{spans[0]} for CPRL and {spans[1]} for" in figure4
    assert "at stage 4, the 4 channels that the mask of CPRL keeps most often move by" in figure5
    assert "the 4 largest channels of ResNet move by" in figure5
    assert "stands in for a database" in stand_in


@pytest.mark.parametrize("number", ["1", "4", "5"])
def test_whatever_the_names_a_figure_on_a_page_holds_only_shapes_and_its_identifiers_are_its_own(
    number, tmp_path
):
    write_hostile_explanation(tmp_path / "explain" / "x", HOSTILE)
    ((shown,), _) = explanations(tmp_path, Results(pd.DataFrame(columns=COLUMNS)))
    (figure,) = [figure for figure in shown.figures if figure.number == number]
    element = ElementTree.fromstring(figure.element("p"))
    assert {child.tag.split("}")[-1] for child in element.iter()} <= SHAPES
    assert element.get("aria-label") == figure.words
    attributes = [(key.split("}")[-1], value) for child in element.iter() for key, value in child.items()]
    assert not [key for key, _ in attributes if key.startswith("on")]
    names = [value for key, value in attributes if key == "id"]
    assert len(names) == len(set(names))
    assert all(name.startswith("p-") for name in names)
    references = {value for key, value in attributes if key == "href"}
    references |= {value[4:-1] for key, value in attributes if key == "clip-path"}
    assert {one for one in references if not one.startswith("data:image/png")} <= {
        f"#{name}" for name in names
    }


@pytest.mark.parametrize("score", [0.5, 0.0, float("nan")])
def test_a_landscape_of_equal_or_undefined_scores_can_be_drawn(explanation, score):
    equal = Landscape(explanation.models[0].landscape.steps, np.full((21, 21), score))
    models = tuple(
        replace(model, clean=score, attacked=score, landscape=equal) for model in explanation.models
    )
    figure = draw_figure4(replace(explanation, models=models))
    figure.canvas.draw()
    draw_figure1(replace(explanation, models=models)).canvas.draw()
    lowest, highest = figure.axes[0].collections[0].get_clim()
    assert lowest < highest


@pytest.mark.parametrize("form", ["pdf", "png", "svg"])
def test_a_full_disk_names_the_figure_that_could_not_be_written(explanation, tmp_path, monkeypatch, form):
    monkeypatch.setattr("iqabench.bench.core.files.secrets.token_hex", lambda size: "0")
    (tmp_path / f".figure.{form}.0.part").symlink_to("/dev/full")
    with figure_style("any"), pytest.raises(OSError, match="No space left on device") as failed:
        write_drawing(draw_figure5(explanation), tmp_path / f"figure.{form}")
    assert failed.value.filename == str(tmp_path / f"figure.{form}")
