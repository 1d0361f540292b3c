"""Images from outside are checked, scored and counted with the attacks that a store knows."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iqabench.bench.statistics.worst_case import worst_case_srocc
from iqabench.bench.store.store import Store


@pytest.fixture
def hand_in(iqabench, drawn_database, tiny_config, tmp_path):
    """Hand in images of a folder."""

    def run(folder, *options, model="linear", epsilon="4", exits=0):
        return iqabench(
            "entry", "images", str(folder), "--model", model, "--dataset", str(drawn_database),
            "--epsilon", epsilon, "--config", str(tiny_config), "--plugin", str(tmp_path / "plugin.py"),
            "--results", str(tmp_path / "results"), *options, exits=exits,
        )  # fmt: skip

    return run


@pytest.fixture
def handed_in(sweep, hand_in, tmp_path):
    """A store with FGSM at 4/255, images that APGD found elsewhere, and a command that hands them in."""
    sweep("--models", "linear", "--attacks", "fgsm", "--epsilons", "4")
    images = tmp_path / "images"
    elsewhere = ("--results", str(tmp_path / "elsewhere"), "--save-images", str(images))
    sweep("--models", "linear", "--attacks", "apgd", "--epsilons", "4", *elsewhere)
    folder = images / "drawn" / "linear" / "apgd-4"
    return partial(hand_in, folder), folder


def external_cells(tmp_path):
    cells = Store(tmp_path / "results").cells()
    return [cell for cell in cells if cell.provenance["cell"]["attack"] == "external"]


def test_images_extend_what_the_store_knows_and_are_scored_anew(handed_in, rows, tmp_path):
    run, folder = handed_in
    done = run()
    # FGSM is as strong as any attack of a linear model, and had one end of each image.
    assert "20 images inside the ball; 10 ends further than any known attack" in done.output
    (cell,) = external_cells(tmp_path)
    table = pd.read_parquet(cell.path).set_index("image")
    listed = pd.read_csv(folder / "scores.csv").pivot(index="image", columns="end", values="score_png")
    np.testing.assert_allclose(table["low"], listed["low"].loc[table.index], atol=1e-6)
    np.testing.assert_allclose(table["high"], listed["high"].loc[table.index], atol=1e-6)
    by = pd.concat([table["low_by"], table["high_by"]])
    assert set(by) == {"external", "fgsm"}
    (row,) = [row for row in rows() if row["attack"] == "external"]
    worst = worst_case_srocc(table["quality"], table["low"], table["high"]).value
    assert row["worst_srocc"] == pytest.approx(worst)

    run()
    assert len(external_cells(tmp_path)) == 1


def test_whole_pictures_of_several_shapes_keep_their_own_scores(
    sweep, hand_in, drawn_database, tiny_config, tmp_path
):
    tiny_config.write_text(tiny_config.read_text() + '[models.dark]\npixels = "native"\n')
    table = pd.read_csv(drawn_database)
    for path in table["path"][::2]:
        with Image.open(tmp_path / path) as image:
            image.rotate(90, expand=True).save(tmp_path / path)
    saved = tmp_path / "images"
    options = ("--models", "dark", "--attacks", "apgd", "--epsilons", "4")
    _, cells = sweep(*options, "--save-images", str(saved))
    hand_in(saved / "drawn" / "dark" / "apgd-4", model="dark")
    (cell,) = external_cells(tmp_path)
    found, known = (pd.read_parquet(path).set_index("image") for path in (cell.path, cells["apgd", 4.0].path))
    for column in ("score", "low", "high"):
        np.testing.assert_allclose(found[column], known[column].loc[found.index], atol=3e-3)
    assert found["score"].std() > 0.02


def test_what_the_store_knows_of_the_model_behind_a_defence_does_not_count(handed_in, sweep):
    run, _ = handed_in
    sweep("--models", "linear", "--attacks", "apgd", "--epsilons", "4", "--defences", "flip")
    assert "20 images inside the ball; 10 ends further than any known attack" in run().output


def test_what_the_store_knows_of_the_same_weights_on_another_scale_does_not_count(
    handed_in, sweep, tiny_config
):
    run, _ = handed_in
    table = "[models.linear]\nscore_range = [0, {}]\n"
    sweep("--models", "linear", "--attacks", "apgd", "--epsilons", "4", tables=table.format(2))
    tiny_config.write_text(tiny_config.read_text() + table.format(1))
    assert "20 images inside the ball; 20 ends further than any known attack" in run().output


def test_in_the_l2_ball_their_distance_is_euclidean_and_attacks_of_the_other_norm_do_not_count(handed_in):
    run, _ = handed_in
    refused = run("--norm", "l2", exits=2)
    assert "/255 from the image that is scored, in the L2 norm, where 4/255 is allowed" in refused.output
    # 4/255 at each of 3 x 24 x 24 values is 166/255.
    done = run("--norm", "l2", epsilon="167")
    assert "20 images inside the ball; 20 ends further than any known attack" in done.output


def outside(folder, name):
    return "3"


def stranger(folder, name):
    (folder / "low" / name).rename(folder / "low" / "other.png")


def too_small(folder, name):
    Image.new("RGB", (20, 24)).save(folder / "low" / name)


def no_image(folder, name):
    (folder / "low" / name).write_text("text")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (outside, "outside its ball: 4/255 from the image that is scored, in the L-inf norm, where 3/255"),
        (stranger, "other.png: belongs to no test image of drawn / linear; the names are those"),
        (too_small, "20 x 24 pixels; what is scored has 24 x 24"),
        (no_image, "cannot be read as an image"),
    ],
)
def test_a_file_that_is_not_an_image_inside_the_ball_is_named(handed_in, tmp_path, spoil, message):
    run, folder = handed_in
    name = sorted(path.name for path in (folder / "low").glob("*.png"))[0]
    done = run(epsilon=spoil(folder, name) or "4", exits=2)
    assert message in done.output
    assert str(folder / "low") in done.output
    assert not external_cells(tmp_path)
