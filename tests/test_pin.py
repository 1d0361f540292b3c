"""A small sweep of `synthetic` gives the numbers pinned in `pin/`, and a weaker attack does not."""

from pathlib import Path

import pytest

from iqabench.attacks import fgsm

PIN = Path(__file__).resolve().parent / "pin"


@pytest.fixture
def sweep(monkeypatch, iqabench, tmp_path):
    """Run the pinned sweep, or a part of it, into a store of its own; then what `check` says of it."""
    monkeypatch.chdir(PIN)

    def swept(*options, baseline="robustness.json"):
        results = ("--results", str(tmp_path / "results"))
        iqabench("run", "--config", "bench.toml", "--profile", "demo,pinned", *options, *results, exits=0)
        return iqabench("check", "--config", "bench.toml", "--against", baseline, *results)

    return swept


def test_the_sweep_gives_the_pinned_numbers(sweep):
    checked = sweep()
    assert checked.exit_code == 0, checked.output
    assert "holds 81, falls short 0, exceeds 0, not run 0, not comparable 0" in checked.output


def test_a_sweep_of_auto_gives_the_pinned_worst_cases(sweep):
    few = ("--models", "resnet,cprl", "--attacks", "auto", "--epsilons", "1", "--limit", "12")
    checked = sweep(*few, baseline="auto.json")
    assert checked.exit_code == 0, checked.output
    assert "holds 14, falls short 0, exceeds 0, not run 0, not comparable 0" in checked.output


def test_an_attack_that_lost_half_its_strength_is_found(sweep, monkeypatch):
    whole_step = fgsm.displaced
    monkeypatch.setattr(
        fgsm, "displaced", lambda images, direction, epsilon: whole_step(images, direction, epsilon / 2)
    )
    checked = sweep("--models", "resnet", "--attacks", "fgsm")
    assert checked.exit_code == 1
    moved = [line for line in checked.output.splitlines() if "  exceeds" in line]
    assert {line.split()[3] for line in moved} == {"fgsm"}, checked.output
    assert any(" srocc " in line for line in moved)
