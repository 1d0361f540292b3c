"""`iqabench check`: exit status, tolerances, and what it says of wrong usage."""

import json
from xml.etree import ElementTree

import pytest

from ...fabricated import drawn_cell, noisy


@pytest.fixture
def check(iqabench, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *options: iqabench("check", "--results", str(store.root), *options)


def test_pin_then_check_then_a_number_moves(check, store, tmp_path):
    drawn_cell(store, noisy(0.1))
    drawn_cell(store, noisy(0.5), attack="fgsm", epsilon=1.0)
    assert check("--pin", "baseline.json").exit_code == 0
    assert check("--against", "baseline.json").exit_code == 0
    rows = json.loads((tmp_path / "baseline.json").read_text())
    rows[1]["srocc"] += 0.06
    (tmp_path / "baseline.json").write_text(json.dumps(rows))
    done = check("--against", "baseline.json", "--json", "--junit", "reports/check.xml")
    record = json.loads(done.stdout)
    assert (done.exit_code, record["exit_status"], record["verdict"]) == (1, 1, "falls short")
    assert (record["counts"]["holds"], record["counts"]["falls short"]) == (5, 1)
    (worst,) = [row for row in record["comparisons"] if row["status"] == "falls short"]
    assert (worst["attack"], worst["epsilon"], worst["metric"]) == ("fgsm", 1.0, "srocc")
    assert worst["difference"] == pytest.approx(-0.06)
    (suite,) = ElementTree.parse(tmp_path / "reports/check.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("6", "1")


def test_tolerances_come_from_the_configuration_and_published_is_the_default(check, store, tmp_path):
    drawn_cell(store, noisy(0.3))
    assert check().exit_code == 1
    (tmp_path / "bench.toml").write_text("[check]\nsrocc = 2\nplcc = 2\nmse = 1\n")
    assert check().exit_code == check("--against", "published").exit_code == 0
    assert json.loads(check("--json").stdout)["counts"]["holds"] == 3
    (tmp_path / "bench.toml").write_text("[check]\nsroc = 2\n")
    mistaken = check()
    assert mistaken.exit_code == 2
    assert "bench.toml: [check]: unknown key 'sroc': did you mean 'srocc'" in mistaken.output
    (tmp_path / "bench.toml").write_text("[check]\nsrocc = -1\n")
    assert "[check]: key 'srocc': found -1" in check().output


def test_nothing_to_compare_is_exit_status_2_in_every_form(check, store, tmp_path):
    drawn_cell(store, dataset="synthetic")
    told = check()
    assert told.exit_code == 2
    assert told.output.startswith("Nothing to compare with published: the store holds no number of a paper;")
    assert "synthetic stands in for a database and is not compared" in told.output
    record = json.loads(check("--json", "--junit", "check.xml").stdout)
    assert record["verdict"] == "nothing to compare"
    assert ElementTree.parse(tmp_path / "check.xml").getroot().get("skipped") == "300"


def test_wrong_usage_and_an_empty_store_are_exit_status_2_with_a_reason(check, store):
    for options, reason in [
        (["--against", "published", "--claims"], "exclude one another"),
        (["--claims", "--pin", "x.json"], "exclude one another"),
        (["--pin", "x.json", "--json"], "checks nothing"),
        ([], "no results in this folder"),
        (["--pin", "x.json"], "no results in this folder"),
    ]:
        done = check(*options)
        assert (done.exit_code, reason in done.output) == (2, True), done.output
    drawn_cell(store)
    for options, reason in [
        (["--against", "baseline.jsn"], "baseline.jsn: no such file"),
        (["--pin", "results/x"], "--pin results/x: cannot be written"),
        (["--junit", "results/x"], "--junit results/x: cannot be written"),
    ]:
        (store.root / "x").mkdir(exist_ok=True)
        done = check(*options)
        assert (done.exit_code, reason in done.output) == (2, True), done.output


def test_a_cell_that_cannot_be_read_is_named_and_its_pinned_row_fails(check, store):
    drawn_cell(store)
    path = drawn_cell(store, attack="fgsm", epsilon=1.0)
    assert check("--pin", "baseline.json").exit_code == 0
    path.write_bytes(path.read_bytes()[:50])
    done = check("--against", "baseline.json")
    assert done.exit_code == 1
    assert "Not readable, so left out: cells/live/resnet/fgsm-1-" in done.output
    assert "Not run, which fails the check:" in done.output
    assert json.loads(check("--against", "baseline.json", "--json").stdout)["counts"]["not run"] == 3
