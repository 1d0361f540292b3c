"""`iqabench certify`: bounds what any attack can do to a model."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.process import prepare_process
from .. import shared

if TYPE_CHECKING:
    from ...core.config import Settings


@click.command()
@shared.configuration
@shared.what
@click.option(
    "--norm",
    type=click.Choice(["l2", "linf"]),
    default="l2",
    show_default=True,
    help="Norm of the ball. l2: models behind median smoothing; linf: models as they are.",
)
@shared.list_option(
    "--radii", "Radii of the ball, in units of 1/255. Default: 5,10,20 for l2, 0.25,0.5,1 for linf.", float
)
@click.option(
    "--draws",
    type=click.IntRange(min=100, max=1_000_000),
    default=1000,
    show_default=True,
    help="Number of noisy scores of each image (l2 only).",
)
@shared.training
@shared.limit("Certify only so many test images of each dataset. Default: 36 by the profile demo, else all.")
@shared.quiet
@shared.results
@shared.plugins
def certify(
    results: Path, norm: str, radii: list[float] | None, draws: int, quiet: bool, **options: Any
) -> None:
    """Certify models: bound their scores in a ball, whatever the attack.

    L2 balls need a model behind median smoothing. Noisy scores of every test image are kept in the store, and
    `iqabench check --certified` computes the interval of any radius from them. L-inf balls need a model
    without randomness. Its scores are bounded by interval bound propagation, and the bounds are kept. The
    command prints the clean SROCC and an estimate of the worst case: the lowest SROCC that a search finds
    inside these intervals.
    """
    if radii is not None and not (radii and all(0 <= radius < math.inf for radius in radii)):
        raise click.BadParameter("accepted are numbers of at least 0", param_hint="--radii")
    prepare_process()
    from ...core.text import aligned

    if norm == "l2":
        settings = shared.settings_of({**options, "defences": ["median_smoothing"]})
        rows, note = _smoothed(settings, results, radii or [5.0, 10.0, 20.0], draws, not quiet)
    else:
        settings = shared.settings_of(options)
        rows, note = _bounded(settings, results, radii or [0.25, 0.5, 1.0], not quiet)
    named = {(row["dataset"], row["model"], row["seed"]) for row in rows}
    names = [name for name in rows[0] if name != "variant" or len(named) < len(rows)]
    shared.say("\n".join(aligned({name: [row[name] for row in rows] for name in names})))
    shared.say(note)
    shared.say("Estimates: the lowest SROCC that a search finds inside the certified intervals.")


def _smoothed(
    settings: "Settings", results: Path, radii: list[float], draws: int, show: bool
) -> tuple[list[dict[str, str]], str]:
    """Return a row for each model, and a sentence on all."""
    from ....reports.checks.certified import CONFIDENCE, smoothed_intervals, smoothed_srocc
    from ...core.text import number
    from ...sweep.surveys.certify import certify_models

    rows = []
    for noisy in certify_models(settings, results, draws, show=show):
        ends = {radius: smoothed_intervals(noisy, radius / 255) for radius in radii}
        row = {"sigma": f"{noisy.sigma:g}", "SROCC": number(smoothed_srocc(noisy), 3)}
        rows.append(_row(noisy, row, ends))
    return rows, f"With a confidence of {CONFIDENCE:.1%} for all images, from {draws} noisy scores of each."


def _bounded(
    settings: "Settings", results: Path, radii: list[float], show: bool
) -> tuple[list[dict[str, str]], str]:
    """Return a row for each model, and a sentence on all."""
    from ...core.text import number
    from ...statistics.metrics import srocc
    from ...sweep.surveys.bounds import bound_models

    rows = []
    for found in bound_models(settings, results, radii, show=show):
        ends = dict(zip(found.radii, zip(found.low.T, found.high.T, strict=True), strict=True))
        row = {"SROCC": number(srocc(found.quality, found.score), 3)}
        rows.append(_row(found, row, ends))
    return rows, "By interval bound propagation, which holds with certainty, up to rounding in float64."


def _row(certificate: Any, about: dict[str, str], ends: dict[float, tuple[Any, Any]]) -> dict[str, str]:
    """Return the row of a certificate: of what, what else is known about it, and of intervals by radius."""
    import numpy as np

    from ....reports.checks.certified import worst_inside
    from ...core.text import number

    columns = {name: str(certificate.about[name]) for name in ("dataset", "model", "variant", "seed")} | about
    for radius, (low, high) in ends.items():
        columns[f"estimate at {radius:g}/255"] = number(worst_inside(certificate.quality, low, high), 3)
        columns[f"median width at {radius:g}/255"] = number(float(np.median(high - low)), 3)
    return columns
