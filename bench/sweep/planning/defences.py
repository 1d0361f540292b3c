"""Defences of a sweep: `median+flip` is two of them, in the order in which an image passes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from ....models.defences.base import Defended
from ....models.defences.check import check_defence
from ...core import registry
from ...core.config import Settings
from ...core.configuration.values import ALL
from ...core.errors import UserError, located
from ...core.parameters import shown
from ...training.checkpoints import Checkpoint
from .tables import Method, checked

NONE = "none"  # stands for no defence


@dataclass(frozen=True)
class PlannedDefence:
    """A chain of defences."""

    steps: tuple[Method, ...]  # in the order in which an image passes them

    @property
    def name(self) -> str:
        """Names of the tables, joined by `+`."""
        return "+".join(step.name for step in self.steps)

    @property
    def stochastic(self) -> bool:
        """True where one of them draws random numbers."""
        return any(bool(getattr(step.factory, "stochastic", False)) for step in self.steps)

    @property
    def learning(self) -> Iterator[Method]:
        """Those of `steps` that are trained."""
        return (step for step in self.steps if getattr(step.factory, "recipe", "none") != "none")

    def around(self, model: nn.Module, learnt: Mapping[str, Checkpoint] | None = None) -> Defended:
        """Return a model behind the defences, in evaluation mode; those not in `learnt` are untrained."""
        built = [step.factory(**step.params).requires_grad_(False) for step in self.steps]
        for step, module in zip(self.steps, built, strict=True):
            if learnt and step.name in learnt:
                learnt[step.name].load_into(module)
        return Defended(model, built).eval()

    def check(self) -> None:
        """Rehearse the defences of plugins by `iqabench.testing.check_defence`; our own are tested."""
        for step in self.steps:
            if step.source:
                build = partial(step.factory, **step.params)
                with located(f"defence {step.name!r}"):
                    check_defence(build)
                    if build().stochastic and not getattr(step.factory, "stochastic", False):
                        raise UserError("it says `stochastic = True` in its __init__; say it in the class")

    def identity(self, weights: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """Return all of the defences that scores depend on, as JSON can hold it; with digests of weights."""
        return [
            {
                "name": step.name,
                "params": step.params | step.told,
                "version": step.version,
                "source": step.source,
                **({"weights": weights[step.name]} if step.name in weights else {}),
            }
            for step in self.steps
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
        step, _ = checked(settings, "defences", name)
        step.called(step.params)
        steps.append(step)
    return PlannedDefence(tuple(steps))
