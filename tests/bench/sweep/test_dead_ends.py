"""What can go wrong with a store while a sweep runs ends in a sentence that names the file, or goes on."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from iqabench.bench.sweep.engines import work, worker


@pytest.fixture
def run(iqabench: Callable[..., Result], tiny_sweep: list[str], tmp_path: Path) -> Callable[..., Result]:
    return lambda *options: iqabench("run", *tiny_sweep, "--results", str(tmp_path / "results"), *options)


def test_a_full_disk_names_the_file_wherever_it_happens_and_a_rerun_goes_on(run, tmp_path, monkeypatch):
    written = 0
    while True:
        calls = iter(range(10**6))

        def full(descriptor: int, calls: Any = calls, limit: int = written) -> None:
            if next(calls) >= limit:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            done = run()
        assert "Traceback" not in done.output
        assert not list((tmp_path / "results").rglob(".*.part"))
        if done.exit_code == 0:
            break
        assert done.exit_code == 2, done.output
        error = done.stderr.splitlines()[-1]
        assert error.startswith("Error: ")
        assert "No space left on device" in error
        assert str(tmp_path / "results") in error
        written += 2
    assert written > 3
    assert "0 computed" in run().output


def test_a_store_that_is_deleted_under_a_sweep_is_no_traceback(run, tmp_path, monkeypatch):
    fit = worker.fit

    def deleting(*arguments: Any) -> Any:
        curve = fit(*arguments)
        shutil.rmtree(tmp_path / "results")
        return curve

    with monkeypatch.context() as patch:
        patch.setattr(worker, "fit", deleting)
        done = run()
    assert done.exit_code in (0, 2), done.output
    assert "Traceback" not in done.output
    if done.exit_code:
        assert str(tmp_path / "results") in done.stderr.splitlines()[-1]
    assert run().exit_code == 0


@pytest.mark.parametrize(("module", "name"), [(work, "lock_on"), (worker, "fit")])
def test_a_file_that_another_user_owns_is_named(run, tmp_path, monkeypatch, module, name):
    def refuse(*arguments: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "results" / "a.lock"))

    monkeypatch.setattr(module, name, refuse)
    done = run()
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"Error: {tmp_path / 'results' / 'a.lock'}: Permission denied"


def test_what_killed_processes_left_of_a_job_is_removed_and_what_others_write_is_not(run, tmp_path):
    first = run()
    assert first.exit_code == 0, first.output
    results = tmp_path / "results"
    cell = next((results / "cells").rglob("fgsm-1-*.parquet"))
    (job,) = {path.stem.partition("-")[0] for path in (results / "locks").glob("*.lock")}
    digits = "0" * 20
    own = [
        cell.with_name(f".{cell.name}.0123456789ab.part"),
        results / "partial" / job / f"fgsm-{digits}.partial",
        results / "partial" / job / f"fgsm-{digits}.ends",
        results / "partial" / job / f".fgsm-{digits}.partial.0123456789ab.part",
    ]
    others = [
        cell.with_name(".another.parquet.0123456789ab.part"),
        results / "partial" / job / f"pgd-{digits}.partial",
        results / "partial" / job / f"fgsm-{digits[1:]}1.partial",  # of other settings, and not a week old
        results / "partial" / "another job" / f"fgsm-{digits}.partial",
    ]
    for path in (*own, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    for path in own[1:]:
        os.utime(path, (time.time() - 8 * 86400,) * 2)
    cell.unlink()
    assert "1 computed" in run().output
    assert [path.name for path in own if path.exists()] == []
    assert all(path.exists() for path in others)
