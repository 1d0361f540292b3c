"""`iqabench config`: prints the configuration in force."""

from typing import Any

import click

from ... import shared


@click.command()
@shared.configuration
@shared.plugins
def config(**options: Any) -> None:
    """Print the configuration in force, checked, as TOML."""
    settings = shared.settings_of(options)
    import tomli_w

    from ....sweep.plan import check_tables

    for note in check_tables(settings):
        shared.say(note, err=True)
    shared.say(tomli_w.dumps(settings.model_dump(exclude_none=True)), nl=False)
