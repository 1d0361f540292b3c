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

__version__: str
