"""The report of an audit, for people."""

import textwrap

from ..core.text import plural
from .finding import Report

WIDTH = 100


def in_words(model: str, report: Report) -> str:
    """Return the report as a table with a sentence for each indicator, then what to do next."""
    names = max(len(finding.indicator) for finding in report.findings)
    lines = [f"{'indicator':{names}}  {'found':>8}  {'doubtful':>9}  "]
    for finding in report.findings:
        value = "-" if finding.value is None else f"{finding.value:.2g}"
        limit = f"{'>' if finding.doubtful == 'above' else '<'} {finding.threshold:g}"
        mark = "!" if finding.flagged else " "
        lines.append(f"{finding.indicator:{names}}  {value:>8}  {limit:>9} {mark}")
        lines += textwrap.wrap(finding.sentence, WIDTH, initial_indent="    ", subsequent_indent="    ")
    flagged = len(report.flagged)
    signs = f"{flagged} of {len(report.findings)} indicators" if flagged else "no indicator"
    lines += ["", f"{model}: {report.verdict}; flagged by {signs}, on {plural(report.images, 'image')}."]
    for finding in report.flagged:
        lines += textwrap.wrap(f"{finding.indicator}: {finding.advice}", WIDTH, subsequent_indent="    ")
    return "\n".join(lines)
