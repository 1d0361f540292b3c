"""What `entry verify` finds: every way in which an entry and its files of scores can disagree."""

import json
import shutil
import tomllib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from iqabench.bench.statistics.worst_case import worst_case_srocc
from iqabench.bench.store.cell import key_of
from iqabench.bench.store.sealed_parquet import write_sealed_table
from iqabench.reports.leaderboard.submission.create import create_entry
from iqabench.reports.leaderboard.submission.verify import examine, verify

from ....fabricated import drawn_cell, drawn_sweep, labels


def file_of(entry, row):
    """The path of the first file of a measured row, from 1."""
    return entry.parent / tomllib.loads(entry.read_text())["measured"][row - 1]["scores"][0]


def alter(path, *, cell=None, provenance=None, scores=None, key=True):
    """Write a file of scores anew with other metadata or scores; with `key`, one that fits them."""
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[b"iqabench"])
    facts |= provenance or {}
    facts["cell"] = {**facts["cell"], **(cell or {})}
    if key:
        facts["key"] = key_of(facts["cell"])
    if scores:
        table = pa.Table.from_pandas(scores(table.to_pandas()), preserve_index=False)
    write_sealed_table(table.replace_schema_metadata({b"iqabench": json.dumps(facts)}), path)


def scored(change):
    return lambda path: alter(path, scores=change)


def with_first(column, value):
    def change(table):
        return table.assign(**{column: [value, *table[column].iloc[1:]]})

    return change


def test_what_was_made_from_a_store_is_clean_in_one_line(made):
    assert verify([made]) == (f"{made}: CPRL: 5 measured numbers on live; nothing is wrong", 0)


def test_red_flags_follow_an_entry_that_is_clean(tmp_path):
    rows = "".join(
        f'[[reported]]\ndataset = "koniq"\nattack = "{attack}"\nepsilon = 1\nsrocc = {srocc}\nsource = "T"\n'
        for attack, srocc in (("fgsm", 0.1), ("pgd", 0.3))
    )
    (tmp_path / "mine.toml").write_text(f'name = "Mine"\ntraining = "clean"\n{rows}')
    text, status = verify([tmp_path / "mine.toml"])
    clean, flag = text.splitlines()
    assert (status, clean.endswith("Mine: 2 reported numbers on koniq; nothing is wrong")) == (0, True)
    assert flag.startswith("  red flag: KONIQ, reported: PGD leaves more than FGSM")


def test_measured_numbers_are_those_of_the_scores(made):
    found = examine(made)
    for number in found.numbers:
        (file,) = (one for one in found.files if one.name == number.source)
        table = pd.read_parquet(made.parent / file.name)
        assert number.srocc == pytest.approx(stats.spearmanr(table["quality"], table["score"]).statistic)
        assert number.plcc == pytest.approx(stats.pearsonr(table["quality"], table["score"]).statistic)
        assert number.mse == pytest.approx(((table["quality"] - table["score"]) ** 2).mean())
        assert number.low < number.srocc < number.high
        assert (number.kind, number.images, number.seeds) == ("measured", 120, (0,))


def test_a_number_may_be_rounded_but_not_to_another(made, rewritten):
    (clean,) = (one for one in examine(made).numbers if one.attack == "none")

    def state(**values):
        rewritten(made, lambda entry: entry["measured"][0].update(values))
        return list(examine(made).problems)

    assert state(srocc=round(clean.srocc, 3), plcc=round(clean.plcc, 3), mse=round(clean.mse, 3)) == []
    stated, held = f"{clean.srocc + 0.002:.4f}", f"{clean.srocc:.4f}"
    assert state(srocc=float(stated)) == [
        f"[[measured]] row 1: SROCC is stated as {float(stated):g}, and its scores give {held}"
    ]
    assert len(state(plcc=-0.5, mse=0.9)) == 3
    (found,) = state(srocc=clean.srocc, plcc=clean.plcc, mse=clean.mse, interval=[0.1, 0.99])
    assert found.startswith(
        "[[measured]] row 1: the interval is stated as [0.1000, 0.9900], and its scores give"
    )


def test_a_mean_over_seeds_is_compared_with_the_mean(swept, tmp_path, rewritten):
    drawn_sweep(swept, datasets=("live",), models=("cprl",), epsilons=(1.0,), seed=1)
    entry = tmp_path / "seeds.toml"
    create_entry(swept, "cprl", entry)
    assert verify([entry])[1] == 0
    (clean,) = (one for one in examine(entry).numbers if one.attack == "none")
    assert clean.seeds == (0, 1)
    assert clean.source.count(".parquet") == 2
    rewritten(entry, lambda values: values["measured"][0].update(srocc=0.5))
    assert "the mean over 2 files of scores is" in examine(entry).problems[0]
    rewritten(entry, lambda values: values["measured"][0]["scores"].pop())
    assert any(
        "SROCC is stated as 0.5, and its scores give" in problem for problem in examine(entry).problems
    )


def test_the_worst_case_of_an_interval_attack_is_computed_from_the_ends_again(store, tmp_path, rewritten):
    quality, score = labels(120), np.linspace(0, 1, 120)
    ends = {"low": score - 0.2, "high": score + 0.2}
    drawn_cell(store, score, model="mine", attack="auto", epsilon=1.0, more=ends)
    entry = tmp_path / "mine.toml"
    create_entry(store, "mine", entry)
    assert verify([entry]) == (f"{entry}: mine: 1 measured number on live; nothing is wrong", 0)
    (number,) = examine(entry).numbers
    worst = worst_case_srocc(quality, *ends.values())
    assert number.worst_case
    assert number.srocc == pytest.approx(stats.spearmanr(quality, worst.scores).statistic)
    assert number.low < number.srocc < number.high
    (row,) = tomllib.loads(entry.read_text())["measured"]
    assert row["worst_srocc"] == round(number.srocc, 4) < row["srocc"]
    assert row["worst_interval"] == [round(number.low, 4), round(number.high, 4)]

    alter(file_of(entry, 1), scores=lambda table: table.assign(low=table["score"]))
    assert any("worst-case SROCC is stated as" in problem for problem in examine(entry).problems)
    alter(file_of(entry, 1), scores=lambda table: table.drop(columns=["low", "high"]))
    assert any("scores have no attainable intervals" in problem for problem in examine(entry).problems)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda path: path.unlink(), "no regular file, or a link to a file that is not there"),
        (lambda path: (path.unlink(), path.mkdir()), "no regular file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "not a readable Parquet file"),
        (lambda path: path.write_bytes(b""), "not a readable Parquet file"),
        (lambda path: pd.DataFrame({"a": [1]}).to_parquet(path), "not a cell written by iqabench"),
        (lambda path: alter(path, provenance={"format": 99}), "written in format 99 by a newer iqabench"),
        (lambda path: alter(path, provenance={"context": 3}), "its metadata are damaged: context"),
        (lambda path: alter(path, cell={"seed": "0"}), "its metadata are damaged: cell.seed"),
        (lambda path: alter(path, cell={"epsilon": 2.0}, key=False), "is not that of its cell"),
        (lambda path: alter(path, provenance={"key": "0" * 20}, key=False), "is not that of its cell"),
        (scored(with_first("score", np.nan)), "NaN scores in 1 of 120 images"),
        (scored(with_first("score", np.inf)), "infinite scores in 1 of 120 images"),
        (scored(lambda table: table.assign(score=0.5)), "constant scores"),
        (scored(lambda table: table.head(1)), "1 image, too few for a correlation"),
        (scored(lambda table: table.head(0)), "holds no image"),
        (scored(with_first("quality", 1.5)), "labels are outside [0, 1] in 1 of 120"),
        (scored(with_first("image", "scene0/1.png")), "'scene0/1.png' is in it more"),
        (scored(lambda table: table.drop(columns="score")), "lacks the column 'score'"),
        (scored(lambda table: table.astype({"score": str})), "'score' holds "),
    ],
)
def test_a_file_of_scores_that_cannot_be_used_is_named_and_says_why(made, damage, expected):
    damage(file_of(made, 2))
    (problem,) = examine(made).problems
    assert problem.startswith(f"[[measured]] row 2: 'mine.scores/live/{file_of(made, 2).name}': ")
    assert expected in problem
    text, status = verify([made])
    assert status == 1
    assert text.endswith("1 thing is wrong with this entry")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({"epsilon": 4.0}, "is of live, fgsm at 4/255, and the row says live, fgsm at 1/255"),
        ({"attack": "noise"}, "is of live, noise at 1/255, and the row says live, fgsm at 1/255"),
        ({"dataset": "vcl"}, "is of vcl, fgsm at 1/255, and the row says live, fgsm at 1/255"),
        ({"model": "resnet"}, "is of the model 'resnet', and the entry says model = 'cprl'"),
        ({"regime": "adversarial"}, "is of cprl with adversarial training, and that of row 1 of cprl with"),
        ({"variant": "b=0.3"}, "is of cprl (b=0.3) with clean training"),
        ({"weights": "other"}, "was made with other weights than"),
        ({"model_params": {"b": 0.1}}, "was made with other parameters of the model than"),
        ({"image_size": 320}, "is of other images of live than"),
        ({"image_size": 320}, "image size 320, not 96"),
        ({"limit": 120}, "limit 120, not none"),
        ({"dataset_digest": "d1"}, "version of the dataset d1, not d0"),
        ({"split_digest": "s1"}, "split s1, not s0"),
    ],
)
def test_a_cell_of_something_else_than_its_row_claims(made, cell, expected):
    alter(file_of(made, 2), cell=cell)
    found = examine(made).problems
    assert anything(found, "[[measured]] row 2: ", expected), found


def anything(problems, *parts):
    """Whether a problem has all these parts."""
    return any(all(part in problem for part in parts) for problem in problems)


def test_labels_and_images_that_differ_between_files_of_one_version(made):
    alter(file_of(made, 3), scores=with_first("quality", 0.125))
    told = "claim the same test images of live, and label image 'scene0/0.png' 0.125 and"
    assert anything(examine(made).problems, told)
    alter(file_of(made, 3), scores=lambda table: table.iloc[1:])
    found = examine(made).problems
    assert anything(found, "number of images 119, not 120")
    assert anything(found, "and only one of them holds image 'scene0/0.png'")


def test_one_file_in_two_rows(made, rewritten):
    def share(values):
        values["measured"][2]["scores"] = values["measured"][1]["scores"]

    rewritten(made, share)
    assert anything(examine(made).problems, "is the same cell as")


def test_two_files_of_one_seed_in_a_row(made, swept, rewritten):
    other = drawn_cell(
        swept, dataset="live", model="cprl", attack_params={"x": 1}, attack="fgsm", epsilon=1.0
    )
    shutil.copy(other, made.parent / "mine.scores" / "other.parquet")
    rewritten(made, lambda values: values["measured"][1]["scores"].append("mine.scores/other.parquet"))
    found = examine(made).problems
    assert "[[measured]] row 2: two of its files are of one seed; a row has one file for each seed" in found
    assert "[[measured]] row 2: its files are of fgsm with different parameters" in found


def test_everything_is_said_at_once(made, rewritten):
    file_of(made, 1).unlink()
    alter(file_of(made, 2), cell={"weights": "other"})
    alter(file_of(made, 4), cell={"model": "resnet"})

    def spoil(values):
        values["nmae"] = values.pop("name")
        values["paper"] = {"title": "A paper", "year": -1}
        values["measured"][4]["srocc"] = -0.9
        values["measured"].append({"dataset": "live", "attack": "pgd", "epsilon": 9, "srocc": 0.9})

    rewritten(made, spoil)
    text, status = verify([made])
    assert status == 1
    for expected in (
        "unknown key 'nmae': did you mean 'name'?",
        "key 'name': missing",
        "[paper]: key 'year': found -1",
        "[[measured]] row 6: key 'scores': missing, so nothing can verify the number",
        "[[measured]] row 1: 'mine.scores/live/none-0-",
        "was made with other weights",
        "is of the model 'resnet'",
        "[[measured]] row 5: SROCC is stated as -0.9",
    ):
        assert expected in text


def test_a_name_too_long_for_a_file_is_said(made, rewritten):
    rewritten(made, lambda values: values["measured"][0].update(scores=["a" * 3000]))
    assert any("cannot be read: File name too long" in problem for problem in examine(made).problems)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_file_of_scores_goes_through_or_raises(made, data):
    path = file_of(made, 2)
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    garbage = data.draw(
        st.binary(min_size=1, max_size=40).filter(lambda put: put != whole[start : start + len(put)])
    )
    before = examine(made).numbers
    path.write_bytes(whole[:start] + garbage + whole[start + len(garbage) :])
    try:
        after = examine(made)
    finally:
        path.write_bytes(whole)
    for was, now in zip(before, after.numbers, strict=False):
        if not after.problems:
            assert now.srocc == pytest.approx(was.srocc, abs=1e-3)


def test_a_file_of_scores_is_not_read_through_a_link_out_of_the_folder(made, tmp_path_factory):
    inside = file_of(made, 1)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    outside = elsewhere / inside.name
    shutil.move(inside, outside)
    inside.symlink_to(outside)
    text, status = verify([made])
    assert status == 1
    assert "a link out of this TOML file's folder" in text
    inside.unlink()
    inside.parent.rename(elsewhere / "folder")
    inside.parent.symlink_to(elsewhere / "folder")
    assert "a link out of this TOML file's folder" in verify([made])[0]
