"""The `iqabench` command. Each subcommand imports what it needs, so that `--help` answers at once."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from .cpu import share_the_cores
from .errors import UserError

Command = TypeVar("Command", bound=Callable[..., Any])
INTERRUPTED = 130  # the shell's exit status for Ctrl-C


def _comma_separated(of: Callable[[str], Any]) -> Callable[..., list[Any] | None]:
    """A click callback that splits an option's value at commas."""

    def split(ctx: click.Context, param: click.Parameter, value: str | None) -> list[Any] | None:
        if value is None:
            return None
        try:
            return [of(part.strip()) for part in value.split(",") if part.strip()]
        except ValueError:
            raise click.BadParameter(f"{value!r} is no comma-separated list of numbers") from None

    return split


def _list_option(name: str, text: str, of: Callable[[str], Any] = str) -> Callable[[Command], Command]:
    return click.option(name, metavar="A,B,...", callback=_comma_separated(of), help=text)


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_config = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Configuration. Default: ./bench.toml."
)
_profile = click.option(
    "--profile",
    metavar="A,B,...",
    help="Overlays of the configuration: demo (default), paper, table5, table6 or your own; A,B: both.",
)
_results = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="The store.",
)
_plugin = click.option(
    "--plugin",
    "plugins",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Python file that registers models, attacks or datasets. May be repeated.",
)
_what = _options(
    _list_option("--datasets", "Names, paths of CSV files, or all."),
    _list_option("--models", "Names, or all."),
)
_how = _options(
    click.option(
        "--regime", type=click.Choice(["clean", "adversarial"]), help="What training sees. Default: clean."
    ),
    _list_option("--seed", "Of initial weights and of training; several: each.", int),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Default: a GPU where there is one."
    ),
    click.option("--from-scratch", is_flag=True, help="Train from random weights instead of ImageNet's."),
)


def _for_people(command: Command) -> Command:
    """Show a `UserError` as a message with exit status 2, and Ctrl-C as what to do next."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except UserError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)

    return guarded  # type: ignore[return-value]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iqabench")
def main() -> None:
    """How robust is a no-reference image quality metric to an invisible perturbation?

    `iqabench run` sweeps datasets x models x attacks x epsilon into a store; `iqabench report` renders the
    tables and figures of the paper from it; `iqabench check` fails a CI job when a number moves; `iqabench
    leaderboard` builds a site of entries, measured beside reported.
    """
    share_the_cores()


@main.command()
@_config
@_profile
@_what
@_list_option("--attacks", "Names, or all.")
@_list_option("--epsilons", "Radii of the L-inf ball, in units of 1/255.", float)
@_how
@click.option("--limit", type=int, help="Score only so many test images of each dataset.")
@_results
@_plugin
@_for_people
def run(
    config_file: Path | None, profile: str | None, results: Path, plugins: tuple[Path, ...], **options: Any
) -> None:
    """Sweep datasets x models x attacks x epsilon; train what has no weights; skip what is done."""
    settings = _settings(config_file, profile, plugins, options)
    from .runner import run_sweep

    try:
        summary = run_sweep(settings, results, command=_command_line())
    except KeyboardInterrupt:
        click.echo(
            f"\nStopped. What was computed is in {results}; run the same command again to go on from there.",
            err=True,
        )
        sys.exit(INTERRUPTED)
    click.echo(
        f"{summary.total} cells in {results}: {summary.computed} computed, {summary.found} found done; "
        f"{summary.trained} models trained."
    )


@main.command()
@_config
@_profile
@_what
@_how
@_results
@_plugin
@_for_people
def train(
    config_file: Path | None, profile: str | None, results: Path, plugins: tuple[Path, ...], **options: Any
) -> None:
    """Train the models that have no weights yet, without scoring them."""
    settings = _settings(config_file, profile, plugins, options)
    from .runner import train_models

    try:
        summary = train_models(settings, results, command=_command_line())
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command again to go on from there.", err=True)
        sys.exit(INTERRUPTED)
    click.echo(
        f"{summary.trained} models trained, {summary.found} found trained in {results / 'checkpoints'}: "
        "weights, how they were made (.json), and the curves of their training (.csv, .svg)."
    )


@main.command("list")
@click.argument("kind", type=click.Choice(["models", "attacks", "datasets"]))
@_plugin
@_for_people
def list_names(kind: Any, plugins: tuple[Path, ...]) -> None:
    """List the registered models, attacks or dataset adapters, and where each is defined."""
    from . import registry

    _load_plugins(plugins)
    names = registry.names(kind)
    width = max(map(len, names), default=0)
    for name in names:
        click.echo(f"{name:{width}}  {registry.origin(kind, name)}")


@main.command()
@_config
@_profile
@_plugin
@_for_people
def config(config_file: Path | None, profile: str | None, plugins: tuple[Path, ...]) -> None:
    """Print the configuration in force, checked, as TOML."""
    settings = _settings(config_file, profile, plugins, {})
    import tomli_w

    from .plan import check_tables

    check_tables(settings)
    click.echo(tomli_w.dumps(settings.model_dump(exclude_none=True)), nl=False)


@main.group()
def datasets() -> None:
    """Look at datasets."""


@datasets.command()
@click.argument("name")
@_config
@_profile
@_results
@_plugin
@_for_people
def verify(
    name: str, config_file: Path | None, profile: str | None, results: Path, plugins: tuple[Path, ...]
) -> None:
    """Check a dataset: counts, missing, unreadable and duplicate images, labels, split.

    NAME is a table of the configuration or the path of a CSV file. Exit status 1 if something is wrong.
    """
    settings = _settings(config_file, profile, plugins, {})
    from .plan import dataset_arguments
    from .verify import render, verify_dataset

    with settings.blaming("datasets", name):
        report = verify_dataset(**dataset_arguments(settings, name, results))
    click.echo(render(report))
    sys.exit(1 if report.problems else 0)


@main.command()
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
@_results
@_for_people
def results(form: Any, results: Path) -> None:
    """Print a row per cell: metrics with their intervals."""
    from .results import left_out, render_results, results_table

    table = results_table(results)
    if form != "table":  # which lists them itself
        for note in left_out(table):
            click.echo(note, err=True)
    click.echo(render_results(table, form), nl=False)


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "latex", "markdown", "csv"]),
    default="html",
    show_default=True,
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report"), show_default=True, help="Folder."
)
@_results
@_for_people
def report(form: Any, out: Path, results: Path) -> None:
    """Render the paper's tables and figures from the store.

    Figures 1, 4 and 5 are those that `iqabench explain` left in it.
    """
    from ..reports import write_report

    click.echo(write_report(results, form, out))


@main.command()
@click.option(
    "--against",
    metavar="published|FILE",
    help="The papers' numbers, or those pinned in FILE. Default: published.",
)
@click.option(
    "--pin",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the store's numbers to FILE, to check against later.",
)
@click.option("--claims", is_flag=True, help="Evaluate the paper's claims instead.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option(
    "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write it as JUnit XML, for CI, too."
)
@_config
@_profile
@_results
@_for_people
def check(
    against: str | None,
    pin: Path | None,
    claims: bool,
    as_json: bool,
    junit: Path | None,
    config_file: Path | None,
    profile: str | None,
    results: Path,
) -> None:
    """Compare the store with published or pinned numbers, within the tolerances of `[check]`.

    Exit status 0: all that was compared holds. 1: a number is worse, or better, by more than its tolerance,
    a pinned one was not run, or a claim is false. 2: wrong usage, or nothing to compare.
    """
    if sum([against is not None, pin is not None, claims]) > 1:
        raise click.UsageError("--against, --pin and --claims exclude one another: give one of them")
    if pin and (as_json or junit):
        raise click.UsageError("--pin writes FILE and checks nothing: leave out --json and --junit")
    settings = _settings(config_file, profile, (), {})
    if pin:
        from .baseline import pin as pin_numbers

        click.echo(pin_numbers(results, pin))
        return
    verdict = _verdict(against or "published", claims, settings, results)
    if junit:
        from .junit import write_junit

        write_junit(junit, verdict.suite, verdict.cases())
    if as_json:
        import json

        click.echo(json.dumps(verdict.record(), indent=1, allow_nan=False))
    else:
        click.echo(verdict.text(), nl=False)
    sys.exit(verdict.exit_status)


def _verdict(against: str, claims: bool, settings: Any, store: Path) -> Any:
    from .results import results_table

    table, tolerances = results_table(store, resamples=0), settings.check.model_dump()
    if claims:
        from .claims import evaluate_claims

        return evaluate_claims(table, tolerances["srocc"])
    if against == "published":
        from .check_published import against_published

        return against_published(table, tolerances)
    from .baseline import against_baseline

    return against_baseline(table, Path(against), tolerances)


@main.command()
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
    "--out", type=click.Path(path_type=Path), help="Folder. Default: explain/DATASET/MODEL in the store's."
)
@_config
@_profile
@_how
@_results
@_plugin
@_for_people
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

    Draws the paper's Figures 1, 4 and 5 as SVG, PNG and PDF, and writes the numbers behind them as CSV;
    `iqabench report` shows those that are in the store. Trains what has no weights yet. Of several seeds the
    first is taken.
    """
    beside = beside or ("cprl" if model == "resnet" else "resnet")
    options |= {"datasets": [dataset], "models": [model, beside], "attacks": ["fgsm"], "epsilons": [epsilon]}
    settings = _settings(config_file, profile, plugins, options)
    from ..reports.explanation import in_words, write_explanation
    from .explain import explain as explanation_of
    from .files import safe_name

    try:
        explanation = explanation_of(settings, results, image=image, command=_command_line())
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command again to go on.", err=True)
        sys.exit(INTERRUPTED)
    out = out or results / "explain" / safe_name(explanation.dataset) / safe_name(model)
    for path in write_explanation(explanation, out):
        click.echo(path)
    for sentence in in_words(explanation):
        click.echo(sentence)


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    help="Folder of the site.",
)
@click.option(
    "--entries",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="An entry's TOML file, or a folder of them, beside the package's own. May be repeated.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A store whose numbers take part as measured. Default: results, where there is one.",
)
@_for_people
def leaderboard(out: Path, entries: tuple[Path, ...], results: Path | None) -> None:
    """Build the leaderboard as a static site: a ranking per database and threat, a page per model."""
    from ..reports.leaderboard.compose import compose_board
    from ..reports.leaderboard.site import write_site

    if results is None and Path("results", "cells").is_dir():
        results = Path("results")
    board = compose_board(entries, results)
    for note in board.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(write_site(board, out))


@main.group()
def entry() -> None:
    """Entries of the leaderboard: make one from a store, find what is wrong with one."""


@entry.command("create")
@click.option("--model", metavar="NAME", required=True, help="Registered name, as in the store.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    required=True,
    help="The entry; its per-image scores go to FILE.scores beside it.",
)
@click.option("--regime", default="clean", show_default=True, help="Of the training.")
@click.option("--variant", default="", help="Of the model, in a grid. Default: as its own table has it.")
@click.option("--name", help="As the leaderboard shows it. Default: the model's.")
@click.option("--author", "authors", metavar="NAME", multiple=True, help="May be repeated.")
@click.option("--paper", metavar="TITLE", help="The paper that the model is from.")
@click.option("--url", help="Of the paper.")
@click.option("--year", type=int, help="Of the paper.")
@click.option("--code", metavar="URL", help="Where the code is.")
@click.option("--weights", metavar="URL", help="Where the weights are.")
@click.option("--training", metavar="PHRASE", help="How it was trained. Default: the regime.")
@_results
@_for_people
def create_entry(model: str, out: Path, results: Path, **facts: Any) -> None:
    """Make an entry of the newest numbers of one model in the store, with their per-image scores."""
    from ..reports.leaderboard.create import create_entry as create
    from ..reports.leaderboard.verify import verify as verified

    click.echo(create(results, model, out, **facts))
    text, status = verified([out])
    click.echo(text)
    sys.exit(status)


@entry.command("verify")
@click.argument(
    "files",
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=-1,
    required=True,
)
@_for_people
def verify_entry(files: tuple[Path, ...]) -> None:
    """Say everything that is wrong with entries, their numbers against their per-image scores included.

    Exit status 0: nothing. 1: something. 2: wrong usage.
    """
    from ..reports.leaderboard.verify import verify as verified

    text, status = verified(files)
    click.echo(text)
    sys.exit(status)


def _settings(
    config_file: Path | None, profile: str | None, plugins: tuple[Path, ...], options: dict[str, Any]
) -> Any:
    from .config import ALL, load_settings

    _load_plugins(plugins)
    overrides: dict[str, dict[str, Any]] = {"run": {}, "training": {}}
    if options.pop("from_scratch", False):
        overrides["training"]["pretrained"] = False
    for key, value in options.items():
        if value is not None:
            overrides["run"][key] = ALL if value == [ALL] else value
    return load_settings(config_file, profile=profile, overrides=overrides)


def _load_plugins(plugins: tuple[Path, ...]) -> None:
    from .registry import load_plugin

    for path in plugins:
        load_plugin(path)


def _command_line() -> str:
    import shlex

    return shlex.join(["iqabench", *sys.argv[1:]])
