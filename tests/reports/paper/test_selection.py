"""Where a store holds several cells for one place, one is shown and the others are noted."""

import re
import shlex

import numpy as np
import pytest

from iqabench.bench.cli.commands.audit import audit
from iqabench.reports.paper.points import points_by
from iqabench.reports.paper.report import compose
from iqabench.reports.paper.selection import select

from ...fabricated import behind, under_auto

OLD, NEW = "2030-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00"


PGD = {"attack": "pgd", "epsilon": 1.0}
TEN, FORTY = ({**PGD, "attack_params": f'{{"steps": {steps}}}'} for steps in (10, 40))
VARIANT = {"model": "cprl", "variant": "b=0.3", "weights": "other", "created": NEW, "srocc": 0.1}


def other_versions(cells, columns):
    return (
        f"The tables and curves leave out {cells} of another version of ResNet on LIVE, seed 0 (with other "
        f"{columns}). They show the version scored on most test images, and of several such the newest."
    )


LEFT_OUT = "The tables and curves leave out 1 cell of "
OLD_B = {"weights": "b", "created": OLD}
CHOSEN = {
    "the newest weights": (
        [{"weights": "a", "created": NEW, "srocc": 0.9}, {**OLD_B, "srocc": 0.1},
         {**OLD_B, "attack": "fgsm", "epsilon": 1.0, "srocc": 0.2}],
        {"resnet none 0": 0.9}, other_versions("2 cells", "weights")),
    "all test images before a newer part of them": (
        [{"limit": 16, "created": NEW, "srocc": 0.1}, {"limit": None, "created": OLD, "srocc": 0.9}],
        {"resnet none 0": 0.9}, other_versions("1 cell", "limit")),
    "a larger part before a newer and smaller one": (
        [{"limit": 60, "created": OLD, "srocc": 0.9}, {"limit": 12, "created": NEW, "srocc": 0.1}],
        {"resnet none 0": 0.9}, other_versions("1 cell", "limit")),
    "the first of equally old versions": (
        [{"weights": "a", "srocc": 0.1}, {"weights": "b", "srocc": 0.2}],
        {"resnet none 0": 0.1}, other_versions("1 cell", "weights")),
    "the newest parameters of an attack": (
        [{**TEN, "created": OLD, "srocc": 0.5}, {**FORTY, "created": NEW, "srocc": 0.4}],
        {"resnet pgd 1": 0.4}, LEFT_OUT + "PGD on LIVE with steps 10. They show what was run last."),
    "the newest precision of an attack": (
        [{**TEN, "precision": "bf16", "created": OLD, "srocc": 0.5}, {**TEN, "created": NEW, "srocc": 0.4}],
        {"resnet pgd 1": 0.4},
        LEFT_OUT + "PGD on LIVE with steps 10, precision bf16. They show what was run last."),
    "different code of a plugin in one table": (
        [{**PGD, "attack_source": "0123456789ab"}, {**PGD, "attack_source": "ba9876543210", "model": "cprl"}],
        {"resnet pgd 1": 0.5, "cprl pgd 1": 0.5},
        "PGD was not run with the same parameters throughout: plugin 01234567 for ResNet; "
        "plugin ba987654 for CPRL."),
    "different precisions in one table": (
        [{**TEN, "precision": "bf16"}, {**TEN, "model": "cprl"}],
        {"resnet pgd 1": 0.5, "cprl pgd 1": 0.5},
        "PGD was not run with the same parameters throughout: steps 10, precision bf16 for ResNet; "
        "steps 10, precision fp32 for CPRL."),
    "different parameters in one table": (
        [TEN, {**FORTY, "model": "cprl"}], {"resnet pgd 1": 0.5, "cprl pgd 1": 0.5},
        "PGD was not run with the same parameters throughout: steps 10 for ResNet; steps 40 for CPRL."),
    "models scored on different images": (
        [{"limit": 16}, {"model": "cprl"}], {"resnet none 0": 0.5, "cprl none 0": 0.5},
        "The cells on LIVE are not all of the same images (they differ in limit): compare them with care."),
    "no variants": (
        [{"model": "cprl", "srocc": 0.9}, VARIANT, {**VARIANT, "variant": "b=0.2"}], {"cprl none 0": 0.9},
        "Tables 1, 2 and 4 and the curves leave out 2 cells of variants of CPRL on LIVE (such as b=0.3): "
        "they show each model as its own table configures it."),
    "no other regime": (
        [{}, {"regime": "adversarial", "model": "cprl"}], {"resnet none 0": 0.5},
        LEFT_OUT + "models trained by the regime “adversarial”."),
    "no diverged seed in the mean": (
        [{"seed": 0, "srocc": 0.8}, {"seed": 1, "status": "constant scores", "mse": 0.1}],
        {"resnet none 0": 0.8}, "ResNet diverged on LIVE: constant scores (no attack; seed 1)."),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "shown", "note"), CHOSEN.values(), ids=CHOSEN)
def test_of_several_cells_one_is_shown_and_the_others_are_noted(results, rows, shown, note):
    selection = select(results(*rows))
    found = {f"{one.model} {one.attack} {one.epsilon:g}": one.srocc.value for one in selection.points}
    assert found == shown
    assert selection.notes == (note,)


def test_points_of_many_groups_are_those_of_each(results):
    generator = np.random.default_rng(0)
    rows = [
        {
            "dataset": generator.choice(["live", "vcl"]),
            "attack": "fgsm",
            "epsilon": float(generator.integers(3)),
            "seed": seed,
            "stand_in": bool(generator.random() < 0.2),
            **({"status": "constant scores"} if generator.random() < 0.3 else {"srocc": generator.random()}),
            "srocc_low": generator.random(),
            "srocc_high": generator.random(),
        }
        for seed in range(40)
    ]
    found = points_by(results(*rows).frame, ["dataset", "model", "attack", "epsilon"])
    assert len(found) == 6
    for (dataset, _, _, epsilon), point in found.items():
        group = [row for row in rows if (row["dataset"], row["epsilon"]) == (dataset, epsilon)]
        usable = [row for row in group if "status" not in row]
        values = [row["srocc"] for row in usable]
        assert point.seeds == tuple(row["seed"] for row in group)
        assert (point.usable, point.status) == (len(usable), "ok")
        assert point.stand_in == any(row["stand_in"] for row in group)
        assert point.measures["srocc"].value == pytest.approx(sum(values) / len(values), rel=1e-12)
        assert point.measures["srocc"].low == min(row["srocc_low"] for row in usable)
        assert point.measures["srocc"].high == max(row["srocc_high"] for row in usable)
        assert point.spread["srocc"] == (min(values), max(values))


def test_a_mean_over_fewer_seeds_than_others_is_noted(results):
    fgsm, auto = {"attack": "fgsm", "epsilon": 1.0}, {"attack": "auto", "epsilon": 2.0}
    rows = [{"seed": seed, **condition} for seed in (0, 1, 2) for condition in ({}, fgsm, auto)]
    rows = [row for row in rows if (row["seed"], row.get("attack")) not in ((1, "auto"), (2, "fgsm"))]
    rows += [{"seed": seed, "model": "cprl", **fgsm} for seed in (0, 2)] + [{"model": "brisque"}]
    rows += [{"dataset": "vcl", "seed": seed} for seed in (0, 2)]
    sentence = "{} has no results on LIVE of seed {} for {}: numbers there are means over its other seeds."
    assert set(select(results(*rows)).notes) == {
        sentence.format("ResNet", "1", "auto at 2/255"),
        sentence.format("ResNet", "2", "FGSM at 1/255"),
        sentence.format("CPRL", "1", "FGSM at 1/255"),
    }


def test_all_metrics_are_means_over_the_same_seeds(results):
    """Constant scores have an error and no correlation."""
    rows = [{"seed": 0, "srocc": 0.8, "mse": 0.02}, {"seed": 1, "status": "constant scores", "mse": 0.3}]
    (point,) = select(results(*rows)).points
    assert (point.measures["srocc"].value, point.measures["mse"].value) == (0.8, 0.02)
    assert point.spread["mse"] == (0.02, 0.02)
    assert (point.usable, point.seeds) == (1, (0, 1))
    (alone,) = select(results({"status": "constant scores", "mse": 0.3})).points
    assert alone.measures["mse"].value == 0.3


def test_numbers_of_several_versions_of_an_attack_or_a_model_are_noted(results):
    auto = {"attack": "auto", "epsilon": 1.0}
    rows = [{"model": "cprl", **auto, "attack_version": 4}, {**auto, "attack_version": 3}]
    (note,) = select(results(*rows)).notes
    assert note.startswith(
        "auto was not run in one version of its code throughout: version 3 for ResNet; version 4 for CPRL."
    )
    seeds = [{"seed": seed, "model_params": f'{{"width": {width}}}'} for seed, width in ((0, 8), (1, 4))]
    (note,) = select(results(*seeds, {"dataset": "vcl"})).notes
    assert note.startswith("The seeds of ResNet on LIVE are not of one model (they differ in model params)")


def test_what_is_behind_a_defence_and_in_no_table_is_noted(results):
    defended = behind("jpeg", knowledge="adaptive")
    fgsm = {**defended, "attack": "fgsm", "epsilon": 1.0}
    without_auto = [{"dataset": "vcl"}, {"dataset": "vcl", **behind("jpeg")}, {"dataset": "vcl", **fgsm}]
    rows = [{}, behind("jpeg"), under_auto("resnet", 1.0, 0.3, **defended), fgsm, *without_auto]
    report = compose(results(*rows))
    assert any(table.number == "D" for table in report.tables)
    told = "No table shows {} of ResNet behind a defence on {} ({}): Table D is of auto. "
    told += "`iqabench results` prints them."
    assert set(report.notes) == {
        told.format("1 cell", "LIVE", "FGSM at 1/255"),
        told.format("2 cells", "VCL", "no attack and FGSM at 1/255"),
    }


def test_a_doubtful_model_comes_with_the_command_that_audits_it(results):
    row = {"model": "my model", "dataset": "live", "attack": "fgsm", "epsilon": 1.0, "audit": "doubtful"}
    (note,) = select(results({**row, "red_flags": "Odd."})).notes
    command = shlex.split(re.search("`(.*)`", note)[1])
    found = audit.make_context("audit", command[2:]).params
    assert (found["model"], found["dataset"]) == ("my model", "live")


def test_unreadable_files_are_noted(results):
    selection = select(results({}, unreadable=[("cells/x.parquet", "truncated")]))
    assert selection.notes == ("Not readable, so left out: cells/x.parquet: truncated.",)


def test_a_plain_sweep_needs_no_note(swept_results, swept_table):
    selection = select(swept_results)
    assert selection.notes == ()
    assert len(selection.points) == len(swept_table)
