"""`iqabench corruptions`: a table of monotonicity and sensitivity, and the scores as CSV."""

import pandas as pd


def test_a_model_that_scores_darkness_falls_with_brightness_and_nothing_else(sweep, tmp_path):
    out = ("--quiet", "--out", str(tmp_path / "scores.csv"))
    done, _ = sweep("--models", "dark", *out, command="corruptions")
    lines = {line.split()[2]: line.split()[3:] for line in done.output.splitlines()[1:]}
    assert float(lines["brightness"][0]) > 0.95  # at the last steps some images are white already
    assert float(lines["brightness"][1]) > 1
    assert abs(float(lines["motion_blur"][1].replace("−", "-"))) < 0.5
    table = pd.read_csv(tmp_path / "scores.csv")
    bright = table[table["corruption"] == "brightness"].groupby("severity")["score"].mean()
    assert list(bright.index) == [0, 1, 2, 3, 4, 5]
    assert bright.is_monotonic_decreasing


def test_seeds_and_regimes_are_told_apart(sweep, tmp_path):
    out = ("--quiet", "--out", str(tmp_path / "scores.csv"), "--limit", "4")
    done, _ = sweep("--models", "tiny", "--seed", "0,3", *out, command="corruptions")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert set(table["model"]) == {"tiny, seed 0", "tiny, seed 3"}
    assert not table.duplicated(["dataset", "model", "corruption", "severity", "image"]).any()
    assert done.output.count("tiny, seed 3") == table["corruption"].nunique()
