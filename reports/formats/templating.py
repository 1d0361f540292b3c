"""Opens templates: what is undefined is an error, and a line that holds only a tag leaves none."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..figures.palette import themed


def environment(*packages: str, **options: Any) -> Environment:
    """Return a jinja2 environment of the templates of some packages, which knows the colours of figures.

    Of two templates of one name the first package's is taken. The options say how values are escaped, and
    what tags look like.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
    colours = themed()
    made.globals["light"] = {variable: light for light, (variable, _) in colours.items()}
    made.globals["dark"] = dict(colours.values())
    return made


def inline_script(package: str, *names: str) -> dict[str, Any]:
    """Return what a template needs to hold scripts of a package's templates: `script`, `script_digest`."""
    folder = files(package).joinpath("templates")
    text = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    return {"script": Markup(text), "script_digest": policy_digest(text)}


def policy_digest(text: str) -> str:
    """Return the digest by which a content security policy allows an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
