"""Measured numbers are compared with those that papers print, under the papers' conditions only."""

import pytest

from iqabench.reports.checks.published import against_published

from ...fabricated import results
from .conftest import TOLERANCES, cprl, found, paper, summary


def test_the_papers_own_numbers_hold_and_the_rest_of_its_tables_was_not_run():
    rows = [paper("live", "resnet"), paper("live", "cprl", "fgsm", 1.0), paper("koniq", "sat", "pgd", 1.0)]
    check = against_published(results(*rows), TOLERANCES)
    assert summary(check) == {"holds": 9, "not run": 291}  # 3 x 7 x 4 x 3 of Tables 1, 2, 4; 36 + 12
    assert check.exit_status == 0
    assert [c.table[-1] for c in found(check)] == ["1"] * 3 + ["2"] * 3 + ["4"] * 3


@pytest.mark.parametrize(("moved", "status"), [(-0.06, "falls short"), (0.06, "exceeds")])
def test_a_number_off_the_papers_in_either_direction_fails(moved, status):
    check = against_published(results(paper("live", "resnet", srocc=moved)), TOLERANCES)
    assert summary(check) == {"holds": 2, status: 1, "not run": 297}
    assert check.exit_status == 1


def test_of_several_seeds_the_mean_is_compared():
    seeds = [paper("live", "resnet", srocc=move, seed=seed) for seed, move in enumerate([-0.12, 0.0, 0.15])]
    srocc = found(against_published(results(*seeds), TOLERANCES))[0]
    assert (srocc.status, srocc.condition.seeds) == ("holds", (0, 1, 2))
    assert srocc.difference == pytest.approx(0.01)


def test_a_seed_that_diverged_is_not_hidden_behind_the_mean_of_the_others():
    seeds = [paper("live", "resnet"), {"seed": 1, "status": "NaN scores in 1 of 60 images"}]
    check = against_published(results(*seeds), TOLERANCES)
    assert summary(check) == {"falls short": 3, "not run": 297}
    assert found(check)[0].reason == "only 1 of 2 seeds have usable scores"


def test_what_is_not_the_papers_condition_is_not_compared():
    others = [
        paper("live", "resnet", regime="adversarial"),
        paper("live", "resnet") | {"variant": "backbone=resnet18"},
        paper("live", "resnet", "fgsm", 1.0) | {"epsilon": 2.0},
        paper("live", "resnet", "pgd", 1.0) | {"attack": "pgd_soft"},
        paper("live", "resnet") | {"model": "mine"},
    ]
    check = against_published(results(*others), TOLERANCES)
    assert summary(check) == {"not run": 300}
    assert check.exit_status == 2
    assert check.text().startswith("Nothing to compare with published: ")


def test_a_stand_in_is_never_compared_even_under_a_databases_name():
    check = against_published(results(paper("live", "resnet", stand_in=True)), TOLERANCES)
    assert (check.exit_status, summary(check)) == (2, {"not run": 300})
    assert check.notes == ("live stands in for a database and is not compared with published numbers.",)


def test_table5_is_compared_with_the_mask_alone_for_each_reading():
    rows = [
        cprl(f"b={b}", attack, epsilon, reading=reading, b=b, srocc=0.0 if reading == "literal" else 0.2)
        for reading in ("literal", "keep_top")
        for b in (0.3, 0.4)
        for attack, epsilon in (("none", 0.0), ("fgsm", 1.0))
    ]
    check = against_published(results(*rows), TOLERANCES)
    of_table5 = [c for c in check.comparisons if c.table == "cprl, Table 5"]
    verdicts = {(c.condition.variant, c.status) for c in of_table5 if c.metric == "srocc"}
    assert verdicts == {
        ("b=0.3 (b=0.3, literal, 0.0)", "holds"),
        ("b=0.4 (b=0.4, literal, 0.0)", "holds"),
        ("b=0.3 (b=0.3, keep_top, 0.0)", "exceeds"),
        ("b=0.4 (b=0.4, keep_top, 0.0)", "exceeds"),
        *((f"b={b}", "not run") for b in (0.0, 0.1, 0.2, 0.5)),
    }


def test_table6_is_compared_with_and_without_the_pns_risk_at_the_papers_b():
    rows = [cprl("CA"), cprl("CA+PNS", pns_weight=0.3, srocc=-0.1)]
    elsewhere = [cprl("CA", b=0.2), cprl("CA+PNS", b=0.2, pns_weight=0.3)]
    check = against_published(results(*rows, *elsewhere), TOLERANCES)
    of_table6 = [c for c in found(check) if c.table == "cprl, Table 6" and c.metric == "srocc"]
    assert {(c.condition.variant, c.status) for c in of_table6} == {
        ("CA (b=0.4, keep_top, 0.0)", "holds"),
        ("CA+PNS (b=0.4, keep_top, 0.3)", "falls short"),
    }


def test_what_the_reports_leave_out_is_noted():
    rows = [paper("live", "resnet"), paper("live", "resnet", weights="old", created="2020")]
    notes = against_published(results(*rows, unreadable=[("cells/x.parquet", "damaged")]), TOLERANCES).notes
    assert notes[0] == "Not readable, so left out: cells/x.parquet: damaged."
    assert "1 cell of another version of ResNet on LIVE, seed 0 (with other weights)" in notes[1]


def test_another_image_size_and_a_limit_are_noted():
    check = against_published(results(paper("live", "resnet", image_size=96, limit=20)), TOLERANCES)
    assert "On live images of 96 pixels were scored; the paper's have 320." in check.notes
    assert "On live only 20 test images were scored: --limit." in check.notes
