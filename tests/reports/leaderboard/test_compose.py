"""The board: who takes part, what joins whom, and what is left out with a note."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.sealed_parquet import write_sealed_table
from iqabench.bench.store.store import Store
from iqabench.reports.leaderboard.compose import compose_board
from iqabench.reports.leaderboard.submission.create import create_entry

from ...fabricated import drawn_auto, drawn_cell, drawn_sweep, noisy

PAPERS_MODELS = [
    "MANIQA",
    *("CPRL", "DBCNN", "Denoise", "LWTA", "NIMA", "ResNet", "SAT"),
    *("KonCept512", "KonCept512 behind JPEG"),
    *("CORNIA", "Ma19", "UNIQUE", "BRISQUE"),
]


def names(board):
    return [entrant.name for entrant in board.entrants]


def entrant(board, name):
    (found,) = (one for one in board.entrants if one.name == name)
    return found


def kinds(found):
    return [number.kind for number in found.numbers]


@pytest.fixture
def sturdy(made, rewritten):
    """The entry of CPRL under a name of its own."""
    rewritten(made, lambda entry: entry.update(name="Sturdy"))
    return made


def test_the_models_of_papers_take_part_as_reported():
    board = compose_board()
    assert names(board) == PAPERS_MODELS
    assert board.notes == ()
    for found in board.entrants:
        assert {one.kind for one in (*found.numbers, *found.moves)} == {"reported"}
        assert re.fullmatch("[a-z0-9-]+", found.slug)
        assert found.unreliable == ""
        assert found.paper
        assert all(np.isnan(number.low) and number.images is None for number in found.numbers)
    cprl = entrant(board, "CPRL")
    assert len(cprl.numbers) == 12
    assert cprl.links[0][0] == "Paper"
    assert (cprl.authors, cprl.year, cprl.training) == (("Lei Wang", "Desen Yuan"), 2024, "clean")
    assert cprl.red_flags == ()
    assert "0.5259" in " ".join(flag for _, flag in entrant(board, "LWTA").red_flags)


def test_a_model_of_the_store_joins_its_entry_reported_beside_measured(swept):
    board = compose_board(store=swept)
    assert names(board) == PAPERS_MODELS
    resnet = entrant(board, "ResNet")
    assert kinds(resnet) == ["reported"] * 12 + ["measured"] * 5
    measured = resnet.numbers[-1]
    assert (measured.dataset, measured.attack, measured.epsilon, measured.images) == ("live", "pgd", 2.0, 120)
    assert measured.parameters == "steps 10"
    assert measured.source.startswith("cells/live/resnet/pgd-2-")
    facts = dict(resnet.facts)
    assert facts["Command"] == "iqabench run --models all"
    assert facts["Digest of the weights"] == "LIVE, seed 0: w-resnet-0"
    told = "LIVE: reported and measured SROCC differ: "
    assert any(sentence.startswith(told) for _, sentence in resnet.red_flags)


def test_an_audit_on_images_without_labels_counts_too(store):
    unlabelled = {"quality": np.full(120, np.nan)}
    for dataset, flags in (("photos", ["The gradient is blind."]), ("live", [])):
        more = {"low": np.zeros(120), "high": np.ones(120), **(unlabelled if flags else {})}
        scores = np.linspace(0.2, 0.8, 120)
        drawn_cell(store, scores, more=unlabelled if flags else {}, model="mine", dataset=dataset)
        fields = {"model": "mine", "dataset": dataset, "attack": "auto", "epsilon": 1.0}
        drawn_cell(store, scores, more=more, flags=flags, **fields)
    mine = entrant(compose_board(store=store), "mine")
    assert mine.audit == "doubtful"
    assert (mine.is_doubtful("photos"), mine.is_doubtful("live")) == (True, False)
    assert ("photos", "photos, audit under auto at 1/255: The gradient is blind.") in mine.red_flags


def test_the_precision_that_an_attack_searched_in_is_among_its_parameters(store):
    drawn_cell(store, model="mine", attack="pgd", epsilon=1.0, precision="bf16")
    drawn_cell(store, model="other", attack="pgd", epsilon=1.0)
    board = compose_board([], store)
    told = [entrant(board, name).numbers[0].parameters for name in ("mine", "other")]
    assert told == ["steps 10, precision bf16", "steps 10"]


def test_a_mean_over_seeds_is_of_as_many_images_as_the_seed_with_fewest(store):
    drawn_cell(store, model="mine", seed=0)
    drawn_cell(store, noisy(0.2, 60), model="mine", seed=1, limit=60)
    mine = entrant(compose_board([], store), "mine")
    assert [(number.images, number.limited) for number in mine.numbers] == [(60, True)]
    assert ("live", "LIVE, measured: on 60 images, a part of the test images.") in mine.red_flags


def test_a_single_attack_that_failed_does_not_make_the_worst_case_doubtful(store):
    drawn_auto(store, "mine", 1.0)
    for model in ("mine", "other"):
        drawn_cell(store, model=model, attack="fgsm", epsilon=1.0, flags=["All gradients are zero."])
    board = compose_board([], store)
    mine, other = (entrant(board, name) for name in ("mine", "other"))
    assert (mine.audit, mine.is_doubtful("live")) == ("sound", False)
    assert (other.audit, other.is_doubtful("live")) == ("doubtful", True)
    flag = ("live", "LIVE, audit under FGSM at 1/255: All gradients are zero.")
    assert flag in mine.red_flags
    assert flag in other.red_flags


def test_what_the_audits_of_a_store_found_is_on_the_board(store):
    drawn_auto(store, "mine", 1.0)
    drawn_auto(store, "other", 1.0)
    drawn_auto(store, "other", 2.0, flags=["Half of the gradients are zero."])
    board = compose_board(store=store)
    assert [entrant(board, name).audit for name in ("mine", "other", "CPRL")] == ["sound", "doubtful", ""]
    assert entrant(board, "mine").red_flags == ()
    found = ("live", "LIVE, audit under auto at 2/255: Half of the gradients are zero.")
    assert found in entrant(board, "other").red_flags


def test_variants_regimes_and_unknown_models_take_part_by_themselves(swept):
    drawn_cell(swept, dataset="live", model="cprl", variant="b=0.3", limit=50)
    drawn_cell(swept, dataset="live", model="cprl", regime="adversarial")
    drawn_cell(swept, dataset="synthetic", model="mine")
    board = compose_board(store=swept)
    assert names(board) == [*PAPERS_MODELS, "CPRL (adversarial training)", "CPRL (b=0.3)", "mine"]
    assert entrant(board, "CPRL (adversarial training)").training == "adversarial"
    assert entrant(board, "mine").numbers[0].stand_in
    assert entrant(board, "CPRL (b=0.3)").red_flags == (
        ("live", "LIVE, measured: on 120 images, a part of the test images."),
    )
    assert len({one.slug for one in board.entrants}) == len(PAPERS_MODELS) + 3


def test_an_entry_takes_part_with_its_measured_numbers(sturdy, rewritten):
    rewritten(sturdy, lambda entry: entry.update(unreliable="a test"))
    board = compose_board([sturdy])
    found = entrant(board, "Sturdy")
    assert kinds(found) == ["measured"] * 5
    assert found.unreliable == "a test"
    assert dict(found.facts)["Versions"] == "python 3.11.7, iqabench 0.1.0, torch 2.15.0"
    assert repr(compose_board([sturdy.parent])) == repr(board)
    assert repr(compose_board([sturdy, sturdy, sturdy.parent])) == repr(board)


def test_what_is_kept_of_earlier_boards_changes_nothing_and_hides_no_change(sturdy):
    first = compose_board([sturdy])
    assert [*(sturdy.parent / "user-cache").rglob("*.parquet")]
    assert repr(compose_board([sturdy])) == repr(first)
    file = next(sturdy.with_suffix(".scores").rglob("*.parquet"))
    table = pq.read_table(file)
    scores = pd.Series(table["score"].to_pandas())[::-1].reset_index(drop=True)
    changed = table.set_column(table.column_names.index("score"), "score", pa.array(scores))
    write_sealed_table(changed, file)
    board = compose_board([sturdy])
    assert "Sturdy" not in names(board)
    (note,) = board.notes
    assert "is stated as" in note


def test_an_entry_with_something_wrong_is_left_out_with_a_note(made, rewritten):
    next(made.with_suffix(".scores").rglob("*.parquet")).unlink()
    (made.parent / "broken.toml").write_bytes(b"\xff")
    board = compose_board([made.parent])
    assert names(board) == PAPERS_MODELS
    broken, missing = board.notes
    assert broken.startswith(f"Left out: {made.parent / 'broken.toml'}: key 'name'") or "UTF-8" in broken
    assert missing.startswith(f"Left out: {made}: [[measured]] row ")
    assert missing.endswith(f"`iqabench entry verify {made}` says what is wrong with it.")


def test_two_of_one_name_are_told_apart(made):
    board = compose_board([made])
    assert names(board) == [*PAPERS_MODELS, "CPRL (mine)"]
    assert len({one.slug for one in board.entrants}) == len(PAPERS_MODELS) + 1
    assert board.notes == ("Two entrants are called CPRL; one is shown as CPRL (mine).",)


def test_the_stores_own_number_comes_before_that_of_an_entry(store, tmp_path):
    drawn_sweep(store, datasets=("live",), models=("mine",), epsilons=(1.0,))
    create_entry(store, "mine", tmp_path / "entry" / "mine.toml", name="Mine")
    drawn_cell(store, dataset="live", model="mine", attack="fgsm", epsilon=8.0)
    board = compose_board([tmp_path / "entry"], store)
    mine = entrant(board, "Mine")
    assert len(mine.numbers) == 4
    assert all(number.source.startswith("cells/") for number in mine.numbers)
    assert "Mine: 3 numbers of its entry are not shown, as the store has measured the same." in board.notes


def test_labels_unlike_those_of_the_store_are_refused(sturdy, store):
    path = drawn_cell(store, dataset="live", model="sat")
    assert "Sturdy" in names(compose_board([sturdy], store))
    table = pq.read_table(path)
    frame = table.to_pandas()
    frame.loc[3, "quality"] = 0.25
    altered = pa.Table.from_pandas(frame, preserve_index=False)
    write_sealed_table(altered.replace_schema_metadata(table.schema.metadata), path)
    board = compose_board([sturdy], store)
    assert "Sturdy" not in names(board)
    assert any("labels image 'scene0/3.png' of live" in note and "0.25" in note for note in board.notes)


def test_numbers_of_different_images_are_noted(sturdy, store):
    drawn_cell(store, dataset="live", model="sat", image_size=320, dataset_digest="d1")
    (note,) = compose_board([sturdy], store).notes
    assert note == (
        "Measured numbers on LIVE are of different images, and not strictly comparable: 120 images, "
        "resized to 320 px (version d1, split s0): SAT; 120 images, "
        "resized to 96 px (version d0, split s0): Sturdy."
    )


def test_what_the_store_leaves_out_is_noted(swept):
    (swept.root / "cells" / "live" / "broken.parquet").write_bytes(b"PAR1")
    drawn_cell(swept, np.full(120, np.nan), dataset="live", model="resnet", attack="fgsm", epsilon=8.0)
    drawn_cell(
        swept, dataset="live", model="cprl", weights="older", context={"created": "2029-01-01T00:00:00+00:00"}
    )
    notes = "\n".join(compose_board(store=swept).notes)
    assert "Not readable, so left out: cells/live/broken.parquet: not a readable Parquet file" in notes
    assert (
        "ResNet has no numbers on LIVE for FGSM at 8/255, seed 0: NaN scores in 120 of 120 images." in notes
    )
    assert "CPRL: 1 cell of older versions, or with other parameters of an attack, is not shown." in notes


def test_a_store_that_contradicts_itself_or_is_empty_is_refused(swept, tmp_path):
    path = drawn_cell(swept, dataset="live", model="resnet")
    table = pq.read_table(path)
    scores = pa.array(np.linspace(0, 1, table.num_rows))
    write_sealed_table(table.set_column(4, "score", scores), path.with_name("again.parquet"))
    with pytest.raises(UserError, match="hold different scores"):
        compose_board(store=swept)
    with pytest.raises(UserError, match="no results"):
        compose_board(store=tmp_path / "empty")


def test_paths_that_lead_nowhere_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"none.toml: no such entry"):
        compose_board([tmp_path / "none.toml"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no entry in this folder"):
        compose_board([tmp_path / "empty"])


def test_five_hundred_entries_compose(tmp_path):
    row = '[[reported]]\ndataset = "live"\nattack = "fgsm"\nepsilon = 1\nsrocc = 0.5\nsource = "Table 1"\n'
    for number in range(500):
        (tmp_path / f"{number}.toml").write_text(f'name = "Ünïque {number}"\ntraining = "clean"\n{row}')
    board = compose_board([tmp_path])
    assert len({one.slug for one in board.entrants}) == len(PAPERS_MODELS) + 500
    assert board.entrants[-1].slug.startswith("unique-")
    assert board.notes == ()


def test_what_a_cell_says_of_a_control_reaches_the_board_through_an_entry(tmp_path):
    store = drawn_sweep(Store(tmp_path / "results"), datasets=["live"], models=["resnet"], attacks=["fgsm"])
    drawn_cell(store, attack="noise2", epsilon=2.0, context={"control": True})
    create_entry(store, "resnet", tmp_path / "mine.toml", name="Mine")
    for board in (compose_board([tmp_path / "mine.toml"]), compose_board(store=store)):
        found = {one.attack: one.control for shown in board.entrants for one in shown.numbers
                 if one.kind == "measured"}  # fmt: skip
        assert found == {"none": False, "fgsm": False, "noise2": True}
