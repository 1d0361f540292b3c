"""Defences of a sweep: `median+flip` is two of them, in the order in which an image passes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from torch import nn

from ....models.defences.base import Defended
from ....models.defences.check import check_defence
from ...core import registry
from ...core.config import Settings
from ...core.configuration.values import ALL
from ...core.errors import UserError
from ...core.parameters import shown
from ...core.registry import version_of
from ...training.checkpoints import Checkpoint
from .tables import built, checked, class_told

NONE = "none"  # stands for no defence


class Step(NamedTuple):
    """A defence with all its parameters."""

    name: str  # of its table
    factory: registry.Factory  # what builds it
    params: dict[str, Any]  # all that it is called with
    told: dict[str, str]  # what keys hold besides parameters: see `class_told`


@dataclass(frozen=True)
class PlannedDefence:
    """A chain of defences."""

    steps: tuple[Step, ...]  # in the order in which an image passes them

    @property
    def name(self) -> str:
        """Names of the tables, joined by `+`."""
        return "+".join(step.name for step in self.steps)

    @property
    def stochastic(self) -> bool:
        """True where one of them draws random numbers."""
        return any(bool(getattr(step.factory, "stochastic", False)) for step in self.steps)

    @property
    def learning(self) -> Iterator[Step]:
        """Those of `steps` that are trained."""
        return (step for step in self.steps if getattr(step.factory, "recipe", "none") != "none")

    def around(self, model: nn.Module, learnt: Mapping[str, Checkpoint] | None = None) -> Defended:
        """Return a model behind the defences, in evaluation mode; those not in `learnt` are untrained."""
        steps = []
        for name, factory, params, _ in self.steps:
            step = factory(**params)
            if learnt and name in learnt:
                learnt[name].load_into(step)
            steps.append(step.requires_grad_(False))
        return Defended(model, steps).eval()

    def check(self) -> None:
        """Rehearse the defences of plugins by `iqabench.testing.check_defence`; our own are tested."""
        for name, factory, params, _ in self.steps:
            if registry.source_digest(factory):
                try:
                    check_defence(partial(factory, **params))
                    if factory(**params).stochastic and not getattr(factory, "stochastic", False):
                        raise UserError("it says `stochastic = True` in its __init__; say it in the class")
                except UserError as error:
                    raise UserError(f"defence {name!r}: {error}") from error

    def identity(self, weights: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """Return all of the defences that scores depend on, as JSON can hold it; with digests of weights."""
        return [
            {
                "name": name,
                "params": params | told,
                "version": version_of(factory),
                "source": registry.source_digest(factory),
                **({"weights": weights[name]} if name in weights else {}),
            }
            for name, factory, params, told in self.steps
        ]


def plan_defences(settings: Settings) -> list[PlannedDefence | None]:
    """Return the defences of the sweep, `None` for none; errors are those of `plan_defence`."""
    asked = settings.run.defences
    if asked == [ALL]:
        asked = [NONE, *dict.fromkeys([*registry.names("defences"), *settings.defences])]
    if not asked:
        raise UserError("[run]: defences: the list is empty; `none` stands for the model without a defence")
    return [plan_defence(settings, name) for name in dict.fromkeys(asked)]


def plan_defence(settings: Settings, text: Any, where: str = "[run]: defences") -> PlannedDefence | None:
    """Return the chain of defences that a text such as `median+flip` names; None for `none`.

    Raises:
        UserError: an unknown defence, or a parameter that is not accepted.
    """
    if text == NONE:
        return None
    if not isinstance(text, str) or not all(names := [part.strip() for part in text.split("+")]):
        raise UserError(f"{where}: found {shown(text)}, accepted are names joined by +, as in 'median+flip'")
    steps = []
    for name in names:
        factory, params, _ = checked(settings, "defences", name)
        built(factory, params, settings.where_table("defences", name))
        steps.append(Step(name, factory, params, class_told(settings, "defences", name)))
    return PlannedDefence(tuple(steps))


def one_after_the_other(first: PlannedDefence | None, then: PlannedDefence | None) -> PlannedDefence | None:
    """Return two chains as one."""
    if first is None or then is None:
        return first or then
    return PlannedDefence(first.steps + then.steps)
