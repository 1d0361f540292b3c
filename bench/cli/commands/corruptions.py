"""`iqabench corruptions`: tells whether scores fall when images get worse in everyday ways."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from .. import shared


@click.command()
@shared.configuration
@shared.what
@shared.defences
@shared.training
@shared.limit("Score only so many test images of each dataset. Default: 36 by the profile demo, else all.")
@click.option("--out", type=shared.PATH, metavar="FILE", help="Also write the score of every image as CSV.")
@shared.quiet
@shared.results
@shared.plugins
def corruptions(results: Path, out: Path | None, quiet: bool, **options: Any) -> None:
    """Score test images under everyday corruptions at five severities; scores should fall.

    Monotonicity: 1 where an image's score falls with every step of severity, -1 where it rises; the mean over
    images. Sensitivity: the mean fall to the highest severity, in standard deviations of the clean scores.
    """
    prepare_process()
    settings = shared.settings_of(options)
    import pandas as pd

    from ...core.files import replacing
    from ...core.text import aligned, number
    from ...statistics.corruptions import monotonicity, sensitivity
    from ...sweep.surveys.corruptions import score_corrupted

    found = score_corrupted(settings, results, show=not quiet)
    columns = ["dataset", "model", "corruption"]
    if out:
        rows = (
            (one.dataset, one.model, one.corruption, severity, image, score)
            for one in found
            for severity, scores in enumerate(one.scores)
            for image, score in zip(one.images, scores, strict=True)
        )
        with replacing(out) as temporary:
            frame = pd.DataFrame(rows, columns=[*columns, "severity", "image", "score"])
            frame.to_csv(temporary, index=False)
    table = {
        **{name: [getattr(one, name) for one in found] for name in columns},
        "monotonicity": [number(float(monotonicity(one.scores).mean()), 3) for one in found],
        "sensitivity": [number(sensitivity(one.scores), 3) for one in found],
    }
    shared.say("\n".join(aligned(table)))
