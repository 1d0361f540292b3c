"""The metrics of pyiqa by name, and what is known of each without building it."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import metadata
from typing import TYPE_CHECKING, Any

from ...bench.core.errors import UserError, nearest
from ..adapted.scale import Scale
from .facts import UNSUITED, facts_of, measured

if TYPE_CHECKING:
    from .metric import PyiqaMetric

_MISSING = 'metrics of pyiqa need the package pyiqa: pip install "iqabench[pyiqa]"'


@cache
def resolve(name: str) -> "type[PyiqaMetric]":
    """Return the model of a metric of pyiqa.

    Raises:
        UserError: pyiqa is missing, has no such metric, or has one that cannot be a model.
    """
    configurations = _configurations()
    if name not in configurations:
        raise UserError(f"unknown metric of pyiqa {name!r}: {nearest(name, names())}")
    reason = _unsuited(configurations[name])
    if reason:
        raise UserError(f"pyiqa:{name} cannot be a model here: it {reason}")
    from .metric import PyiqaMetric

    facts = facts_of(name)
    return type(
        "PyiqaMetric",
        (PyiqaMetric,),
        {
            "__doc__": f"The metric {name} of pyiqa.",
            "__module__": PyiqaMetric.__module__,
            "metric": name,
            "options": dict(configurations[name]["metric_opts"]),
            "scale": _scale(configurations[name]),
            "facts": facts,
            "black_box": facts.gradient != "yes",
            "full_reference": configurations[name]["metric_mode"] == "FR",
        },
    )


def names(*, full_reference: bool = False) -> list[str]:
    """Return the names of metrics that can be models, with a reference or not; a UserError without pyiqa."""
    mode = "FR" if full_reference else "NR"
    return sorted(
        name
        for name, configuration in _configurations().items()
        if configuration["metric_mode"] == mode and not _unsuited(configuration)
    )


def lines() -> Iterator[str]:
    """Yield what `iqabench list models --library pyiqa` prints: a line for each metric, and the licence.

    Raises:
        UserError: pyiqa is missing.
    """
    configurations = _configurations()
    width = max(map(len, configurations)) + len("pyiqa:")
    gradients = {
        "yes": "gradient",
        "zero": "zero gradient: black-box attacks",
        "none": "no gradient: black-box attacks",
    }
    for name in sorted(configurations):
        reason = _unsuited(configurations[name])
        if reason:
            yield f"{f'pyiqa:{name}':{width}}  not a model: it {reason}"
            continue
        facts = facts_of(name)
        known = name in measured()
        files = ", ".join(facts.files) or ("none" if known else "named when it is built")
        gradient = gradients[facts.gradient] if known else "gradient not measured"
        side = f"; sides from {facts.side} px" if facts.side else ""
        yield (
            f"{f'pyiqa:{name}':{width}}  {_scale(configurations[name])}; {gradient}{side}; "
            f"weights: {files}{'; needs references' * (configurations[name]['metric_mode'] == 'FR')}"
        )
    package = metadata("pyiqa")
    yield (
        f"pyiqa {package['Version']} is under {package['License-Expression'] or package['License']}; "
        "it states no licence for each metric's weights: look at the page of its authors."
    )


def _configurations() -> dict[str, Any]:
    try:
        from pyiqa.default_model_configs import DEFAULT_CONFIGS
    except ImportError as error:
        raise UserError(f"{_MISSING} ({error})") from error
    return dict(DEFAULT_CONFIGS)


def _scale(configuration: dict[str, Any]) -> Scale:
    return Scale.parse(configuration.get("score_range"), bool(configuration.get("lower_better")))


def _unsuited(configuration: dict[str, Any]) -> str | None:
    return UNSUITED.get(configuration["metric_opts"]["type"])
