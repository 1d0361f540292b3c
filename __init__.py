"""iqabench: how robust is a no-reference image quality metric to an invisible perturbation?

Everything public is importable from here and loaded on first use, so that `import iqabench`
stays free of torch:

- `create_model`, `create_attack`, `create_defence`: build a registered model, attack or defence by name;
- `register_model`, `register_attack`, `register_defence`, `register_dataset`, `register_recipe`: decorators
  for a plugin file;
- `load_settings`, `run_sweep`, `open_store`, `results_table`, `read_results`: the sweep as Python calls.
"""

from typing import TYPE_CHECKING

import lazy_loader

from .bench.core.version import __version__ as __version__

if TYPE_CHECKING:
    from .attacks import Attack as Attack
    from .attacks import create_attack as create_attack
    from .bench.core.config import load_settings as load_settings
    from .bench.core.errors import UserError as UserError
    from .bench.core.registry import register_attack as register_attack
    from .bench.core.registry import register_dataset as register_dataset
    from .bench.core.registry import register_defence as register_defence
    from .bench.core.registry import register_model as register_model
    from .bench.core.registry import register_recipe as register_recipe
    from .bench.datasets import DatasetAdapter as DatasetAdapter
    from .bench.store.remote.opening import open_store as open_store
    from .bench.store.results import read_results as read_results
    from .bench.store.results import results_table as results_table
    from .bench.sweep.runner import run_sweep as run_sweep
    from .models import IQAModel as IQAModel
    from .models import create_model as create_model
    from .models.defences import create_defence as create_defence
    from .models.recipe import Recipe as Recipe

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attacks": ["Attack", "create_attack"],
        "bench.core.config": ["load_settings"],
        "bench.core.errors": ["UserError"],
        "bench.core.registry": [
            "register_attack",
            "register_dataset",
            "register_defence",
            "register_model",
            "register_recipe",
        ],
        "bench.datasets": ["DatasetAdapter"],
        "bench.store.remote.opening": ["open_store"],
        "bench.store.results": ["read_results", "results_table"],
        "bench.sweep.runner": ["run_sweep"],
        "models": ["IQAModel", "create_model"],
        "models.defences": ["create_defence"],
        "models.recipe": ["Recipe"],
    },
)
