"""iqabench: how robust is a no-reference image quality metric to an invisible perturbation?

Everything public is importable from here and loaded on first use, so that `import iqabench`
stays free of torch:

- `create_model`, `create_attack`: build a registered model or attack by name;
- `register_model`, `register_attack`, `register_dataset`: decorators for a plugin file;
- `load_settings`, `run_sweep`, `results_table`: the sweep as Python calls.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attacks import Attack, create_attack
    from .bench.config import load_settings
    from .bench.datasets import DatasetAdapter
    from .bench.errors import UserError
    from .bench.registry import register_attack, register_dataset, register_model
    from .bench.results import results_table
    from .bench.runner import run_sweep
    from .models import IQAModel, create_model

__version__ = "0.1.0"

_HOME = {
    "Attack": ".attacks",
    "DatasetAdapter": ".bench.datasets",
    "IQAModel": ".models",
    "UserError": ".bench.errors",
    "create_attack": ".attacks",
    "create_model": ".models",
    "load_settings": ".bench.config",
    "register_attack": ".bench.registry",
    "register_dataset": ".bench.registry",
    "register_model": ".bench.registry",
    "results_table": ".bench.results",
    "run_sweep": ".bench.runner",
}

__all__ = [
    "Attack",
    "DatasetAdapter",
    "IQAModel",
    "UserError",
    "__version__",
    "create_attack",
    "create_model",
    "load_settings",
    "register_attack",
    "register_dataset",
    "register_model",
    "results_table",
    "run_sweep",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
