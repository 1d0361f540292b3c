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
_profile = click.option("--profile", help="Overlay of the configuration: demo (default), paper or your own.")
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
    click.option("--seed", type=int, help="Of initial weights and of training."),
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

    `iqabench run` sweeps datasets x models x attacks x epsilon; `iqabench report` renders the tables and
    figures of the paper from what was run.
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
        f"{summary.trained} models trained, {summary.found} found trained in {results / 'checkpoints'}."
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
    from .results import render_results, results_table

    table = results_table(results)
    if form != "table":  # which lists them itself
        for path, reason in table.attrs["unreadable"]:
            click.echo(f"left out: {path}: {reason}", err=True)
    click.echo(render_results(table, form), nl=False)


@main.command()
@click.option("--format", "form", type=click.Choice(["html", "latex"]), default="html", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report"), show_default=True, help="Folder."
)
@_results
@_for_people
def report(form: Any, out: Path, results: Path) -> None:
    """Render the paper's tables and figures from the store."""
    from ..reports import write_report

    click.echo(write_report(results, form, out))


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
