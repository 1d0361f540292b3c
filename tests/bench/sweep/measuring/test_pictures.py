"""`--save-images` writes what an attack found as image files, with the scores that these have."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iqabench.bench.sweep.measuring.pictures import picture_names

WEIGHT = np.linspace(-1, 1, 3 * 24 * 24).reshape(3, 24, 24) / 864


def pixels(path):
    return np.asarray(Image.open(path)).transpose(2, 0, 1) / 255


def linear_score(path):
    return 0.5 + ((pixels(path) - 0.5) * WEIGHT).sum()


@pytest.mark.parametrize(("attack", "ends"), [("apgd", ["low", "high"]), ("fgsm", ["adversarial"])])
def test_images_are_written_inside_their_ball_with_the_scores_of_the_files(sweep, tmp_path, attack, ends):
    chosen = ("--models", "linear", "--attacks", attack, "--epsilons", "2.5")
    chosen += ("--save-images", f"{tmp_path}/i")
    done, cells = sweep(*chosen)
    folder = tmp_path / "i" / "drawn" / "linear" / f"{attack}-2.5"
    table = pd.read_csv(folder / "scores.csv")
    stored = pd.read_parquet(cells[attack, 2.5].path)
    assert list(table["end"].unique()) == ends
    for end, rows in table.groupby("end"):
        assert list(rows["image"]) == list(stored["image"])
        np.testing.assert_allclose(rows["score"], stored[{"adversarial": "score"}.get(end, end)])
        found = [linear_score(folder / file) for file in rows["file"]]
        np.testing.assert_allclose(found, rows["score_png"], atol=1e-6)
        clean = [folder / "clean" / file.split("/")[1] for file in rows["file"]]
        np.testing.assert_allclose([linear_score(path) for path in clean], rows["clean"], atol=1e-6)
        moved = [
            np.abs(pixels(folder / file) - pixels(path)).max()
            for file, path in zip(rows["file"], clean, strict=True)
        ]
        assert max(moved) == pytest.approx(2 / 255)
    # 2 of 2.5 grey levels are left.
    changed = (table[["score", "score_png"]].sub(table["clean"], axis=0)).abs().mean()
    assert changed["score_png"] / changed["score"] == pytest.approx(0.8, abs=0.01)
    assert cells[attack, 2.5].provenance["diagnostics"]["eight_bit_kept"] == pytest.approx(0.8, abs=0.01)
    assert "80% of the change of scores survives rounding to 8 bits" in done.output

    assert "0 computed" in sweep(*chosen)[0].output
    shutil.rmtree(folder)
    assert "1 computed" in sweep(*chosen)[0].output
    pd.testing.assert_frame_equal(pd.read_csv(folder / "scores.csv"), table)


def test_of_an_eight_bit_attack_the_files_have_the_scores_that_are_stored(sweep, tmp_path):
    table = '[attacks.png]\nlike = "apgd"\nsteps = 10\neight_bit = true\n'
    options = ("--models", "linear", "--attacks", "png", "--epsilons", "2.5")
    _, cells = sweep(*options, "--save-images", f"{tmp_path}/i", tables=table)
    folder = tmp_path / "i" / "drawn" / "linear" / "png-2.5"
    table, stored = pd.read_csv(folder / "scores.csv"), pd.read_parquet(cells["png", 2.5].path)
    np.testing.assert_allclose(table["score_png"], table["score"], atol=1e-6)
    np.testing.assert_allclose(
        [linear_score(folder / file) for file in table["file"]], table["score"], atol=1e-6
    )
    two_levels = 2 / 255 * np.abs(WEIGHT).sum()  # of 2.5
    np.testing.assert_allclose(stored["high"] - stored["score"], two_levels, rtol=1e-3)
    assert cells["png", 2.5].provenance["diagnostics"]["eight_bit_kept"] == pytest.approx(1)
    assert (stored["worst"] >= stored["low"] - 1e-6).all()
    assert (stored["worst"] <= stored["high"] + 1e-6).all()


def test_each_image_has_a_name_of_its_own_that_stays_in_the_folder():
    names = picture_names(["a/1.png", "a_1.bmp", "../../b.png", "c d.png"])
    assert names == ["a_1-1.png", "a_1-2.png", ".._.._b.png", "c_d.png"]
    names = picture_names(["x.png", "x.bmp", "x-1.jpg", "x-3-3.png"])
    assert len(set(names)) == 4


PLUGIN = """

from pathlib import Path

@iqabench.register_attack("shifting")
class Shifting(iqabench.Attack):
    def __init__(self, sign: int = 1):
        self.sign, self.batches = sign, 0

    def run(self, victim, epsilons):
        for epsilon in epsilons:
            self.batches += 1
            if Path("interrupted").exists() and self.batches > 2:
                raise RuntimeError("interrupted")
            yield (victim.images + self.sign * epsilon).clamp(0, 1)
"""


@pytest.mark.parametrize("interrupted", [(-1,), (1, -1)])
def test_images_of_another_cell_are_not_taken_for_those_of_one_that_was_interrupted(
    sweep, tmp_path, monkeypatch, interrupted
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("iqabench.bench.sweep.measuring.partial.SAVE_EVERY", 0)

    def shifted(sign, exits=0):
        options = ("--models", "linear", "--attacks", "shifting", "--epsilons", "4", "--limit", "8")
        (tmp_path / "interrupted").touch() if exits else (tmp_path / "interrupted").unlink(missing_ok=True)
        table = f"[attacks.shifting]\nsign = {sign}"
        return sweep(*options, "--save-images", "i", tables=table, exits=exits)[0].output

    for sign in (1, -1):
        shifted(sign, exits=70 if sign in interrupted else 0)
    assert "1 computed" in shifted(1)
    folder = tmp_path / "i" / "drawn" / "linear" / "shifting-4"
    table = pd.read_csv(folder / "scores.csv")
    assert len(table) == 8
    np.testing.assert_allclose(
        [linear_score(folder / file) for file in table["file"]], table["score_png"], atol=1e-6
    )
    for file in table["file"]:
        moved = pixels(folder / file) - pixels(folder / "clean" / file.split("/")[1])
        assert moved.min() >= 0


def test_a_full_disk_names_the_image_that_could_not_be_written(sweep, tmp_path):
    clean = tmp_path / "i" / "drawn" / "linear" / "fgsm-2" / "clean"
    clean.mkdir(parents=True)
    for scene in range(8):
        for level in range(5):
            (clean / f"images_scene{scene}_{level}.png").symlink_to("/dev/full")
    options = ("--models", "linear", "--attacks", "fgsm", "--epsilons", "2", "--save-images", f"{tmp_path}/i")
    done, _ = sweep(*options, exits=2)
    assert done.stderr.splitlines()[-1].startswith(f"Error: {clean}/images_scene")
    assert done.stderr.endswith(".png: No space left on device\n")
