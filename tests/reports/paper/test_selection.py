"""Where a store holds several cells for one place, one is shown and the others are noted."""

import numpy as np
import pytest

from iqabench.reports.paper.selection import points_by, select

OLD, NEW = "2030-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00"


def srocc(selection):
    return {
        (point.model, point.attack, point.epsilon): point.measures["srocc"].value
        for point in selection.points
    }


def test_the_newest_weights_are_shown_and_the_others_noted(results):
    selection = select(
        results(
            {"weights": "a", "created": NEW, "srocc": 0.9},
            {"weights": "b", "created": OLD, "srocc": 0.1},
            {"weights": "b", "created": OLD, "attack": "fgsm", "epsilon": 1.0, "srocc": 0.2},
        )
    )
    assert srocc(selection) == {("resnet", "none", 0.0): 0.9}
    (note,) = selection.notes
    assert "2 cells of another version of ResNet on LIVE, seed 0 (with other weights)" in note


def test_all_test_images_come_before_a_newer_part_of_them(results):
    selection = select(
        results({"limit": 16, "created": NEW, "srocc": 0.1}, {"limit": None, "created": OLD, "srocc": 0.9})
    )
    assert srocc(selection) == {("resnet", "none", 0.0): 0.9}
    assert "with other limit" in selection.notes[0]


def test_the_newest_parameters_of_an_attack_are_shown_and_the_others_noted(results):
    pgd = {"attack": "pgd", "epsilon": 1.0}
    selection = select(
        results(
            {**pgd, "attack_params": '{"steps": 10}', "created": OLD, "srocc": 0.5},
            {**pgd, "attack_params": '{"steps": 40}', "created": NEW, "srocc": 0.4},
        )
    )
    assert srocc(selection) == {("resnet", "pgd", 1.0): 0.4}
    assert "1 cell of PGD on LIVE with steps 10." in selection.notes[0]


def test_different_parameters_in_one_table_are_noted(results):
    pgd = {"attack": "pgd", "epsilon": 1.0}
    selection = select(
        results(
            {**pgd, "attack_params": '{"steps": 10}'},
            {**pgd, "attack_params": '{"steps": 40}', "model": "cprl"},
        )
    )
    assert selection.notes == (
        "PGD was not run with the same parameters throughout: steps 10 for ResNet; steps 40 for CPRL.",
    )


def test_models_scored_on_different_images_are_noted(results):
    selection = select(results({"limit": 16}, {"model": "cprl"}, {"model": "cprl", "dataset": "vcl"}))
    assert selection.notes == (
        "The cells on LIVE are not all of the same images (they differ in limit): compare them with care.",
    )


def test_variants_are_left_to_tables_5_and_6_and_noted(results):
    variant = {"model": "cprl", "variant": "b=0.3", "weights": "other", "created": NEW, "srocc": 0.1}
    selection = select(results({"model": "cprl", "srocc": 0.9}, variant, {**variant, "variant": "b=0.2"}))
    assert srocc(selection) == {("cprl", "none", 0.0): 0.9}
    assert selection.notes == (
        "Tables 1, 2 and 4 and the curves leave out 2 cells of variants of CPRL on LIVE (such as b=0.3): "
        "they show each model as its own table configures it.",
    )


def test_of_equally_old_versions_the_first_is_shown_and_a_part_of_the_images_never_before_all(results):
    rows = [{"weights": "a", "srocc": 0.1}, {"weights": "b", "srocc": 0.2}, {"limit": 9, "created": NEW}]
    assert srocc(select(results(*rows))) == {("resnet", "none", 0.0): 0.1}


def test_another_regime_is_left_out_and_noted(results):
    selection = select(results({}, {"regime": "adversarial", "model": "cprl"}))
    assert [point.model for point in selection.points] == ["resnet"]
    assert selection.notes == (
        "The tables and curves leave out 1 cell of models trained by the regime “adversarial”.",
    )


def test_a_diverged_seed_is_noted_and_left_out_of_the_mean(results):
    selection = select(
        results({"seed": 0, "srocc": 0.8}, {"seed": 1, "status": "constant scores", "mse": 0.1})
    )
    (point,) = selection.points
    assert (point.status, point.measures["srocc"].value, point.seeds) == ("ok", 0.8, (0, 1))
    assert selection.notes == ("ResNet diverged on LIVE: constant scores (no attack; seed 1).",)


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
        assert point.measures["srocc"].low == min(row["srocc_low"] for row in group)
        assert point.measures["srocc"].high == max(row["srocc_high"] for row in group)
        assert point.spread["srocc"] == (min(values), max(values))


def test_unreadable_files_are_noted(results):
    selection = select(results({}, unreadable=[("cells/x.parquet", "truncated")]))
    assert selection.notes == ("Not readable, so left out: cells/x.parquet: truncated.",)


def test_a_plain_sweep_needs_no_note(swept_results, swept_table):
    selection = select(swept_results)
    assert selection.notes == ()
    assert len(selection.points) == len(swept_table)
