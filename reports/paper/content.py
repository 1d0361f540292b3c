"""What the tables of a report are made from."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from .selection import Selection


class Content(NamedTuple):
    """A store's results, and what of them is shown."""

    results: pd.DataFrame  # a row for every cell of the store
    selection: Selection  # the rows that the tables of models and Figure 6 show
    # the store's folder, whose files tell more of its datasets; None if it is not known
    root: Path | None = None
