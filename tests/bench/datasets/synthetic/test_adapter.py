import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iqabench.bench.core.errors import UserError
from iqabench.bench.core.parameters import complete_parameters
from iqabench.bench.datasets.synthetic import adapter as synthetic
from iqabench.bench.datasets.synthetic import generator
from iqabench.bench.datasets.synthetic.adapter import Synthetic
from iqabench.bench.datasets.synthetic.distortions import DISTORTIONS
from iqabench.bench.datasets.synthetic.photographs import PHOTOGRAPHS

from ....flips import flipped

SCENES, SIZE = 11, 48
WIDE = DISTORTIONS["wn"].wide


def files(root):
    return {
        file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The dataset, made without a network."""

    def refuse(*_):
        raise AssertionError("tried to reach the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        adapter = Synthetic(str(tmp_path_factory.mktemp("data")), scenes=SCENES, size=SIZE)
        adapter.read()
    return adapter


@pytest.fixture
def unmade(tmp_path, monkeypatch):
    """A dataset whose making is quick and counted."""
    adapter = Synthetic(str(tmp_path), scenes=SCENES, size=SIZE)
    adapter.made = 0

    def generate(folder, *_):
        adapter.made += 1
        Image.new("RGB", (SIZE, SIZE)).save(folder / "a.png")
        return pd.DataFrame({"path": ["a.png"], "score": [0.5], "scene": ["a"], "distortion": ["wn"]})

    monkeypatch.setattr(generator, "generate", generate)
    return adapter


def test_a_scene_has_five_distortions_at_five_levels(made):
    table = made.read()
    assert len(table) == 25 * SCENES
    counts = table.groupby(["scene", "distortion"]).size()
    assert set(counts) == {5}
    assert set(table["distortion"]) == {"jp2k", "jpeg", "wn", "gblur", "fastfading"}
    for path in table["path"][::17]:
        with Image.open(made.root / path) as image:
            assert (image.size, image.mode) == ((SIZE * 4 // 3, SIZE), "RGB")


def test_one_scene_in_ten_is_a_photograph(made):
    scenes = set(made.read()["scene"])
    assert len(scenes) == SCENES
    assert scenes & set(PHOTOGRAPHS) == set(list(PHOTOGRAPHS)[:2])  # scenes 0 and 10


def test_scores_lie_on_their_scale_and_spread_over_it(made):
    scores = made.read()["score"]
    assert scores.between(made.low, made.high).all()
    assert (made.low, made.high, made.lower_is_better) == (0, 1, False)
    assert scores.mean() == pytest.approx(0.5, abs=1e-6)  # of ranks
    assert scores.quantile(0.1) < 0.2
    assert 0.4 < scores.median() < 0.6
    assert scores.quantile(0.9) > 0.8


def test_the_score_falls_with_the_level(made):
    labels = pd.read_csv(made.root / "labels.csv").sort_values("level")
    for (_, kind), graded in labels.groupby(["scene", "distortion"]):
        # Another bit error can, by chance, hardly matter.
        assert np.diff(graded["score"]).max() < (0.02 if kind == "fastfading" else 0)


def test_no_two_images_are_the_same(made):
    pictures = {name: content for name, content in files(made.root).items() if name.endswith(".png")}
    assert len(pictures) == 26 * SCENES
    assert len(set(pictures.values())) == 26 * SCENES


def test_the_score_agrees_with_the_error_against_the_reference(made):
    """PSNR is none of the metrics that the labels are made of."""
    table = made.read()

    def psnr(path, scene):
        picture, source = (
            np.asarray(Image.open(made.root / name), float) for name in (path, f"reference/{scene}.png")
        )
        return -np.log(((picture - source) ** 2).mean())

    values = [psnr(path, scene) for path, scene in zip(table["path"], table["scene"], strict=True)]
    assert table["score"].corr(pd.Series(values), method="spearman") > 0.8


def test_made_twice_it_is_the_same_to_the_last_byte(tmp_path):
    first, second = (Synthetic(str(tmp_path / name), scenes=2, size=SIZE) for name in ("one", "two"))
    for adapter in (first, second):
        adapter.read()
    assert files(first.root) == files(second.root) != {}


def test_another_seed_draws_other_scenes_and_keeps_the_photographs():
    names = {scene.name for scene in generator.plan(SCENES, SIZE, 1)}
    assert {"astronaut", "leaves-01"} <= names
    zero, one = (list(generator.plan(SCENES, SIZE, seed))[1].picture() for seed in (0, 1))
    assert np.abs(zero.astype(int) - one).mean() > 10


def test_like_photographs_it_is_labelled_by_vif_under_strengths_of_its_own(tmp_path):
    adapter = Synthetic(str(tmp_path), scenes=5, size=SIZE, like_photographs=True)
    adapter.read()
    labels = pd.read_csv(adapter.root / "labels.csv")
    assert list(labels.columns) == ["path", "score", "scene", "distortion", "level", "vif"]
    assert labels["score"].corr(labels["vif"], method="spearman") == pytest.approx(1)
    for (_, kind), graded in labels.sort_values("level").groupby(["scene", "distortion"]):
        if kind in {"wn", "gblur"}:
            assert np.diff(graded["score"]).max() < 0
    strengths = [scene.strengths()["wn"] for scene in generator.plan(5, SIZE, 0, True)]
    assert len(set(strengths)) == 5
    assert all(
        0.8 < each / middle < 1.25 for row in strengths for each, middle in zip(row, WIDE, strict=True)
    )


def test_each_parameter_and_the_version_have_a_folder_of_their_own(tmp_path, monkeypatch):
    variants = [{}, {"scenes": 61}, {"size": 97}, {"seed": 1}, {"like_photographs": True}]
    roots = {Synthetic(str(tmp_path), **variant).root for variant in variants}
    monkeypatch.setattr(Synthetic, "version", Synthetic.version + 1)
    roots.add(Synthetic(str(tmp_path)).root)
    assert len(roots) == 6


def test_by_default_it_is_kept_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(synthetic, "user_cache_path", lambda name: tmp_path / name)
    assert Synthetic().root.parent == tmp_path / "iqabench"


def test_it_is_made_once_by_many_at_a_time(unmade):
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: unmade.read(), range(4)))
    assert unmade.made == 1
    assert all(len(table) == 1 for table in tables)


def test_an_interruption_leaves_nothing_half_made(unmade, monkeypatch):
    def interrupted(folder, *_):
        (folder / "half.png").write_bytes(b"")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generator, "generate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            unmade.read()
    assert [path for path in unmade.root.parent.iterdir() if path.is_dir()] == []
    assert len(unmade.read()) == 1


def test_what_a_killed_process_left_is_cleared_away(unmade):
    leftover = unmade.root.parent / f".{unmade.root.name}-abc"
    leftover.mkdir()
    (leftover / "half.png").write_bytes(b"")
    unmade.read()
    assert not leftover.exists()


def test_a_scene_that_fails_ends_the_making(tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "load_metrics", lambda names: {})

    def fail(*_, **__):
        raise UserError("no such photograph")

    monkeypatch.setattr(generator, "_make_scene", fail)
    with pytest.raises(UserError, match="no such photograph"):
        Synthetic(str(tmp_path), scenes=SCENES, size=SIZE).read()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda root: (root / "a.png").unlink(), r"1 images are missing, such as a\.png; delete this folder"),
        (
            lambda root: (root / "labels.csv").write_text("no"),
            r"labels\.csv: cannot be read.*delete this folder",
        ),
    ],
)
def test_missing_images_and_damaged_labels_are_told_with_what_to_do(unmade, damage, told):
    unmade.read()
    damage(unmade.root)
    with pytest.raises(UserError, match=told):
        unmade.read()


@pytest.mark.parametrize("name", [synthetic.LABELS, synthetic.CHECKSUM])
def test_a_flipped_bit_of_the_labels_is_noticed(unmade, name):
    table = unmade.read()
    for bit in flipped(unmade.root / name):
        with pytest.raises(UserError, match=r"labels\.csv: cannot be read .* will be made again"):
            assert unmade.read().equals(table), bit
    (unmade.root / synthetic.CHECKSUM).unlink()  # as in the folder of an earlier version
    assert unmade.read().equals(table)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*cannot be written"):
        Synthetic(str(tmp_path / "file")).read()


@pytest.mark.parametrize(("key", "value"), [("scenes", 4), ("size", 40), ("size", 300), ("seed", -1)])
def test_parameters_out_of_bounds_are_refused(key, value):
    with pytest.raises(UserError, match=key):
        complete_parameters(Synthetic, {key: value}, where="bench.toml: [datasets.synthetic]")


def test_it_opens_as_a_dataset_that_says_it_stands_in(made, open_as):
    dataset = open_as("synthetic", root=made.root.parent, scenes=SCENES, size=SIZE)
    assert dataset.stand_in
    assert len(dataset.table) == 25 * SCENES
    assert set(dataset.table.groupby("scene")["split"].nunique()) == {1}
