"""How names and numbers read in a report: the paper's spelling, and one way to write a number."""

import json
import math
from collections.abc import Sequence

MODELS = {
    "dbcnn": "DBCNN",
    "nima": "NIMA",
    "resnet": "ResNet",
    "lwta": "LWTA",
    "denoise": "Denoise",
    "sat": "SAT",
    "cprl": "CPRL",
}
DATASETS = {"vcl": "VCL", "live": "LIVE", "livec": "LIVEC", "koniq": "KONIQ"}
ATTACKS = {"none": "no attack", "fgsm": "FGSM", "pgd": "PGD", "pgd_soft": "PGD (soft mask)"}
METRICS = {"srocc": "SROCC", "plcc": "PLCC", "mse": "MSE", "krocc": "KROCC", "rmse": "RMSE"}

HIGHER_IS_BETTER = {"srocc": True, "plcc": True, "mse": False, "krocc": True, "rmse": False}

READINGS = {
    "literal": "the (0.5 + b) K largest channels are active",
    "suppress_top": "all but the (0.5 − b) K largest channels are active",
    "keep_top": "the (0.5 − b) K largest channels are active",
    "argsort": "(0.5 + b) K channels are active, chosen by sort indices in place of ranks",
    "suppress_middle": "the (0.5 − b) K largest and as many smallest channels are active",
}
"""How Eq. 7 of the paper may be read, by the name that `models.cprl` gives to a reading."""

STAND_IN = "stands in for a database: its images are procedural and its labels computed, not given by people"

NOT_RUN = "–"


def model_name(name: str) -> str:
    """A model as the paper spells it, or by its own name."""
    return MODELS.get(name, name)


def dataset_name(name: str) -> str:
    """A dataset as the paper spells it, or by its own name."""
    return DATASETS.get(name, name)


def attack_name(name: str) -> str:
    """An attack as the paper spells it, or by its own name."""
    return ATTACKS.get(name, name)


def number(value: float, digits: int = 4) -> str:
    """A number with a true minus sign, as in `−0.3869`; a dash where it is undefined."""
    if math.isnan(value):
        return NOT_RUN
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0 makes a zero positive


def difference(value: float, published: float, digits: int = 4) -> str:
    """Measured minus published, as in `+0.0123`, of the numbers as they are printed."""
    gap = round(value, digits) - round(published, digits)
    return f"{round(gap, digits) + 0.0:+.{digits}f}".replace("-", "−")


def interval(low: float, high: float, digits: int = 3) -> str:
    """An interval in brackets, as in `[−0.412, 0.118]`; empty where it is undefined."""
    return "" if math.isnan(low) else f"[{number(low, digits)}, {number(high, digits)}]"


def listing(items: Sequence[str]) -> str:
    """Items as a phrase: `A`, `A and B`, `A, B and C`."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 model`, `7 models`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def agreeing(verb: str, count: int) -> str:
    """A verb in the number of its subject: `1 model loses`, `7 models lose`."""
    return f"{verb}s" if count == 1 else verb


def parameters(compact: str) -> str:
    """Parameters stored as JSON, to be read: `{"steps": 10}` is `steps 10`."""
    return ", ".join(f"{key} {value}" for key, value in json.loads(compact).items() if value is not None)
