"""An explanation is read as it was written, or refused with what is wrong with its file."""

import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from iqabench.bench.core.integrity import read_sealed, write_sealed
from iqabench.bench.store.explanation import (
    FILE,
    ExplainedImage,
    ExplainedModel,
    Explanation,
    Landscape,
    StageActivations,
    explanation_folder,
    read_explanation,
    write_explanation,
)

from ...flips import flipped

PIXELS = np.random.default_rng(0).random((4, 5, 3))


SCORES = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, np.nan], [0.7, 0.8, 0.9]])


def model(name, stages):
    return ExplainedModel(
        name=name,
        variant="",
        parameters={"b": 0.4, "sites": [3, 4]},
        weights="w",
        regime="clean",
        seed=0,
        stochastic=False,
        clean=0.5,
        attacked=float("nan"),
        median_move=0.1,
        adversarial=PIXELS,
        landscape=Landscape(np.array([-1.0, 0.0, 1.0]), SCORES),
        stages=stages,
    )


@pytest.fixture
def explanation():
    values = np.array([3.0, 2.0, 1.0])
    stages = (
        StageActivations(3, values, values - 1, None, None, None, values > 1),
        StageActivations(4, values, values + 1, values / 3, values / 4, 0.75, values > 2),
    )
    image = ExplainedImage("a.png", "test", 0.25, PIXELS, "asked for")
    models = (model("cprl", stages), model("resnet", ()))
    return Explanation("live", False, image, 1.0, models, "command", {"torch": "2"})


@pytest.fixture
def folder(explanation, tmp_path):
    write_explanation(explanation, tmp_path)
    return tmp_path


def sealed(folder, **arrays):
    """Write a file of arrays with a checksum that fits."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_sealed(folder / FILE, content.getvalue())


def changed(change):
    """Damage that changes the file's JSON."""

    def damage(folder):
        with np.load(folder / FILE) as file:
            arrays = dict(file)
        content = json.loads(str(arrays.pop("content")))
        change(content)
        sealed(folder, **arrays, content=json.dumps(content))

    return damage


def with_other(**arrays):
    """Damage that puts one array in place of another."""

    def change(content):
        found = content["explanation"]
        pixels, first = found["image"]["pixels"], found["models"][0]
        found["image"] |= dict.fromkeys(arrays.get("image", ()), first["landscape"]["steps"])
        first["landscape"] |= dict.fromkeys(arrays.get("landscape", ()), pixels)
        first["stages"][0] |= dict.fromkeys(arrays.get("stage", ()), pixels)

    return changed(change)


def test_what_was_written_is_read_array_for_array(explanation, folder):
    np.testing.assert_equal(asdict(read_explanation(folder)), asdict(explanation))


def test_a_flipped_bit_changes_no_number_in_silence(explanation, folder):
    expected, refused = asdict(explanation), 0
    for bit in flipped(folder / FILE):
        try:
            np.testing.assert_equal(asdict(read_explanation(folder)), expected, err_msg=bit)
        except ValueError as error:
            assert f"{FILE} is damaged" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 0


def test_a_new_explanation_takes_the_place_of_the_one_before(explanation, folder):
    write_explanation(replace(explanation, dataset="vcl"), folder)
    assert read_explanation(folder).dataset == "vcl"
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_each_model_on_each_dataset_has_a_folder_inside_the_store(tmp_path):
    assert explanation_folder(tmp_path, "live", "cprl") == tmp_path / "explain" / "live" / "cprl"
    assert explanation_folder(tmp_path, "../..", "a/b").parent.parent == tmp_path / "explain"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / FILE).unlink(), "an earlier version of iqabench wrote them"),
        (lambda folder: (folder / FILE).write_bytes(b"PK"), f"{FILE} is damaged"),
        (lambda folder: (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-8]), f"{FILE} is damaged"),
        (lambda folder: np.savez(folder / FILE, a=PIXELS), f"{FILE} is damaged: has no checksum at its end"),
        (lambda folder: sealed(folder, a=PIXELS), f"{FILE} is damaged: 'content"),
        (lambda folder: sealed(folder, content="[]"), f"{FILE} is damaged"),
        (changed(lambda content: content.update(format=3)), "written in format 3 by a newer iqabench"),
        (changed(lambda content: content["explanation"].pop("image")), "key 'image': Field required"),
        (changed(lambda content: content["explanation"].update(more=1)), "key 'more'"),
        (changed(lambda content: content["explanation"].update(epsilon="far")), "key 'epsilon'"),
        (changed(lambda content: content["explanation"]["image"].update(pixels="x")), "the name of an array"),
        (with_other(image=["pixels"]), "three pictures"),
        (with_other(landscape=["scores"]), "a score for each pair of steps"),
        (with_other(stage=["kept_clean"]), "arrays of one number per channel"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(folder, damage, said):
    damage(folder)
    with pytest.raises(ValueError, match=said):
        read_explanation(folder)


@pytest.mark.parametrize(
    "array", [np.array("x"), np.array(5), np.zeros(0), np.array(["a", "b"]), np.full((2, 3), 1)]
)
def test_an_array_of_another_kind_or_shape_is_damage(folder, array):
    with np.load(io.BytesIO(read_sealed(folder / FILE))) as file:
        arrays = dict(file)
    for name in arrays.keys() - {"content"}:
        sealed(folder, **{**arrays, name: array})
        with pytest.raises(ValueError, match=r"explanation\.npz is damaged"):
            read_explanation(folder)
