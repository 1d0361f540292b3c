from . import published as published
from .formats.write import write_report as write_report
