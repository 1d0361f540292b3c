"""Opens templates: what is undefined is an error, and a line that holds only a tag leaves none."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def environment(*packages: str, **options: Any) -> Environment:
    """Return a jinja2 environment of the templates of some packages, the first that has one.

    Args:
        packages: Each with a folder `templates`.
        options: Of `jinja2.Environment`: how values are escaped, and what tags look like.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
