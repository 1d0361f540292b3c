"""The command answers at once, and makes a process's settings that the library leaves alone."""

import subprocess
import sys

from iqabench.bench.cli.main import main

AS_A_LIBRARY = """
import ctypes, os, sys
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
after = state()
assert after["cudnn"][2] is True
assert after["environment"].get("GOMP_SPINCOUNT") == "1000"
assert not after["memory"]
"""

HELP = """
import sys
from iqabench.bench.cli.main import main

for command in ([], *([name] for name in main.commands)):
    main.main([*command, "--help"], standalone_mode=False)
assert not {"torch", "pandas", "matplotlib", "pydantic"} & sys.modules.keys()
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


def test_help_needs_neither_torch_nor_pandas_nor_matplotlib():
    ran = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("Usage: ") == 1 + len(main.commands)
