"""`iqabench explain`: shows an attack on one image, and what it does inside two models."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from .. import shared


@click.command()
@click.argument("model")
@shared.dataset
@click.option("--beside", metavar="MODEL", help="Model to compare with. Default: resnet; for resnet, cprl.")
@click.option(
    "--image",
    metavar="PATH|N",
    help="Path or number of a test image. Default: the one whose score FGSM moves by the median.",
)
@click.option("--epsilon", metavar="E", default="1", show_default=True, help="In units of 1/255.")
@click.option(
    "--out", type=shared.PATH, help="Folder for the figures. Default: explain/DATASET/MODEL in the store."
)
@shared.configuration
@shared.training
@shared.results
@shared.plugins
def explain(
    model: str,
    dataset: str,
    beside: str | None,
    image: str | None,
    epsilon: str,
    out: Path | None,
    results: Path,
    **options: Any,
) -> None:
    """Show what FGSM does to one image, and inside MODEL and another model.

    Keeps the numbers in the store, where `iqabench report` finds them, and draws the paper's Figures 1, 4
    and 5 as SVG, PNG and PDF, with the numbers behind them as CSV. Models without weights are trained first.
    Of several seeds, the first is used.
    """
    prepare_process()
    beside = beside or ("cprl" if model == "resnet" else "resnet")
    options |= {"datasets": [dataset], "models": [model, beside], "attacks": ["fgsm"], "epsilons": [epsilon]}
    settings = shared.settings_of(options)
    from ....reports.explain.explanation import write_figures
    from ....reports.explain.words import in_words
    from ...explain.explain import explain as explanation_of
    from ...store.explanation import explanation_folder

    explanation = explanation_of(settings, results, image=image)
    shared.draw_missing_curves(results)
    for path in write_figures(explanation, out or explanation_folder(results, explanation.dataset, model)):
        shared.say(path)
    for sentence in in_words(explanation):
        shared.say(sentence)
