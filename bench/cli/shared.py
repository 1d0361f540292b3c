"""Options that the commands share, and the configuration that they ask for."""

import logging
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from ..core.errors import UserError

if TYPE_CHECKING:
    from ..core.config import Settings  # pydantic, which --help does not need
    from ..store.remote.mirror import Needs

Command = TypeVar("Command", bound=Callable[..., Any])
ARGUMENTS = f"{__name__}.arguments"  # of the command that runs, in the context's `meta`
STORE = f"{__name__}.store"  # its address as it was given, there too


class _Path(click.Path):
    """A path on this machine; an address is refused, and so is an empty path."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if value == "":
            self.fail("is empty", param, ctx)
        if "://" in str(value):
            self.fail(f"{value} is an address; this is a path on this machine", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)


def list_option(name: str, text: str, of: Callable[[str], Any] = str) -> Callable[[Command], Command]:
    """Return an option that takes several values, separated by commas."""

    def split(ctx: click.Context, param: click.Parameter, value: str | None) -> list[Any] | None:
        if value is None:
            return None
        try:
            return [of(part.strip()) for part in value.split(",") if part.strip()]
        except ValueError:
            raise click.BadParameter(f"{value!r} is not a comma-separated list of numbers") from None

    return click.option(name, metavar="A,B,...", callback=split, help=text)


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _results(needs: "Needs") -> Callable[[Command], Command]:
    """Return a decorator for a command on a store, which gets its folder as `results`."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def on_store(*args: Any, results: str, **options: Any) -> Any:
            from ..store.remote.opening import open_store

            click.get_current_context().meta[STORE] = results
            with open_store(results, needs=needs) as folder:
                return command(*args, results=folder, **options)

        option = click.option(
            "--results",
            metavar="DIR|URL",
            default="results",
            show_default=True,
            help="The store: a folder, or s3://BUCKET/NAME and the like.",
        )
        return option(cast(Command, on_store))

    return decorate


results = _results("all")
results_to_read = _results("numbers")
results_at_hand = _results("nothing")
plugins = click.option(
    "--plugin",
    "plugins",
    type=PATH,
    multiple=True,
    help="Python file that registers models, attacks, defences, datasets or recipes. May be repeated.",
)
configuration = _options(
    click.option(
        "--config", "config_file", type=PATH, help="File of the configuration. Default: ./bench.toml."
    ),
    click.option(
        "--profile",
        metavar="A,B,...",
        help="Profiles to lay over the configuration: demo (default; a first look), paper, or your own.",
    ),
)
what = _options(
    list_option("--datasets", "Names of datasets, paths of CSV files or of folders of images, or all."),
    list_option("--models", "Names of models, or all."),
)
training = _options(
    list_option("--train-on", "Datasets to train on instead of the one that is scored."),
    click.option(
        "--regime", type=click.Choice(["clean", "adversarial"]), help="Training regime. Default: clean."
    ),
    list_option("--seed", "Seed of initial weights and of training; with several, each is used.", int),
    click.option(
        "--device", metavar="NAME", help="auto, cpu, cuda or cuda:N. Default: a GPU where there is one."
    ),
    click.option("--from-scratch", is_flag=True, help="Train from random weights instead of ImageNet's."),
)


def limit(text: str) -> Callable[[Command], Command]:
    """Return the option that scores a part of the test images."""
    return click.option("--limit", metavar="N|all", callback=_number_or_all, help=text)


def _number_or_all(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a whole number nor all") from None


form = click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
logistic = click.option(
    "--logistic",
    type=click.Choice(["none", "four", "five"]),
    default="none",
    show_default=True,
    callback=lambda context, parameter, value: None if value == "none" else value,
    help="Number of parameters of a logistic that is fitted before PLCC and RMSE.",
)


engine = _options(
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        help="local: this machine; ray: a Ray cluster. Default: local.",
    ),
    click.option("--address", metavar="ADDRESS", help="Address of the Ray cluster: auto, or HOST:PORT."),
)


defences = list_option("--defences", "Names of defences, median+flip for one after the other, none, or all.")
dataset = click.option(
    "--dataset", metavar="NAME", required=True, help="A dataset, or the path of a CSV file or a folder."
)
quiet = click.option("--quiet", is_flag=True, help="Show the results only, no progress.")
verbosity = _options(
    click.option("--quiet", is_flag=True, help="Show the results only, no progress and no notes."),
    click.option("--verbose", is_flag=True, help="Also say when each stage begins."),
)


class _RunLog(logging.FileHandler):
    """Keeps messages in a file; a sweep goes on where they cannot be written, as on a full disk."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once that messages are not kept."""
        if not self._told:
            self._told = True
            say(f"Note: {self.baseFilename}: messages are not kept: {sys.exception()}", err=True)

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # of messages that wait to be written; it was said that they are not kept
            super().close()


@contextmanager
def told(results: Path, *, quiet: bool, verbose: bool) -> Iterator[bool]:
    """Keep the messages of a command in `run.log`, print more on request; yield whether to show progress."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude one another")
    logger = logging.getLogger("iqabench")
    results.mkdir(parents=True, exist_ok=True)
    kept = _RunLog(results / "run.log", encoding="utf-8", errors="backslashreplace")
    kept.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
    handlers: list[logging.Handler] = [kept]
    if verbose:
        begins = logging.StreamHandler()
        begins.addFilter(lambda record: record.levelno == logging.DEBUG)
        handlers.append(begins)
    before = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        logger.info(command_line())
        yield not quiet
    except BaseException as error:
        logger.error("stopped: %s: %s", type(error).__name__, error)
        raise
    finally:
        logger.level, logger.propagate = before
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def settings_of(options: dict[str, Any]) -> "Settings":
    """Return the configuration in force, with what the command line overrides.

    The options are those of `configuration`, `plugins`, `what` and `training`, and other keys of `[run]`;
    None overrides nothing.
    """
    from ..core.config import load_settings
    from ..core.configuration.values import ALL

    options = dict(options)
    load_plugins(options.pop("plugins", ()))
    config_file, profile = options.pop("config_file"), options.pop("profile")
    overrides: dict[str, dict[str, Any]] = {"run": {}, "training": {}}
    if options.pop("from_scratch", False):
        overrides["training"]["pretrained"] = False
    if (cluster := options.pop("address", None)) is not None:
        overrides["engine"] = {"address": cluster}
    for key, value in options.items():
        if value is not None:
            overrides["run"][key] = ALL if value == [ALL] else value
    return load_settings(config_file, profile=profile, overrides=overrides, command=command_line())


def say(text: object, *, nl: bool = True, err: bool = False) -> None:
    """Print text to the terminal, without control characters that a name or note in it may hold."""
    from ..core.files import naming
    from ..core.text import printable

    with naming("standard error" if err else "standard output"):
        click.echo(printable(str(text)), nl=nl, err=err)


def load_plugins(files: tuple[Path, ...]) -> None:
    """Register what the user's files register."""
    from ..core.registry import load_plugin

    for path in files:
        load_plugin(path)


def arguments() -> list[str]:
    """Return the arguments of the `iqabench` command that runs."""
    return list(click.get_current_context().meta[ARGUMENTS])


def address() -> str:
    """Return the address of the store as it was given on the command line."""
    return str(click.get_current_context().meta[STORE])


def command_line() -> str:
    """Return the command as it was typed, to be kept with what it computes."""
    return shlex.join(["iqabench", *sys.argv[1:]])


def draw_missing_curves(results: Path) -> None:
    """Draw the curves of each trained model in a store that has none yet, those of a killed run included."""
    cards = sorted((results / "checkpoints").rglob("*.json"))
    missing = [card for card in cards if not card.with_suffix(".svg").is_file()]
    if missing:
        from ...reports.figures.training_curves import write_training_curves  # matplotlib

        for card in missing:
            try:
                write_training_curves(card)
            except UserError as error:
                say(f"Note: {error}", err=True)
