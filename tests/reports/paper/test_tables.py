"""The layout of Tables 1, 2 and 4: who stands where, what is bold, what is a dash."""

import pytest

from iqabench.reports.paper.selection import select
from iqabench.reports.paper.tables import paper_tables


def tables_of(results):
    return {table.number: table for table in paper_tables(select(results))}


def entry(table, model, dataset):
    (row,) = (row for row in table.rows if row.model == model)
    return row.entries[[group.dataset for group in table.groups].index(dataset)]


def shown(table, model, dataset):
    return [number.text for number in entry(table, model, dataset).numbers]


def bold(table, model, dataset):
    return [number.best for number in entry(table, model, dataset).numbers]


def test_tables_one_two_and_four_are_fgsm_pgd_and_clean(results):
    tables = tables_of(
        results(
            {"srocc": 0.9},
            {"attack": "fgsm", "epsilon": 1.0, "srocc": 0.3},
            {"attack": "fgsm", "epsilon": 8.0, "srocc": -0.8},
            {"attack": "pgd", "epsilon": 1.0, "srocc": 0.2},
        )
    )
    assert list(tables) == ["1", "2", "4"]
    assert {n: shown(table, "resnet", "live")[0] for n, table in tables.items()} == {
        "1": "0.3000",
        "2": "0.2000",
        "4": "0.9000",
    }
    assert tables["1"].title == "Under FGSM at ε = 1/255, with clean training"


def test_rows_and_columns_follow_the_paper_and_then_the_alphabet(results):
    names = ("zoo", "cprl", "sat", "denoise", "lwta", "resnet", "nima", "dbcnn", "alpha")
    rows = [{"model": name, "dataset": "synthetic"} for name in names]
    rows += [{"dataset": name} for name in ("koniq", "livec", "live", "vcl", "mine")]
    table = tables_of(results(*rows))["4"]
    assert [row.name for row in table.rows] == [
        "DBCNN", "NIMA", "ResNet", "LWTA", "Denoise", "SAT", "CPRL", "alpha", "zoo",
    ]  # fmt: skip
    assert [group.name for group in table.groups] == ["VCL", "LIVE", "LIVEC", "KONIQ", "mine", "synthetic"]


def test_the_best_of_each_column_is_bold_and_low_error_is_best(results):
    table = tables_of(
        results(
            {"model": "resnet", "srocc": 0.91, "plcc": 0.70, "mse": 0.02},
            {"model": "cprl", "srocc": 0.90, "plcc": 0.80, "mse": 0.01},
            {"model": "sat", "srocc": -0.95, "plcc": 0.1, "mse": 0.5},
        )
    )["4"]
    assert bold(table, "resnet", "live") == [True, False, False]
    assert bold(table, "cprl", "live") == [False, True, True]
    assert bold(table, "sat", "live") == [False, False, False]


def test_numbers_that_print_alike_are_bold_alike_and_a_lone_model_is_not_bold(results):
    table = tables_of(
        results(
            {"model": "resnet", "srocc": 0.90001},
            {"model": "cprl", "srocc": 0.90004},
            {"model": "cprl", "dataset": "vcl", "srocc": 0.9},
        )
    )["4"]
    assert bold(table, "resnet", "live")[0]
    assert bold(table, "cprl", "live")[0]
    assert not any(bold(table, "cprl", "vcl"))


def test_the_papers_numbers_stand_beside_with_how_far_the_measured_are_above(results):
    fgsm = {"attack": "fgsm", "epsilon": 1.0}
    tables = tables_of(
        results(
            {"model": "cprl", "srocc": 0.95004, "plcc": 0.9, "mse": 0.0104},
            {"model": "cprl", **fgsm, "srocc": -0.1},
        )
    )
    assert entry(tables["4"], "cprl", "live").beside == (
        "paper 0.9266 (+0.0234)", "paper 0.9143 (−0.0143)", "paper 0.0104 (+0.0000)",
    )  # fmt: skip
    assert entry(tables["1"], "cprl", "live").beside[0] == "paper 0.9022 (−1.0022)"
    assert "Below, the paper's number, and in parentheses how far the measured one is above it." in (
        tables["4"].caption
    )


def test_the_papers_numbers_stand_beside_what_was_not_run_or_diverged(results):
    table = tables_of(
        results({"model": "sat", "dataset": "vcl"}, {"model": "nima", "status": "constant scores"})
    )["4"]
    assert entry(table, "sat", "live").beside == ("paper 0.8411", "paper 0.8146", "paper 0.0208")
    assert entry(table, "nima", "live").beside[0] == "paper 0.9396"


@pytest.mark.parametrize(
    "stated",
    [
        {"dataset": "synthetic", "stand_in": True},
        {"dataset": "live", "stand_in": True},
        {"dataset": "mine"},
        {"model": "mine"},
    ],
)
def test_nothing_stands_beside_what_the_paper_did_not_measure(results, stated):
    table = tables_of(results(stated))["4"]
    assert table.rows[0].entries[0].beside == ()
    assert "paper" not in table.caption
    assert not table.published


def test_what_was_not_run_is_a_dash_not_an_absence(results):
    table = tables_of(results({"model": "resnet", "dataset": "vcl"}, {"model": "cprl", "dataset": "live"}))[
        "4"
    ]
    assert entry(table, "resnet", "live").state == "not run"
    assert entry(table, "cprl", "live").state == "measured"


def test_a_diverged_cell_is_named_and_never_the_best(results):
    table = tables_of(
        results(
            {"model": "resnet", "status": "constant scores", "mse": 0.0001},
            {"model": "nima", "status": "NaN scores in 3 of 9 images"},
            {"model": "sat", "status": "constant labels"},
            {"model": "cprl", "mse": 0.2},
            {"model": "dbcnn", "mse": 0.3},
        )
    )["4"]
    assert (entry(table, "resnet", "live").state, entry(table, "resnet", "live").status) == (
        "diverged",
        "constant scores",
    )
    assert entry(table, "nima", "live").state == "diverged"
    assert entry(table, "sat", "live").state == "undefined"
    assert bold(table, "cprl", "live")[2]


def test_numbers_have_four_digits_a_true_minus_and_their_interval(results):
    (number, _, error) = entry(
        tables_of(results({"srocc": -0.38692, "srocc_low": -0.5, "srocc_high": 0.25, "mse": 0.01}))["4"],
        "resnet",
        "live",
    ).numbers
    assert (number.text, number.interval) == ("−0.3869", "[−0.500, 0.250]")
    assert error.interval == "[−0.0900, 0.1100]"


def test_a_stand_in_is_marked_in_the_head_and_explained_below(results):
    table = tables_of(results({"dataset": "synthetic", "stand_in": True}, {"dataset": "live"}))["4"]
    assert [(group.name, group.stand_in) for group in table.groups] == [("LIVE", False), ("synthetic", True)]
    assert "† synthetic stands in for a database" in table.caption


def test_several_seeds_are_averaged_under_an_interval_that_holds_all(results):
    table = tables_of(
        results(
            {"seed": 0, "srocc": 0.8, "srocc_low": 0.7, "srocc_high": 0.85},
            {"seed": 3, "srocc": 0.6, "srocc_low": 0.5, "srocc_high": 0.65},
        )
    )["4"]
    number = entry(table, "resnet", "live").numbers[0]
    assert (number.text, number.interval) == ("0.7000", "[0.500, 0.850]")
    assert "several seeds (0 and 3) the number is the mean" in table.caption


def test_an_attack_that_was_not_run_leaves_advice(results):
    table = tables_of(results({}))["2"]
    assert table.rows == ()
    assert table.advice == "Not run. `iqabench run --attacks pgd --epsilons 1` fills this table."


def test_pgd_through_a_softened_mask_reads_as_such(results):
    table = tables_of(results({}, {"attack": "pgd_soft", "epsilon": 1.0}))["A1"]
    assert table.title == "Under PGD (soft mask) at ε = 1/255, with clean training"


def test_an_attack_that_is_not_in_the_paper_gets_a_table_of_its_own(results):
    tables = tables_of(
        results({}, {"model": "cprl"}, {"attack": "noise", "epsilon": 1.0, "srocc": 0.77}, {"dataset": "vcl"})
    )
    assert list(tables) == ["1", "2", "4", "A1"]
    assert [row.model for row in tables["A1"].rows] == ["resnet"]
    assert shown(tables["A1"], "resnet", "live")[0] == "0.7700"


@pytest.mark.parametrize(
    ("compact", "said"),
    [('{"steps": 10, "step_size": null}', "PGD with steps 10."), ("{}", None)],
)
def test_the_caption_states_an_attacks_parameters(results, compact, said):
    caption = tables_of(results({"attack": "pgd", "epsilon": 1.0, "attack_params": compact}))["2"].caption
    assert ("PGD with" in caption) == (said is not None)
    assert said is None or said in caption


def test_an_entry_names_the_cells_behind_it(results):
    table = tables_of(
        results(
            {"seed": 0, "key": "first"}, {"seed": 3, "key": "second"}, {"model": "sat", "dataset": "vcl"},
            {"seed": 0, "key": "attacked", "attack": "fgsm", "epsilon": 1.0},
        )
    )["4"]  # fmt: skip
    assert entry(table, "resnet", "live").cells == ("first", "second")
    assert entry(table, "resnet", "vcl").cells == ()
