"""The layout of Tables 1, 2 and 4: who stands where, what is bold, what is a dash."""

import pytest

from ....fabricated import under_auto
from ...tables import cell_of, row_of, tables_by

tables_of = tables_by("table1_2_4")


def texts(table, model, heading, what="text"):
    headings = [group.heading.text for group in table.groups]
    return [getattr(cell, what) for cell in row_of(table, model).cells[headings.index(heading)]]


def bold(table, model, heading):
    return texts(table, model, heading, "best")


def clean(results, *rows):
    """Table 4 of these rows."""
    return tables_of(results(*rows))["4"]


def test_tables_one_two_and_four_are_fgsm_pgd_and_clean(results):
    attacked = [("fgsm", 1.0, 0.3), ("fgsm", 8.0, -0.8), ("pgd", 1.0, 0.2)]
    rows = [{"attack": attack, "epsilon": epsilon, "srocc": srocc} for attack, epsilon, srocc in attacked]
    tables = tables_of(results({"srocc": 0.9}, *rows))
    shown = {number: texts(tables[number], "ResNet", "LIVE")[0] for number in "124"}
    assert shown == {"1": "0.3000", "2": "0.2000", "4": "0.9000"}
    assert tables["1"].title == "Under FGSM at 1/255, with clean training"


def test_rows_and_columns_follow_the_catalogue_and_then_the_alphabet(results):
    names = ("zoo", "cprl", "sat", "denoise", "lwta", "resnet", "nima", "dbcnn", "alpha")
    rows = [{"model": name, "dataset": "synthetic"} for name in names]
    rows += [{"dataset": name} for name in ("koniq", "livec", "live", "vcl", "mine")]
    table = tables_of(results(*rows))["4"]
    assert [row.name.text for row in table.rows] == [
        "DBCNN", "NIMA", "ResNet", "LWTA", "Denoise", "SAT", "CPRL", "alpha", "zoo",
    ]  # fmt: skip
    headings = [group.heading.text for group in table.groups]
    assert headings == ["VCL", "LIVE", "LIVEC", "KONIQ", "mine", "synthetic"]


def test_the_best_of_each_column_is_bold_and_low_error_is_best(results):
    table = clean(
        results,
        {"model": "resnet", "srocc": 0.91, "plcc": 0.70, "mse": 0.02},
        {"model": "cprl", "srocc": 0.90, "plcc": 0.80, "mse": 0.01},
        {"model": "sat", "srocc": -0.95, "plcc": 0.1, "mse": 0.5},
    )
    assert bold(table, "ResNet", "LIVE") == [True, False, False]
    assert bold(table, "CPRL", "LIVE") == [False, True, True]
    assert bold(table, "SAT", "LIVE") == [False, False, False]


def test_numbers_that_print_alike_are_bold_alike_and_a_lone_model_is_not_bold(results):
    alike = [{"model": "resnet", "srocc": 0.90001}, {"model": "cprl", "srocc": 0.90004}]
    table = clean(results, *alike, {"model": "cprl", "dataset": "vcl", "srocc": 0.9})
    assert bold(table, "ResNet", "LIVE")[0]
    assert bold(table, "CPRL", "LIVE")[0]
    assert not any(bold(table, "CPRL", "VCL"))


def test_the_papers_numbers_stand_below_with_how_far_the_measured_are_above(results):
    clean = {"model": "cprl", "srocc": 0.95004, "plcc": 0.9, "mse": 0.0104}
    tables = tables_of(results(clean, {**clean, "attack": "fgsm", "epsilon": 1.0, "srocc": -0.1}))
    assert [cell_of(tables["4"], "CPRL", "LIVE", place).lines[-1] for place in range(3)] == [
        "paper 0.9266 (+0.0234)", "paper 0.9143 (−0.0143)", "paper 0.0104 (+0.0000)",
    ]  # fmt: skip
    assert cell_of(tables["1"], "CPRL", "LIVE").lines[-1] == "paper 0.9022 (−1.0022)"
    assert "in parentheses how far the measured one is above it" in tables["4"].caption


def test_the_papers_numbers_stand_below_what_was_not_run_or_diverged(results):
    table = clean(results, {"model": "sat", "dataset": "vcl"}, {"model": "nima", "status": "constant scores"})
    assert [cell.lines for cell in row_of(table, "SAT").cells[1]] == [
        ("", "", "paper 0.8411"), ("", "", "paper 0.8146"), ("", "", "paper 0.0208"),
    ]  # fmt: skip
    assert cell_of(table, "NIMA", "LIVE").lines == ("constant scores", "", "paper 0.9396, 0.9364, 0.0105")


@pytest.mark.parametrize(
    "stated",
    [
        {"dataset": "synthetic", "stand_in": True},
        {"dataset": "live", "stand_in": True},
        {"dataset": "mine"},
        {"model": "mine"},
    ],
)
def test_nothing_stands_below_what_the_paper_did_not_measure(results, stated):
    table = tables_of(results(stated))["4"]
    assert not any("paper" in line for cell in table.rows[0].all_cells for line in cell.lines)
    assert "paper" not in table.caption


def test_what_was_not_run_is_a_dash_not_an_absence(results):
    rows = [{"model": "resnet", "dataset": "vcl"}, {"model": "cprl", "dataset": "live"}]
    table = tables_of(results(*rows))["4"]
    assert (cell_of(table, "ResNet", "LIVE").kind, texts(table, "ResNet", "LIVE")) == ("absent", ["–"] * 3)
    assert cell_of(table, "CPRL", "LIVE").kind == "number"


def test_a_diverged_cell_is_named_and_never_the_best(results):
    table = clean(
        results,
        {"model": "resnet", "status": "constant scores", "mse": 0.0001},
        {"model": "nima", "status": "NaN scores in 3 of 9 images"},
        {"model": "sat", "status": "constant labels"},
        {"model": "cprl", "mse": 0.2},
        {"model": "dbcnn", "mse": 0.3},
    )
    diverged = cell_of(table, "ResNet", "LIVE")
    assert (diverged.text, diverged.kind, diverged.span) == ("diverged", "state", 3)
    assert diverged.lines[0] == "constant scores"
    assert texts(table, "NIMA", "LIVE") == ["diverged"]
    assert texts(table, "SAT", "LIVE") == ["undefined"]
    assert bold(table, "CPRL", "LIVE")[2]


def test_numbers_have_four_digits_a_true_minus_and_their_interval(results):
    table = tables_of(results({"srocc": -0.38692, "srocc_low": -0.5, "srocc_high": 0.25, "mse": 0.01}))["4"]
    srocc, _, error = row_of(table, "ResNet").cells[0]
    assert (srocc.text, srocc.lines[0]) == ("−0.3869", "[−0.500, 0.250]")
    assert error.lines[0] == "[−0.0900, 0.1100]"


def test_a_stand_in_is_marked_in_the_head_and_explained_below(results):
    table = tables_of(results({"dataset": "synthetic", "stand_in": True}, {"dataset": "live"}))["4"]
    assert [str(group.heading) for group in table.groups] == ["LIVE", "synthetic†"]
    assert "† synthetic stands in for a database" in table.caption


def test_several_seeds_are_averaged_under_an_interval_that_holds_all_and_their_range(results):
    first = {"seed": 0, "srocc": 0.8, "srocc_low": 0.7, "srocc_high": 0.85}
    table = clean(results, first, {"seed": 3, "srocc": 0.6, "srocc_low": 0.5, "srocc_high": 0.65})
    cell = cell_of(table, "ResNet", "LIVE")
    assert (cell.text, *cell.lines[:2]) == ("0.7000", "[0.500, 0.850]", "0.600 to 0.800")
    assert "several seeds (0 and 3), a number is their mean" in table.caption
    assert cell.keys == ("key0", "key1")


def test_an_attack_that_was_not_run_leaves_advice(results):
    table = tables_of(results({}))["2"]
    assert table.rows == ()
    assert table.advice == "Not run. `iqabench run --attacks pgd --epsilons 1` fills this table."


def test_an_attack_that_is_not_in_the_paper_gets_a_table_of_its_own(results):
    soft = {"attack": "pgd_soft", "epsilon": 1.0, "srocc": 0.77}
    tables = tables_of(results({}, {"model": "cprl"}, soft, {"dataset": "vcl"}))
    assert list(tables) == ["1", "2", "4", "A1"]
    assert tables["A1"].title == "Under PGD (soft mask) at 1/255, with clean training"
    assert [row.name.text for row in tables["A1"].rows] == ["ResNet"]
    assert texts(tables["A1"], "ResNet", "LIVE")[0] == "0.7700"


@pytest.mark.parametrize(
    ("compact", "said"), [('{"steps": 10, "step_size": null}', "PGD was run with steps 10."), ("{}", None)]
)
def test_the_caption_states_an_attacks_parameters(results, compact, said):
    caption = tables_of(results({"attack": "pgd", "epsilon": 1.0, "attack_params": compact}))["2"].caption
    assert ("PGD was run" in caption) == (said is not None)
    assert said is None or said in caption


def test_beside_auto_the_paper_s_attacks_are_said_to_be_weaker_and_its_own_table_has_the_worst_case(results):
    rows = [{}, *({"attack": name, "epsilon": 1.0} for name in ("fgsm", "pgd"))]
    tables = tables_of(results(*rows, under_auto("resnet", 1.0, -0.2, worst_plcc=-0.3)))
    for number, attack in (("1", "FGSM"), ("2", "PGD")):
        assert "Believe the worst case under auto, " in tables[number].caption
        weaker = f": {attack}, as the paper has it, is weaker and can overstate robustness."
        assert weaker in tables[number].caption
    assert texts(tables["A1"], "ResNet", "LIVE") == ["−0.2000", "−0.3000", "0.5000"]
    without = tables_of(results(*rows))
    assert not [number for number in "124" if "Believe" in without[number].caption + tables["4"].caption]
