"""`iqabench list`: lists what is registered."""

from pathlib import Path
from typing import Any

import click

from ... import shared


@click.command("list")
@click.argument("kind", type=click.Choice(["models", "attacks", "defences", "datasets", "recipes"]))
@click.option(
    "--library",
    metavar="NAME",
    help="List what another library offers instead, such as pyiqa or torchattacks.",
)
@shared.plugins
def list_names(kind: Any, library: str | None, plugins: tuple[Path, ...]) -> None:
    """List the registered models, attacks, defences, dataset adapters or recipes, and where each is defined.

    `list models --library pyiqa` lists its metrics: range, direction, gradient, and the files of weights that
    each needs. `list attacks --library torchattacks` lists its attacks: ball, parameters, and those that mean
    nothing for a score.
    """
    from ....core import registry

    shared.load_plugins(plugins)
    if library:
        for line in registry.library(kind, library).lines():
            shared.say(line)
        return
    names = registry.names(kind)
    width = max(map(len, names), default=0)
    for name in names:
        shared.say(f"{name:{width}}  {registry.origin(kind, name)}")
