"""`iqabench list`: what is registered."""

from pathlib import Path
from typing import Any

import click

from .. import shared


@click.command("list")
@click.argument("kind", type=click.Choice(["models", "attacks", "datasets", "recipes"]))
@shared.plugins
def list_names(kind: Any, plugins: tuple[Path, ...]) -> None:
    """List the registered models, attacks, dataset adapters or recipes, and where each is defined."""
    from ...core import registry

    shared.load_plugins(plugins)
    names = registry.names(kind)
    width = max(map(len, names), default=0)
    for name in names:
        shared.say(f"{name:{width}}  {registry.origin(kind, name)}")
