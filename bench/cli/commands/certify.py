"""`iqabench certify`: what no L2 attack on a smoothed model can do."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from .. import shared


@click.command()
@shared.configuration
@shared.what
@shared.list_option("--radii", "Of the L2 ball, in units of 1/255. Default: 5,10,20.", float)
@click.option(
    "--draws",
    type=click.IntRange(min=100),
    default=1000,
    show_default=True,
    help="Noisy scores of each image.",
)
@shared.training
@click.option("--limit", type=int, help="Certify only so many test images of each dataset.")
@click.option("--quiet", is_flag=True, help="Show the results only, no progress.")
@shared.results
@shared.plugins
def certify(results: Path, radii: list[float] | None, draws: int, quiet: bool, **options: Any) -> None:
    """Certify models behind median smoothing: bounds of their scores in an L2 ball, whatever the attack.

    Keeps noisy scores of every test image in the store, from which `iqabench check --certified` computes the
    interval of any radius. Prints the SROCC of the smoothed scores, and the lowest that is possible.
    """
    prepare_process()
    settings = shared.settings_of({**options, "defences": ["median_smoothing"]})
    from ....reports.checks.certified import CONFIDENCE, certified_srocc
    from ...core.text import aligned, number
    from ...sweep.measuring.certify import certify_models

    radii = radii or [5.0, 10.0, 20.0]
    columns: dict[str, list[str]] = {}
    for noisy in certify_models(settings, results, draws, command=shared.command_line(), show=not quiet):
        bounds = [certified_srocc(noisy, radius / 255) for radius in radii]
        row = {name: str(noisy.about[name]) for name in ("dataset", "model", "seed")}
        row |= {"sigma": f"{noisy.sigma:g}", "SROCC": number(bounds[0][0], 3)}
        row |= {f"certified at {r:g}/255": number(low, 3) for r, (_, low) in zip(radii, bounds, strict=True)}
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    shared.say("\n".join(aligned(columns)))
    shared.say(f"With a confidence of {CONFIDENCE:.1%} for all images, from {draws} noisy scores of each.")
