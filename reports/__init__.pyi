from . import published as published
from .formats.write import write_figure as write_figure
from .formats.write import write_report as write_report
