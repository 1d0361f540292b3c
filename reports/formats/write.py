"""Writes a report on a store in the format asked for."""

from pathlib import Path

from ...bench.core.errors import UserError, nearest
from ...bench.statistics.logistic import Form
from ...bench.store.results import read_results
from ...bench.store.store import Store
from ..paper.report import compose
from .csv import write_csv
from .html import write_html
from .images import write_images
from .latex import write_latex
from .markdown import write_markdown

_WRITERS = {"latex": write_latex, "markdown": write_markdown, "csv": write_csv}
FORMATS = ("html", *_WRITERS)


def write_report(store: Store | Path, form: str, out: Path, *, logistic: Form | None = None) -> Path:
    """Write a report on a store; the same store gives the same bytes.

    Args:
        store: A store, or its folder.
        form: `html` (one file, `report.html`, and `images.html` where `out/images` holds what
            `iqabench run --save-images` wrote), `latex` (`report.tex`, with a file per table and figure to
            \\input, and the figures as PDF), `markdown` (`report.md`, with the figures as SVG) or `csv`
            (`tables.csv`, with `cells.csv` and the numbers behind the figures).
        out: Folder to write into; made if missing.
        logistic: Number of parameters of the logistic that is fitted before PLCC and RMSE; every table with a
            PLCC states it.

    Returns:
        The file to open or to compile.

    Raises:
        UserError: unknown format, a store without results, or a folder that cannot be written.
    """
    if form not in FORMATS:
        raise UserError(f"unknown report format {form!r}: {nearest(form, FORMATS)}")
    root = store.root if isinstance(store, Store) else Path(store)
    report = compose(read_results(store, logistic=logistic), root)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if form == "html":
            return write_html(report, out, images=write_images(report.results, root, out) is not None)
        return _WRITERS[form](report, out)
    except OSError as error:
        raise UserError(f"--out {out}: the report cannot be written: {error}") from error
