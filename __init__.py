"""iqabench: how robust is a no-reference image quality metric to an invisible perturbation?

Everything public is importable from here and loaded on first use, so that `import iqabench`
stays free of torch:

- `create_model`, `create_attack`, `create_defence`: build a registered model, attack or defence by name;
- `register_model`, `register_attack`, `register_defence`, `register_dataset`, `register_recipe`: decorators
  for a plugin file;
- `load_settings`, `run_sweep`, `open_store`, `results_table`, `read_results`: the sweep as Python calls.
"""

import lazy_loader

from .bench.core.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
