from .base import Database as Database
from .base import Dataset as Dataset
from .base import DatasetAdapter as DatasetAdapter
from .base import open_dataset as open_dataset
