import pytest

from iqabench.bench.core import progress
from iqabench.bench.core.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_line_every_half_minute_says_what_is_being_done(clock, capsys):
    shown = Progress(200, show=True)
    shown.doing("training cprl, epoch 1/8: loss 0.07")
    assert capsys.readouterr().err == ""
    shown.advance(48)
    clock[0] = 31
    shown.doing("training cprl, epoch 2/8: loss 0.06")
    shown.advance(2)
    clock[0] = 32
    shown.advance(2)
    assert capsys.readouterr().err == " 25% training cprl, epoch 2/8: loss 0.06\n"
    clock[0] = 62
    shown.line("cprl: trained")
    clock[0] = 90
    shown.advance(2)
    assert capsys.readouterr().err == "cprl: trained\n"


def test_nothing_is_shown_where_nothing_is_to_be_shown(clock, capsys):
    hidden = Progress(200, show=False)
    clock[0] = 31
    hidden.advance(1)
    hidden.line("trained")
    assert capsys.readouterr().err == ""
