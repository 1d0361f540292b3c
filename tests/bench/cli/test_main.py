"""The command answers at once, and makes a process's settings that the library leaves alone."""

import errno
import os
import subprocess
import sys

import pytest

from iqabench.bench.cli.main import main
from iqabench.bench.store.store import Store

from ...fabricated import drawn_cell

AS_A_LIBRARY = """
import ctypes, os, sys, warnings
from pathlib import Path

environment = dict(os.environ)  # the import of torch.compile adds one variable of its own
import torch
from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.core.process import prepare_process
from iqabench.bench.explain.explain import explain
from iqabench.bench.sweep.runner import run_sweep, train_models

LARGE = 64 << 20


class Statistics(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]


def given_back_when_freed():
    '''Whether a large block has a mapping of its own, as by glibc's default; None without glibc.'''
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        return None
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes, libc.mallinfo2.restype = [ctypes.c_void_p], Statistics
    before = libc.mallinfo2().hblkhd
    block = libc.malloc(LARGE)
    mapped = libc.mallinfo2().hblkhd - before >= LARGE
    libc.free(block)
    return mapped


def state():
    cudnn = torch.backends.cudnn
    return {
        "environment": dict(os.environ) | {"TORCHINDUCTOR_CACHE_DIR": ""},
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "threads": torch.get_num_threads(), "random": torch.get_rng_state().tolist(),
        "deterministic": torch.are_deterministic_algorithms_enabled(), "memory": given_back_when_freed(),
    }


registry.load_plugin(Path(sys.argv[1]))
run = {"datasets": [sys.argv[2]], "models": ["tiny", "tiny2"], "attacks": ["fgsm"], "epsilons": [1]}
settings = load_settings(Path(sys.argv[3]), overrides={"run": run})
torch.set_num_threads(1)
before = state()
assert before["memory"] is not False
for call in (train_models, run_sweep, explain):
    call(settings, Path(sys.argv[4]), show=False)
    after = state()
    assert after == before, (call.__name__, [key for key in before if before[key] != after[key]])
assert before["environment"] == environment | {"TORCHINDUCTOR_CACHE_DIR": ""}

prepare_process()
with warnings.catch_warnings(record=True) as told:
    float(torch.ones(1, requires_grad=True))
assert not told
after = state()
assert after["cudnn"][2] is True
assert after["environment"].get("GOMP_SPINCOUNT") == "1000"
assert not after["memory"]
"""

HELP = """
import sys
from iqabench.bench.cli.main import main

for command in ([], ["datasets", "verify"], *([name] for name in main.commands)):
    main.main([*command, "--help"], standalone_mode=False)
main.main(["list", "models"], standalone_mode=False)
assert not {"torch", "pandas", "numpy", "scipy", "matplotlib", "pydantic"} & sys.modules.keys()
"""


def test_calling_the_library_changes_no_setting_of_the_process(
    tiny_plugin, drawn_database, tiny_config, tmp_path
):
    tiny_plugin.write_text(
        tiny_plugin.read_text() + '\n\n@iqabench.register_model("tiny2")\nclass Second(Tiny):\n    pass\n'
    )
    paths = [str(path) for path in (tiny_plugin, drawn_database, tiny_config, tmp_path / "store")]
    ran = subprocess.run([sys.executable, "-c", AS_A_LIBRARY, *paths], capture_output=True, text=True, env={})
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_help_and_list_import_nothing_heavy():
    ran = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("Usage: ") == 2 + len(main.commands)


def test_debug_anywhere_shows_the_traceback_and_its_cause_and_nothing_else_does(tmp_path, iqabench):
    (tmp_path / "mine.py").write_text("import iqabench\niqabench.register_model('mine')(1 / 0)\n")
    plain = iqabench("list", "models", "--plugin", str(tmp_path / "mine.py"), exits=2)
    assert "Traceback" not in plain.output
    for arguments in (["--debug", "list", "models"], ["list", "--debug", "models"]):
        shown = iqabench(*arguments, "--plugin", str(tmp_path / "mine.py"), exits=2)
        assert "ZeroDivisionError: division by zero" in shown.stderr
        assert 'mine.py", line 2' in shown.stderr
        assert shown.stderr.splitlines()[-1].startswith("Error: --plugin")


def test_a_fault_of_iqabench_has_a_status_of_its_own_and_no_traceback(iqabench, monkeypatch):
    monkeypatch.setattr("iqabench.bench.core.registry.names", lambda kind: 1 / 0)
    failed = iqabench("list", "models", exits=70)
    assert "Traceback" not in failed.output
    assert failed.stderr.startswith("Error: ZeroDivisionError: division by zero (")
    assert "--debug shows how it came about" in failed.stderr


def test_an_error_of_the_file_system_names_the_file(iqabench, tmp_path):
    (tmp_path / "report").write_text("a file where a folder should be")
    drawn_cell(Store(tmp_path / "results"))
    options = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "report" / "inside")]
    failed = iqabench("report", *options, exits=2)
    assert "report" in failed.stderr
    assert "Traceback" not in failed.output


def test_an_escape_in_a_name_or_note_of_a_store_does_not_reach_the_terminal(iqabench, tmp_path):
    store = Store(tmp_path / "results")
    drawn_cell(store, model="m\x1b[31m", variant="\x07v", dataset="d\u202e")
    (tmp_path / "results" / "cells" / "d_" / "\x1b[2Jx.parquet").write_bytes(b"")
    for form in ("table", "csv", "json"):
        shown = iqabench("results", "--format", form, "--results", str(store.root), exits=0)
        assert not {*"\x1b\x07\u202e"} & {*shown.output}
        assert "\\x1b[2Jx.parquet" in shown.output


@pytest.mark.parametrize("arguments", [("--models", "a", "b"), ("--epsilons", "1,", "2")])
def test_values_that_are_not_joined_by_commas_are_answered_with_how_to(iqabench, arguments):
    failed = iqabench("run", *arguments, exits=2)
    assert "Several values of one option are separated by commas, without spaces: --models" in failed.stderr


def run_with(store, *arguments, **options):
    command = [sys.executable, "-m", "iqabench", *arguments, "--results", str(store)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, text=True, check=False, **options)


def test_a_full_disk_under_standard_output_is_told(tmp_path):
    drawn_cell(Store(tmp_path))
    with open("/dev/full", "w") as full:
        failed = run_with(tmp_path, "results", stdout=full, stderr=subprocess.PIPE)
    assert failed.returncode == 2
    assert failed.stderr.splitlines() == ["Error: standard output: No space left on device"]


def test_with_standard_error_closed_a_command_does_the_same(tmp_path):
    drawn_cell(Store(tmp_path))
    expected = run_with(tmp_path, "results", capture_output=True)
    done = run_with(tmp_path, "results", stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2))
    assert (done.returncode, done.stdout) == (0, expected.stdout)


def test_a_full_disk_whose_file_nobody_names_is_no_fault_of_iqabench(iqabench, monkeypatch):
    def full(kind):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("iqabench.bench.core.registry.names", full)
    failed = iqabench("list", "models", exits=2)
    assert failed.stderr.startswith("Error: ")
    assert failed.stderr.endswith(": No space left on device\n")
    assert "fault" not in failed.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 18483200 bytes"
        ),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ],
)
def test_too_little_memory_is_told_as_that(iqabench, monkeypatch, error):
    def fail(kind):
        raise error

    monkeypatch.setattr("iqabench.bench.core.registry.names", fail)
    failed = iqabench("list", "models", exits=2)
    assert failed.stderr.startswith("Error: out of memory: a smaller `batch_size`")
