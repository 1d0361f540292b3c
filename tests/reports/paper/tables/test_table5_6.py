"""Tables 5 and 6: which runs they take, what stands beside them, and what several seeds say."""

import json

import pytest

from ....fabricated import behind, under_auto
from ...tables import row_of, tables_by

tables_of = tables_by("table5_6")

OLD, NEW = "2030-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00"


def cprl(b=0.4, reading="keep_top", pns_weight=0.0, *, sites=(3, 4), seed=0, **stated):
    """A row of a results table for CPRL with these parameters."""
    params = {"b": b, "reading": reading, "pns_weight": pns_weight, "backbone": "resnet18", "sites": [*sites]}
    compact = json.dumps(params, sort_keys=True)
    identity = {"model": "cprl", "model_params": compact, "seed": seed, "weights": f"w-{compact}-{seed}"}
    return {**identity, "variant": f"b={b}", **stated}


def resnet(**stated):
    return {"model_params": '{"backbone": "resnet18"}', **stated}


def attacked(row, srocc=0.5):
    return {**row, "attack": "fgsm", "epsilon": 1.0, "srocc": srocc}


def table(results, number, *rows):
    return tables_of(results(*rows))[number]


def entry(block, name, condition=0):
    """The cells of a row under a condition: 0 is clean, 1 attacked."""
    return row_of(block, name).cells[1 + condition]


def seeds(block, name):
    return row_of(block, name).cells[0][0].text


def columns(block):
    """SROCC clean and attacked, by row."""
    return {row.name.text: (row.cells[1][0].text, row.cells[2][0].text) for row in block.rows}


def test_table5_has_a_block_for_each_reading_and_a_row_for_each_b_of_the_paper(results):
    five = table(
        results,
        "5",
        cprl(0.5, "suppress_top", srocc=0.9),
        attacked(cprl(0.5, "suppress_top"), srocc=-0.3),
        cprl(0.4, "keep_top", srocc=0.8),
        cprl(0, "literal", srocc=0.1),
    )
    assert [block.title.split(":")[0] for block in five.blocks] == ["literal", "suppress_top", "keep_top"]
    assert columns(five.blocks[1]) == {
        **dict.fromkeys(["0.0", "0.1", "0.2", "0.3", "0.4"], ("–", "–")),
        "0.5": ("0.9000", "−0.3000"),
    }
    assert columns(five.blocks[0])["0.0"] == ("0.1000", "–")
    assert "all but the (0.5 − b) K largest channels are active; sites 3 and 4" in five.blocks[1].title


def test_a_b_that_the_paper_has_not_is_a_row_without_its_numbers(results):
    (block,) = table(results, "5", cprl(0.25), cprl(0.3)).blocks
    assert list(columns(block)) == ["0.0", "0.1", "0.2", "0.25", "0.3", "0.4", "0.5"]
    assert entry(block, "0.25")[0].lines[-1] == ""


def test_the_papers_numbers_stand_beside_with_the_difference_on_live(results):
    rows = [attacked(cprl(0.4), 0.8), cprl(0.4, srocc=0.9, mse=0.03), cprl(0.3)]
    (block,) = table(results, "5", *rows).blocks
    assert [cell.lines[-1] for cell in entry(block, "0.4")] == [
        "paper 0.8560 (+0.0440)", "paper 0.8284 (−0.3284)", "paper 0.0350 (−0.0050)",
    ]  # fmt: skip
    assert entry(block, "0.4", 1)[0].lines[-1] == "paper 0.8432 (−0.0432)"
    assert entry(block, "0.3", 1)[0].lines[-1] == "paper 0.7933"


def test_beside_another_dataset_stand_the_papers_numbers_without_a_difference(results):
    synthetic = {"dataset": "synthetic", "stand_in": True}
    five = table(results, "5", cprl(0.4, **synthetic), cprl(0.3, **synthetic))
    (block,) = five.blocks
    assert str(block.heading) == "synthetic†"
    assert entry(block, "0.4")[0].lines[-1] == "paper, LIVE 0.8560"
    assert "a shape to look for, not a level to reach" in five.caption
    assert "† synthetic stands in for a database" in five.caption


def test_the_model_as_its_own_table_has_it_is_a_row_too(results):
    (block,) = table(results, "5", cprl(0.4, variant="", srocc=0.7), cprl(0.3, srocc=0.6)).blocks
    assert (columns(block)["0.3"][0], columns(block)["0.4"][0]) == ("0.6000", "0.7000")


def test_table5_prefers_the_mask_alone_and_says_what_it_leaves_out(results):
    alone = [cprl(0.4, srocc=0.4), cprl(0.3, srocc=0.3)]
    with_pns = [cprl(b, pns_weight=0.1, srocc=0.9, created=NEW) for b in (0.2, 0.3, 0.4)]
    found = tables_of(results(*alone, *with_pns))
    (block,) = found["5"].blocks
    assert (columns(block)["0.2"][0], columns(block)["0.3"][0]) == ("–", "0.3000")
    assert "with the PNS risk are in the store too, and not in this table" in found["5"].caption
    (note,) = found["6"].notes
    assert note.startswith("Neither Table 5 nor Table 6 shows 1 cell of variants of CPRL on LIVE")


@pytest.mark.parametrize("number", ["5", "6"])
def test_a_model_behind_a_defence_is_not_taken_for_the_model(results, number):
    bare = [cprl(b=0.3, srocc=0.7), cprl(srocc=0.8), cprl(pns_weight=0.1, srocc=0.6)]
    newer = {**behind("jpeg"), "created": NEW, "knowledge": "adaptive"}
    defended = [{**row, **newer, "srocc": 0.1} for row in bare]
    rows = [*bare, *defended, *(attacked(row) for row in bare), *(attacked(row, 0.2) for row in defended)]
    (block,) = table(results, number, *rows).blocks
    shown = {cells[0].text for row in block.rows for cells in row.cells[1:]}
    assert shown == (
        {"–", "0.7000", "0.8000", "0.5000"} if number == "5" else {"–", "0.8000", "0.6000", "0.5000"}
    )


def test_table5_with_the_pns_risk_alone_says_so(results):
    five = table(results, "5", cprl(0.4, pns_weight=0.1), cprl(0.3, pns_weight=0.1))
    assert five.blocks[0].title.endswith("with the PNS risk, weight 0.1")
    assert "the store has no cells of its mask alone" in five.caption


def test_table5_shows_runs_that_agree_in_all_else(results):
    found = tables_of(
        results(
            *(cprl(b, srocc=0.5) for b in (0.2, 0.3, 0.4)),
            *(cprl(b, sites=(4,), srocc=0.6, created=NEW) for b in (0.2, 0.3)),
            cprl(0.1, srocc=0.7, limit=16),
        )
    )
    (block,) = found["5"].blocks
    assert [clean for clean, _ in columns(block).values()] == ["–", "–", "0.5000", "0.5000", "0.5000", "–"]
    assert "shows 3 cells" in found["6"].notes[0]


def test_of_two_trainings_the_newer_is_shown_clean_and_attacked(results):
    old = cprl(0.4, weights="old", created=OLD, srocc=0.1)
    new = cprl(0.4, weights="new", created=NEW, srocc=0.9)
    (block,) = table(results, "5", old, attacked(old, 0.2), new, cprl(0.3)).blocks
    assert columns(block)["0.4"] == ("0.9000", "–")


def test_seeds_are_averaged_and_their_range_is_shown(results):
    rows = [cprl(0.4, seed=seed, srocc=srocc) for seed, srocc in enumerate((0.5, 0.7, 0.9))]
    five = table(results, "5", *rows, cprl(0.3))
    (cell, *_) = entry(five.blocks[0], "0.4")
    assert (seeds(five.blocks[0], "0.4"), cell.text) == ("3", "0.7000")
    assert cell.lines[:2] == ("[0.400, 1.000]", "0.500 to 0.900")
    assert "the range is that of the seeds' own values, which is not a confidence interval" in five.caption


def test_one_seed_claims_no_range(results):
    five = table(results, "5", cprl(0.4), cprl(0.3))
    assert seeds(five.blocks[0], "0.4") == "1"
    assert "seeds" not in five.caption


def test_a_diverged_seed_is_counted_not_averaged(results):
    diverged = cprl(0.4, seed=1, status="NaN scores in 9 of 9 images")
    five = table(results, "5", cprl(0.4, srocc=0.8), diverged, cprl(0.3, status="constant scores"))
    (block,) = five.blocks
    assert (seeds(block, "0.4"), entry(block, "0.4")[0].text) == ("1 of 2", "0.8000")
    assert (seeds(block, "0.3"), entry(block, "0.3")[0].text) == ("0 of 1", "diverged")
    assert "no usable scores" in five.caption


def test_the_best_of_a_block_is_bold(results):
    (block,) = table(results, "5", cprl(0.4, srocc=0.8, mse=0.2), cprl(0.3, srocc=0.9, mse=0.3)).blocks
    assert [cell.best for cell in entry(block, "0.3")] == [True, True, False]
    assert [cell.best for cell in entry(block, "0.4")] == [False, True, True]


def test_table6_sets_resnet_mask_and_pns_side_by_side(results):
    with_pns = cprl(pns_weight=0.1, variant="", srocc=0.8)
    rows = [resnet(srocc=0.9), attacked(resnet(), -0.1), cprl(srocc=0.7), attacked(cprl(), 0.6)]
    six = table(results, "6", *rows, with_pns, attacked(with_pns, 0.75))
    (block,) = six.blocks
    assert columns(block) == {
        "ResNet": ("0.9000", "−0.1000"),
        "CA": ("0.7000", "0.6000"),
        "CA+PNS": ("0.8000", "0.7500"),
    }
    published = [[row.cells[group][0].lines[-1].split()[1] for row in block.rows] for group in (1, 2)]
    assert published == [["0.8807", "0.8743", "0.9266"], ["−0.0335", "0.8623", "0.9022"]]
    assert block.title.startswith(
        "b = 0.4; keep_top: the (0.5 − b) K largest channels are active; sites 3 and 4"
    )


def test_table6_pairs_equal_settings_only(results):
    rows = [cprl(0.4), cprl(0.3, pns_weight=0.1), cprl(0.4, sites=(4,), pns_weight=0.1)]
    assert table(results, "6", *rows).blocks == ()
    paired = [*rows, cprl(0.4, sites=(4,)), cprl(0.3)]
    titles = [block.title for block in table(results, "6", *paired).blocks]
    assert [title.split(";")[0] for title in titles] == ["b = 0.3", "b = 0.4"]
    assert titles[1].endswith("sites 4")


def test_table6_takes_the_resnet_of_the_same_images_and_backbone(results):
    pair = [cprl(), cprl(pns_weight=0.1)]
    for other in ({"image_size": 32}, {"model_params": '{"backbone": "resnet50"}'}, {"variant": "x"}):
        (block,) = table(results, "6", *pair, resnet(**other)).blocks
        assert columns(block)["ResNet"] == ("–", "–")


def test_several_weights_of_the_risk_are_rows_of_their_own(results):
    (block,) = table(results, "6", cprl(), cprl(pns_weight=0.1), cprl(pns_weight=0.5)).blocks
    assert list(columns(block)) == ["ResNet", "CA", "CA+PNS (weight 0.1)", "CA+PNS (weight 0.5)"]


@pytest.mark.parametrize(
    "rows",
    [
        [resnet()],
        [cprl(0.4)],
        [cprl(0.4, regime="adversarial"), cprl(0.3, regime="adversarial", pns_weight=0.1)],
        [{"model": "cprl", "model_params": "{}"}],
        [{**cprl(b), "attack": "pgd", "epsilon": 1.0} for b in (0.1, 0.2)],
        [{**cprl(b), "attack": "fgsm", "epsilon": 8.0} for b in (0.1, 0.2)],
    ],
)
def test_what_was_not_run_leaves_advice(results, rows):
    five, six = (table(results, number, *rows) for number in "56")
    assert (five.rows, six.rows) == ((), ())
    assert five.advice == "Not run. `iqabench run --profile table5` fills this table."
    assert six.advice == "Not run. `iqabench run --profile table6` fills this table."


def test_beside_auto_they_say_that_fgsm_is_weaker(results):
    rows = [cprl(0.4), cprl(0.3), cprl(0.4, pns_weight=0.1)]
    for more, said in ([], False), ([under_auto("resnet", 1.0, -0.2)], True):
        tables = tables_of(results(*rows, *more))
        weaker = ["FGSM, as the paper has it, is weaker" in tables[number].caption for number in "56"]
        assert weaker == [said] * 2


def test_the_cells_behind_the_tables_are_known_and_nothing_is_noted(results):
    rows = [cprl(0.4), cprl(0.3), cprl(0.4, pns_weight=0.1), resnet(), resnet(model="sat")]
    tables = tables_of(results(*rows))
    shown = [row for number in "56" for row in tables[number].rows]
    behind = {key for row in shown for cell in row.all_cells for key in cell.keys}
    assert behind == {"key0", "key1", "key2", "key3"}
    assert tables["6"].notes == ()
