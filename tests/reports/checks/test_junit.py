"""A check as text and as JUnit XML."""

from xml.etree import ElementTree

from iqabench.reports.checks.baseline import against_baseline
from iqabench.reports.checks.junit import Case, junit
from iqabench.reports.checks.published import against_published

from ...fabricated import results
from .conftest import FGSM, TOLERANCES, paper


def test_the_text_counts_first_then_shows_what_moved_worst_first(pinned):
    then = [{"model": name, "srocc": 0.5, "mse": 0.02} for name in ("resnet", "sat", "nima", "cprl")]
    now = [
        {"model": "resnet", "srocc": 0.44, "mse": 0.02},  # 1.2 tolerances
        {"model": "sat", "srocc": 0.5, "mse": 0.05},  # 3 tolerances
        {"model": "nima", "status": "constant scores"},
        {"model": "cprl", "srocc": 0.9, "mse": 0.02},
    ]
    lines = against_baseline(results(*now), pinned(*then), TOLERANCES).text().splitlines()
    assert lines[0].endswith("12 numbers: holds 6, falls short 5, exceeds 1, not run 0, not comparable 0.")
    assert lines[1] == "A number holds within these differences, up or down: SROCC 0.05, PLCC 0.05, MSE 0.01."
    shown = [line.split()[1] for line in lines[6:12]]
    assert shown == ["nima", "nima", "nima", "sat", "resnet", "cprl"]
    assert lines[9].split()[-5:] == ["0.0200", "0.0500", "+0.0300", "falls", "short"]


def test_the_text_stays_short_however_much_moved(pinned):
    models = [f"model{i}" for i in range(60)]
    path = pinned(*({"model": name, "srocc": 0.5} for name in models))
    run = [{"model": name, "srocc": 0.1} for name in models[:30]]
    text = against_baseline(results(*run), path, TOLERANCES).text()
    assert len(text.splitlines()) < 60
    assert "and 10 more: --json lists all" in text


def test_junit_counts_failures_and_skips_and_survives_any_name(pinned):
    check = against_baseline(results({"srocc": 0.1}), pinned({"srocc": 0.9}, FGSM), TOLERANCES)
    root = ElementTree.fromstring(junit(check.suite, check.cases()))
    (suite,) = root
    assert (root.tag, suite.tag, {case.tag for case in suite}) == ("testsuites", "testsuite", {"testcase"})
    assert {name for case in suite for name in case.attrib} == {"classname", "name"}
    assert {part.tag for case in suite for part in case} == {"failure"}
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "4", "errors": "0", "skipped": "0",
    }  # fmt: skip
    assert len(suite.findall("testcase/failure")) == 4
    assert "SROCC 0.1000, expected 0.9000 within 0.05: falls short by 0.8000" in suite[0][0].get("message")

    published = against_published(results(paper("live", "resnet")), TOLERANCES)
    (suite,) = ElementTree.fromstring(junit(published.suite, published.cases()))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("300", "0", "297")
    names = [case.get("name") for case in suite]
    assert len(set(names)) == 300

    strange = [Case("a\x00<b>", 'say "\ud800&\x1b"', "failed", "falls short", "\x07 & <")]
    (suite,) = ElementTree.fromstring(junit("s\x00", strange))
    assert suite[0].get("classname") == "a\N{REPLACEMENT CHARACTER}<b>"
