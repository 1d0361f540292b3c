"""`iqabench doctor`: says which parts of an installation are there, and how to get the others."""

import sys
from pathlib import Path
from typing import Any

import click

from ... import shared

MARKS = {True: "ok", False: "missing", None: "note"}


@click.command()
@shared.configuration
@shared.what
@shared.results_at_hand
@shared.plugins
def doctor(results: Path, **options: Any) -> None:
    """Check device, libraries, configuration, weights, datasets and store before a long run.

    Exit status 0: what the run needs is there. 1: something is missing, with what to do about it.
    """
    from ...examine import examine

    settings = shared.settings_of(options)
    found = list(examine(settings, results))
    width = max(len(finding.what) for finding in found)
    for finding in found:
        shared.say(f"{MARKS[finding.there]:8}{finding.what:{width}}  {finding.sentence}")
    missing = sum(finding.there is False for finding in found)
    if not missing:
        shared.say("All that `iqabench run` needs is there.")
    sys.exit(1 if missing else 0)
