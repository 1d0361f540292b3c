"""`iqabench audit`: tells whether the robustness of a model under attack can be believed."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from .. import shared


@click.command()
@click.argument("model")
@shared.dataset
@click.option(
    "--source", metavar="MODEL", help="Another model; the perturbations found on it are tried on this one."
)
@click.option(
    "--images",
    type=click.IntRange(min=4),
    default=24,
    show_default=True,
    help="Test images to audit on, evenly spread over their quality.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@shared.configuration
@shared.training
@shared.results
@shared.plugins
def audit(
    model: str, dataset: str, source: str | None, images: int, as_json: bool, results: Path, **options: Any
) -> None:
    """Look for signs that attacks fail on MODEL for a reason other than robustness.

    Models without weights are trained first. Of several seeds, and of the variants of a grid, the first is
    audited.

    Exit status 0: sound, no sign was found. 1: doubtful; each sign is printed with what to do next. 2: wrong
    usage.
    """
    prepare_process()
    options |= {"datasets": [dataset], "models": [model, *([] if source is None else [source])]}
    settings = shared.settings_of(options)
    from ...sweep.audited import audit_model

    report = audit_model(settings, results, images)
    shared.say(json.dumps(report.record(), indent=1, allow_nan=False) if as_json else report.in_words(model))
    sys.exit(0 if report.verdict == "sound" else 1)
