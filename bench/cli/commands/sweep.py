"""The commands that compute: `run`, `train`, `explain`; and those that show what they would work on."""

import sys
from pathlib import Path
from typing import Any

import click

from ..options import (
    command_line,
    config_option,
    for_people,
    how,
    list_option,
    load_plugins,
    plugin_option,
    profile_option,
    results_option,
    settings_of,
    what,
)


@click.command()
@config_option
@profile_option
@what
@list_option("--attacks", "Names, or all.")
@list_option("--epsilons", "Radii of the L-inf ball, in units of 1/255.", float)
@how
@click.option("--limit", type=int, help="Score only so many test images of each dataset.")
@results_option
@plugin_option
@for_people
def run(
    config_file: Path | None, profile: str | None, results: Path, plugins: tuple[Path, ...], **options: Any
) -> None:
    """Sweep datasets x models x attacks x epsilon; train what has no weights; skip what is done."""
    settings = settings_of(config_file, profile, plugins, options)
    from ...sweep.runner import run_sweep

    summary = run_sweep(settings, results, command=command_line())
    click.echo(
        f"{summary.total} cells in {results}: {summary.computed} computed, {summary.found} found done; "
        f"{summary.trained} models trained."
    )


@click.command()
@config_option
@profile_option
@what
@how
@results_option
@plugin_option
@for_people
def train(
    config_file: Path | None, profile: str | None, results: Path, plugins: tuple[Path, ...], **options: Any
) -> None:
    """Train the models that have no weights yet, without scoring them."""
    settings = settings_of(config_file, profile, plugins, options)
    from ...sweep.runner import train_models

    summary = train_models(settings, results, command=command_line())
    click.echo(
        f"{summary.trained} models trained, {summary.found} found trained in {results / 'checkpoints'}: "
        "weights, how they were made (.json), and the curves of their training (.csv, .svg)."
    )


@click.command("list")
@click.argument("kind", type=click.Choice(["models", "attacks", "datasets"]))
@plugin_option
@for_people
def list_names(kind: Any, plugins: tuple[Path, ...]) -> None:
    """List the registered models, attacks or dataset adapters, and where each is defined."""
    from ...core import registry

    load_plugins(plugins)
    names = registry.names(kind)
    width = max(map(len, names), default=0)
    for name in names:
        click.echo(f"{name:{width}}  {registry.origin(kind, name)}")


@click.command()
@config_option
@profile_option
@plugin_option
@for_people
def config(config_file: Path | None, profile: str | None, plugins: tuple[Path, ...]) -> None:
    """Print the configuration in force, checked, as TOML."""
    settings = settings_of(config_file, profile, plugins, {})
    import tomli_w

    from ...sweep.plan import check_tables

    check_tables(settings)
    click.echo(tomli_w.dumps(settings.model_dump(exclude_none=True)), nl=False)


@click.group()
def datasets() -> None:
    """Look at datasets."""


@datasets.command()
@click.argument("name")
@config_option
@profile_option
@results_option
@plugin_option
@for_people
def verify(
    name: str, config_file: Path | None, profile: str | None, results: Path, plugins: tuple[Path, ...]
) -> None:
    """Check a dataset: counts, missing, unreadable and duplicate images, labels, split.

    NAME is a table of the configuration or the path of a CSV file. Exit status 1 if something is wrong.
    """
    settings = settings_of(config_file, profile, plugins, {})
    from ...datasets.verify import render, verify_dataset
    from ...sweep.plan import dataset_arguments

    with settings.blaming("datasets", name):
        report = verify_dataset(**dataset_arguments(settings, name, results))
    click.echo(render(report))
    sys.exit(1 if report.problems else 0)


@click.command()
@click.argument("model")
@click.option("--dataset", metavar="NAME", required=True, help="A dataset, or the path of a CSV file.")
@click.option("--beside", metavar="MODEL", help="To compare with. Default: resnet; for resnet, cprl.")
@click.option(
    "--image",
    metavar="PATH|N",
    help="In the dataset's table, or number of a test image. Default: the one FGSM moves by the median.",
)
@click.option("--epsilon", type=float, default=1.0, show_default=True, help="In units of 1/255.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the figures. Default: explain/DATASET/MODEL in the store.",
)
@config_option
@profile_option
@how
@results_option
@plugin_option
@for_people
def explain(
    model: str,
    dataset: str,
    beside: str | None,
    image: str | None,
    epsilon: float,
    out: Path | None,
    config_file: Path | None,
    profile: str | None,
    results: Path,
    plugins: tuple[Path, ...],
    **options: Any,
) -> None:
    """Show what FGSM does to one image and inside MODEL, beside another model.

    Keeps the numbers in the store, where `iqabench report` finds them, and draws the paper's Figures 1, 4
    and 5 as SVG, PNG and PDF, with the numbers behind them as CSV. Trains what has no weights yet. Of several
    seeds the first is taken.
    """
    beside = beside or ("cprl" if model == "resnet" else "resnet")
    options |= {"datasets": [dataset], "models": [model, beside], "attacks": ["fgsm"], "epsilons": [epsilon]}
    settings = settings_of(config_file, profile, plugins, options)
    from ....reports.explain.explanation import write_figures
    from ....reports.explain.words import in_words
    from ...explain.explain import explain as explanation_of
    from ...store.explanation import explanation_folder

    explanation = explanation_of(settings, results, image=image, command=command_line())
    out = out or explanation_folder(results, explanation.dataset, model)
    for path in write_figures(explanation, out):
        click.echo(path)
    for sentence in in_words(explanation):
        click.echo(sentence)
