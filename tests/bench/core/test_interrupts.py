"""Ctrl-C and SIGTERM stop at the end of a batch, what it did is kept, and a second one stops at once."""

import os
import signal

import pytest

from iqabench.bench.core.interrupts import Terminated, finishing, stop_if_asked, terminating


@pytest.fixture(autouse=True)
def as_in_the_foreground():
    """Have Python raise KeyboardInterrupt; a shell lets what it starts in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def batches(number, kept, *, signals, stop=stop_if_asked):
    """Do three batches; the signal comes in the second, so many times."""
    done = []
    with terminating(), finishing("the batch"):
        for batch in range(3):
            if batch == 1:
                for _ in range(signals):
                    os.kill(os.getpid(), number)
            done.append(batch)
            stop(lambda: kept.append(list(done)))
    return done


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated)],
)
def test_the_batch_is_finished_and_kept(number, error, capsys):
    kept = []
    with pytest.raises(error) as raised:
        batches(number, kept, signals=1)
    assert raised.type is error
    assert kept == [[0, 1]]
    assert "Finishing the batch; once more stops at once." in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_stops_at_once():
    kept = []
    with pytest.raises(KeyboardInterrupt):
        batches(signal.SIGINT, kept, signals=2)
    assert not kept


def test_the_end_of_the_block_stops_too():
    with pytest.raises(KeyboardInterrupt):
        batches(signal.SIGINT, [], signals=1, stop=lambda keep: None)


def test_without_a_signal_nothing_stops():
    assert batches(signal.SIGINT, [], signals=0) == [0, 1, 2]


def test_a_closed_terminal_stops_nothing_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert batches(signal.SIGHUP, [], signals=2) == [0, 1, 2]
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
