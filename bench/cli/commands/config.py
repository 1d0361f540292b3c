"""`iqabench config`: the configuration in force."""

from typing import Any

import click

from ..options import config_options, for_people, plugin_option, settings_of


@click.command()
@config_options
@plugin_option
@for_people
def config(**options: Any) -> None:
    """Print the configuration in force, checked, as TOML."""
    settings = settings_of(options)
    import tomli_w

    from ...sweep.plan import check_tables

    check_tables(settings)
    click.echo(tomli_w.dumps(settings.model_dump(exclude_none=True)), nl=False)
