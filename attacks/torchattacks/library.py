"""The attacks of torchattacks by name, and what is known of each without running it."""

import inspect
from collections.abc import Iterator
from dataclasses import field, make_dataclass
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import Field

from ...bench.core.errors import UserError, nearest
from .attack import Torchattack
from .catalogue import OFFERED, PARAMETERS, REFUSED, Offered

_NORMS = {"linf": "L-inf", "l2": "L2"}


@cache
def resolve(name: str) -> type[Torchattack]:
    """Return the class of an attack of torchattacks, whose fields are its parameters.

    Raises:
        UserError: torchattacks is missing, has no such attack, or has one that means nothing for a score.
    """
    if name in REFUSED:
        reason, instead = REFUSED[name]
        raise UserError(f"torchattacks:{name} is not an attack on a score: it {reason}; {instead}")
    if name not in OFFERED:
        raise UserError(f"unknown attack of torchattacks {name!r}: {nearest(name, [*OFFERED, *REFUSED])}")
    offered = OFFERED[name]
    fields: list[tuple[str, Any, Any]] = [
        (parameter, PARAMETERS[parameter], field(default=default))
        for parameter, default in _defaults(name, offered).items()
    ]
    if offered.step:
        fields.append((offered.step, Annotated[float, Field(gt=0, le=1)] | None, field(default=None)))
    fields.append(("norm", Literal[offered.norm], field(default=offered.norm)))
    return make_dataclass(
        "Torchattack",
        fields,
        bases=(Torchattack,),
        frozen=True,
        namespace={
            "__doc__": f"The attack {name} of torchattacks.",
            "__module__": Torchattack.__module__,
            "attack": name,
            "offered": offered,
            "needs_gradient": offered.needs_gradient,
        },
    )


def lines() -> Iterator[str]:
    """Yield what `iqabench list attacks --library torchattacks` prints: a line for each attack.

    Raises:
        UserError: torchattacks is missing.
    """
    width = max(map(len, [*OFFERED, *REFUSED])) + len("torchattacks:")
    for name, offered in OFFERED.items():
        parts = [f"{_NORMS[offered.norm]} ball"]
        if offered.step:
            parts.append(f"{offered.step} = {offered.share:g} epsilon")
        parts += [f"{key} = {default}" for key, default in _defaults(name, offered).items()]
        parts += ["no gradient needed"] * (not offered.needs_gradient)
        yield f"{f'torchattacks:{name}':{width}}  {'; '.join(parts)}"
    for name, (reason, instead) in REFUSED.items():
        yield f"{f'torchattacks:{name}':{width}}  not an attack on a score: it {reason}; {instead}"
    yield f"torchattacks {version('torchattacks')} is under the MIT licence."


def _defaults(name: str, offered: Offered) -> dict[str, Any]:
    try:
        import torchattacks
    except ImportError as error:
        raise UserError(
            "attacks of torchattacks need the package torchattacks: pip install --no-deps torchattacks "
            f"(its pin of an old `requests` is not needed) ({error})"
        ) from error
    signature = inspect.signature(getattr(torchattacks, name)).parameters
    return {parameter: signature[parameter].default for parameter in offered.parameters}
