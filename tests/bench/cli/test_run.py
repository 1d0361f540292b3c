"""`iqabench run` ends with the table that people came for, and keeps what it said."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def sweep(iqabench, tiny_sweep, tmp_path):
    return lambda *options: iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))


def test_it_ends_with_clean_and_worst_srocc_verdict_and_the_next_command(sweep, tmp_path):
    done = sweep("--attacks", "fgsm")
    header, row = [line for line in done.stdout.splitlines() if line.startswith(("dataset", "drawn"))]
    assert header.split("  ")
    assert all(
        heading in header
        for heading in ("model", "clean SROCC", "worst at 1/255", "worst at 4/255", "verdict")
    )
    assert "tiny" in row
    assert row.endswith("not audited")
    assert "--attacks auto" in done.stdout
    assert f"iqabench report --results {tmp_path / 'results'}" in done.stdout


def test_with_auto_the_verdict_is_the_audits_and_the_worst_case_counts(sweep, iqabench, tmp_path):
    done = sweep("--attacks", "auto", "--epsilons", "4")
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("drawn")]
    assert row.endswith(("sound", "doubtful"))
    table = iqabench("results", "--format", "json", "--results", str(tmp_path / "results"))
    worst = next(cell["worst_srocc"] for cell in json.loads(table.stdout) if cell["attack"] == "auto")
    assert f"{worst:.3f}".replace("-", "−") in row
    assert "overstate" not in done.stdout


def test_quiet_shows_the_table_only_and_verbose_the_stages(sweep, tmp_path):
    loud = sweep("--attacks", "fgsm", "--verbose")
    assert "drawn / tiny: fgsm" in loud.stderr
    quiet = sweep("--attacks", "fgsm", "--quiet")
    assert quiet.stderr == ""
    assert [line.split()[0] for line in quiet.stdout.splitlines()][:2] == ["dataset", "drawn"]
    assert sweep("--quiet", "--verbose").exit_code == 2
    log = (tmp_path / "results" / "run.log").read_text()
    assert "drawn / tiny: trained in" in log
    assert "drawn / tiny: fgsm" in log
    assert log.count("  iqabench") >= 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell):
    environment = {**os.environ, "_IQABENCH_COMPLETE": f"{shell}_source"}
    start = [sys.executable, "-c", "from iqabench.bench.cli.main import main; main(prog_name='iqabench')"]
    script = subprocess.run(start, env=environment, capture_output=True, text=True, check=False)
    if shell != "bash" or script.returncode == 0:  # click asks for bash 4.4
        assert "_IQABENCH_COMPLETE" in script.stdout
    typed = "do" if shell == "fish" else "1"  # fish passes the word, the others its number
    words = {"COMP_WORDS": "iqabench do", "COMP_CWORD": typed, "_IQABENCH_COMPLETE": f"{shell}_complete"}
    found = subprocess.run(start, env={**os.environ, **words}, capture_output=True, text=True, check=True)
    assert "doctor" in found.stdout


@pytest.mark.parametrize(
    "command", [["run"], ["train"], ["certify"], ["doctor"], ["datasets", "verify", "synthetic"], ["report"]]
)
def test_a_store_that_is_a_file_is_told_before_anything_else(iqabench, tmp_path, command):
    (tmp_path / "store").touch()
    done = iqabench(*command, "--results", str(tmp_path / "store"), exits=2)
    assert "store: a file, and not a folder of results; `--results DIR` names the folder" in done.output


def test_a_full_disk_under_run_log_does_not_end_a_sweep(sweep, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "run.log").symlink_to("/dev/full")
    done = sweep("--attacks", "fgsm")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("run.log: messages are not kept: [Errno 28] No space left on device") == 1


def test_run_log_takes_a_name_that_is_not_in_utf8(iqabench, tiny_sweep, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["iqabench", "run", os.fsdecode(b"caf\xe9")])
    done = iqabench("run", *tiny_sweep, "--models", "nobody", "--results", str(tmp_path), exits=2)
    assert "not kept" not in done.stderr
    assert "caf\\udce9" in (tmp_path / "run.log").read_text()


@pytest.mark.parametrize("command", ["run", "results"])
def test_a_store_that_cannot_be_there_is_told(iqabench, tmp_path, command):
    done = iqabench(command, "--results", os.fsdecode(b"caf\xe9"), exits=2)
    assert "caf\\udce9: a path that is not in UTF-8" in done.stderr
    (tmp_path / "link").symlink_to("nowhere")
    done = iqabench(command, "--results", str(tmp_path / "link"), exits=2)
    assert "link: a link to nowhere, where nothing is; make that folder first" in done.stderr
