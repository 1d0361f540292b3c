"""Attacks: perturbations inside an L-inf ball that make a quality score wrong. One file per attack.

The contract: `perturb(model, images, labels, epsilons, *, generator=None)` yields one adversarial batch
per epsilon, in order, inside the L-inf ball and [0, 1]. Epsilons are in pixel units of [0, 1]. An attack
leaves the model as it found it, and gives an image the same perturbation whatever batch it comes in.
"""

from typing import TYPE_CHECKING, Any

import lazy_loader

from ..bench.core import registry
from ..bench.core.parameters import complete_parameters

if TYPE_CHECKING:
    from .base import Attack
    from .tools.bisection import Realisation, realise

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"base": ["Attack"], "tools.bisection": ["Realisation", "realise"]}
)

__all__ = ["Attack", "Realisation", "create_attack", "realise"]


def create_attack(name: str, **params: Any) -> "Attack":
    """Build a registered attack by name.

    Args:
        name: One of `iqabench list attacks`, or registered by a plugin.
        params: Its constructor's parameters; the shared names are `steps`, `step_size` (in pixel units
            of [0, 1]), `random_start` and `seed`.

    Raises:
        UserError: unknown name or parameter, or a value of the wrong type.
    """
    factory = registry.resolve("attacks", name)
    attack: Attack = factory(**complete_parameters(factory, params, where=f"attack {name!r}"))
    return attack
