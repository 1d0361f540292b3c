import time

import pytest

from iqabench.bench.core import progress
from iqabench.bench.core.pace import Pace, Stage
from iqabench.bench.core.progress import Progress, counted


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def pace(clock):
    """Two hundred images to train on."""
    pace = Pace(lambda: clock[0])
    pace.expect("live / cprl", {Stage("training", "cprl", "live / cprl"): 200})
    return pace


def test_without_a_terminal_a_line_every_half_minute_says_what_is_being_done(clock, pace, capsys):
    shown = Progress(show=True, pace=pace)
    shown.begin(Stage("training", "cprl", "live / cprl"), "training cprl, epoch 1/8: loss 0.07")
    assert capsys.readouterr().err == ""
    shown.advance(48)
    clock[0] = 31
    shown.doing("training cprl, epoch 2/8: loss 0.06")
    shown.advance(2)
    clock[0] = 32
    shown.advance(2)
    assert capsys.readouterr().err == " 25%, 01:33 left: training cprl, epoch 2/8: loss 0.06\n"
    clock[0] = 62
    shown.line("cprl: trained")
    clock[0] = 90
    shown.advance(2)
    assert capsys.readouterr().err == "cprl: trained\n"


def test_where_nothing_is_known_yet_no_time_is_made_up(clock, pace, capsys):
    shown = Progress(show=True, pace=pace)
    pace.expect(
        "live / sat", {Stage("training", "sat", "live / sat"): 1, Stage("pgd", "sat", "live / sat"): 1}
    )
    shown.begin(Stage("training", "cprl", "live / cprl"), "training")
    clock[0] = 31
    shown.advance(101)
    assert capsys.readouterr().err == " 50%, time left not known yet: training\n"


def test_nothing_is_shown_where_nothing_is_to_be_shown(clock, capsys):
    hidden = Progress(show=False)
    clock[0] = 31
    hidden.advance(1)
    hidden.line("trained")
    assert capsys.readouterr().err == ""


def test_a_line_comes_while_nothing_is_done_too(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SIGN_OF_LIFE", 0.2)
    shown = Progress(show=True)
    shown.doing("a batch that takes an hour")
    told, late = "", time.monotonic() + 60
    while told.count("\n") < 2 and time.monotonic() < late:
        time.sleep(0.05)
        told += capsys.readouterr().err
    shown.close()
    lines = told.splitlines()
    assert len(lines) >= 2
    assert all(line.endswith("a batch that takes an hour") for line in lines)


def test_what_is_gone_through_is_counted(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SIGN_OF_LIFE", 0.0)
    assert list(counted(iter("abcd"), "looking", 4)) == [*"abcd"]
    told = capsys.readouterr().err
    assert "25%" in told
    assert "looking" in told
