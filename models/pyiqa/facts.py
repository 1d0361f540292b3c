"""Facts about pyiqa's metrics, measured by `benchmarks/pyiqa_metrics.py`, and why some cannot be models."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNSUITED = {
    "FID": "compares two sets of images, and gives a single image no score",
    "InceptionScore": "scores a set of images, and gives a single image no score",
    "CLIPScore": "compares an image with a caption, which a quality dataset does not have",
    "QAlign": "is a language model of billions of weights, loaded by running code that comes with it",
    "QReAlign": "is a language model of billions of weights, of the library transformers",
    "Compare2Score": "is a language model of billions of weights, loaded by running code that comes with it",
    "FGResQ": "takes its backbone from the library transformers, which looks for it on the network",
}
"""Reasons why metrics cannot be models, by their classes in pyiqa."""


FILE = Path(__file__).with_name("facts.csv")


@dataclass(frozen=True)
class Facts:
    """Measured facts about one metric."""

    # "yes"; "zero": zero at every pixel; "none": the score does not depend on the pixels through
    # differentiable operations
    gradient: str = "yes"
    batched: bool = False  # whether several images at once get the scores that each gets alone
    side: int = 0  # the smallest side of an image that it scores, of those tried
    files: tuple[str, ...] = ()  # the files of weights that it reads


@cache
def measured() -> dict[str, Facts]:
    """Return the facts by the name of the metric."""
    rows = csv.DictReader(FILE.read_text(encoding="utf-8").splitlines())
    return {
        row["metric"]: Facts(
            row["gradient"], row["batched"] == "yes", int(row["side"]), tuple(row["files"].split())
        )
        for row in rows
    }


def facts_of(metric: str) -> Facts:
    """Return the facts of a metric; of one that was not measured, what holds for any."""
    return measured().get(metric, Facts())
