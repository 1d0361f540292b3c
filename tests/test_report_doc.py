"""docs/report.md says what every column of `iqabench results` holds."""

import re

from iqabench.bench.store.results import COLUMNS

from .pages import page_of


def test_every_column_of_results_is_described_once():
    table = page_of("report.md").partition("| columns | what they hold |")[2]
    first = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    described = re.findall(r"\w+", " ".join(first))
    bounds = {f"{name}{bound}" for name in described for bound in ("_low", "_high")}
    assert sorted(described) == sorted({*COLUMNS} - bounds)
