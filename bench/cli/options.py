"""What the commands share: options, the configuration they ask for, and errors shown to people."""

import shlex
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..core.errors import UserError

if TYPE_CHECKING:
    from ..core.config import Settings  # pydantic, which --help does not need

Command = TypeVar("Command", bound=Callable[..., Any])
INTERRUPTED = 130  # the shell's exit status for Ctrl-C
PATH = click.Path(path_type=Path)


def _comma_separated(of: Callable[[str], Any]) -> Callable[..., list[Any] | None]:
    """Return a click callback that splits an option's value at commas."""

    def split(ctx: click.Context, param: click.Parameter, value: str | None) -> list[Any] | None:
        if value is None:
            return None
        try:
            return [of(part.strip()) for part in value.split(",") if part.strip()]
        except ValueError:
            raise click.BadParameter(f"{value!r} is not a comma-separated list of numbers") from None

    return split


def list_option(name: str, text: str, of: Callable[[str], Any] = str) -> Callable[[Command], Command]:
    """Return an option that takes several values, separated by commas."""
    return click.option(name, metavar="A,B,...", callback=_comma_separated(of), help=text)


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


results_option = click.option("--results", type=PATH, default="results", show_default=True, help="The store.")
plugin_option = click.option(
    "--plugin",
    "plugins",
    type=PATH,
    multiple=True,
    help="Python file that registers models, attacks or datasets. May be repeated.",
)
config_options = _options(
    click.option("--config", "config_file", type=PATH, help="Configuration. Default: ./bench.toml."),
    click.option(
        "--profile",
        metavar="A,B,...",
        help="Overlays of the configuration: demo (default), paper, table5, table6 or your own; A,B: both.",
    ),
)
model_options = _options(
    list_option("--datasets", "Names, paths of CSV files, or all."),
    list_option("--models", "Names, or all."),
)
training_options = _options(
    click.option(
        "--regime", type=click.Choice(["clean", "adversarial"]), help="What training sees. Default: clean."
    ),
    list_option("--seed", "Of initial weights and of training; several: each.", int),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Default: a GPU where there is one."
    ),
    click.option("--from-scratch", is_flag=True, help="Train from random weights instead of ImageNet's."),
)


def for_people(command: Command) -> Command:
    """Show a `UserError` as a message with exit status 2, and Ctrl-C as what to do next."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except UserError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo(
                "\nStopped. What was done is kept: run the same command again to go on from there.",
                err=True,
            )
            sys.exit(INTERRUPTED)

    return guarded  # type: ignore[return-value]


def settings_of(options: dict[str, Any]) -> "Settings":
    """Return the configuration in force, with what the command line overrides.

    Args:
        options: Those of `config_options`, `plugin_option`, `model_options` and `training_options` that the
            command has, and other keys of `[run]`; None overrides nothing.
    """
    from ..core.config import ALL, load_settings

    options = dict(options)
    load_plugins(options.pop("plugins", ()))
    config_file, profile = options.pop("config_file"), options.pop("profile")
    overrides: dict[str, dict[str, Any]] = {"run": {}, "training": {}}
    if options.pop("from_scratch", False):
        overrides["training"]["pretrained"] = False
    for key, value in options.items():
        if value is not None:
            overrides["run"][key] = ALL if value == [ALL] else value
    return load_settings(config_file, profile=profile, overrides=overrides)


def load_plugins(plugins: tuple[Path, ...]) -> None:
    """Register what the user's files register."""
    from ..core.registry import load_plugin

    for path in plugins:
        load_plugin(path)


def command_line() -> str:
    """Return the command as it was typed, to be kept with what it computes."""
    return shlex.join(["iqabench", *sys.argv[1:]])
