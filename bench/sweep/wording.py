"""The lines that a sweep prints while it works."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.text import plural
from ..training.fit import Curve, described


def between_levels(epsilons: Sequence[float]) -> list[str]:
    """Say of epsilons that are not whole numbers that no file of 8 bits holds such a perturbation."""
    parts = [f"{epsilon:g}" for epsilon in epsilons if epsilon != round(epsilon)]
    if not parts:
        return []
    return [
        f"epsilon {', '.join(parts)}: not a whole number of grey levels, so images of 8 bits cannot hold all "
        "of such a perturbation; the scores are of images in floating point"
    ]


def long_steps(attack: str, step_size: float, epsilon: float) -> str:
    """Say of an attack that each of its steps is longer than the largest ball is wide."""
    return (
        f"attack {attack}: step_size = {step_size:g} is {255 * step_size:g}/255, more than the width of the "
        f"largest ball, {2 * epsilon:g}/255, so each step ends on its border; a step of one grey level is "
        f"{1 / 255:.4f}"
    )


def narrow_labels(dataset: str, labels: tuple[float, float], scale: tuple[float, float]) -> str:
    """Say that labels may be on another scale than is stated, given their ends and those of the scale."""
    least, most = labels
    return (
        f"{dataset}: labels from {least:g} to {most:g} take up little of the scale from {scale[0]:g} "
        f"to {scale[1]:g}, so most images count as equally good: see `low` and `high` in [datasets.{dataset}]"
    )


def seen_in_training(dataset: str, trained_on: str, found: Sequence[tuple[str, str]]) -> str:
    """Say that test images are training images, too, each given with that one."""
    image, same = found[0]
    return (
        f"{dataset}: {len(found)} of the test images have the pixels of training images of {trained_on}, "
        f"such as {image} of {same}: a model that has seen them has an easier test; `scene` or `split` in "
        "the table of labels keeps them on one side"
    )


def put_off(title: str) -> str:
    """Say that a job waits."""
    return f"{title}: another process works on it; going on with the next"


def impossible(title: str, attacks: Sequence[str]) -> str:
    """Say that attacks are left out, because the model shows no gradient."""
    left_out = " and ".join(attacks)
    return (
        f"{title}: left out {left_out}, which need{'s' if len(attacks) == 1 else ''} a gradient; this model "
        "shows none that can be used. `square` and `auto` search without one"
    )


def bound_to_labels(title: str, attacks: Sequence[str]) -> str:
    """Say that attacks are left out, because the images have no labels."""
    return (
        f"{title}: left out {' and '.join(attacks)}: the images have no labels, and only attacks that give "
        "intervals of scores do without, such as `auto`, `apgd`, `square` and `torchattacks:NAME`"
    )


def trained(title: str, seconds: float, curve: Curve) -> str:
    """Say how a training went, with the loss terms of its last epoch."""
    last = {name: value for name, value in curve[-1].items() if name not in ("epoch", "learning_rate")}
    return f"{title}: trained in {seconds:.0f} s, {plural(len(curve), 'epoch')}, {described(last)}"


def flagged(title: str, attack: str, sentence: str) -> str:
    """Say why a number under an attack is doubtful."""
    return f"{title}: {attack} is doubtful: {sentence} See `iqabench audit`"


def otherwise(attack: str, image: str, before: float, now: float, clean: Path) -> str:
    """Say that an attacked model is not the one that the clean images were scored by."""
    return (
        f"{attack} attacks a model that gives {image} the score {now:.4g}, where {clean} has {before:.4g} "
        "under the same key: something has changed that keys do not name, such as a file that the model "
        "reads or a library; raise its `version`, or remove its cells"
    )


def scored(title: str, values: Mapping[str, float], *, labelled: bool = True) -> str:
    """Say how well a model ranks the images, clean and attacked; without labels, how far scores move."""
    shown = ", ".join(
        f"{condition} {'undefined' if math.isnan(value) else f'{value:z.3f}'}"
        for condition, value in values.items()
        if labelled or not math.isnan(value)
    )
    if labelled:
        return f"{title}: SROCC {shown}"
    return (
        f"{title}: no SROCC, as the images have no labels; median width of the intervals {shown or 'unknown'}"
    )


def named(title: str, count: int) -> str:
    """Say that reports show stored cells by the name that a configuration has for them now."""
    cells = plural(count, "stored cell")
    return f"{title}: {cells} of an earlier configuration; reports show them by this name now"


def saved(title: str, attack: str, epsilon: float, folder: Path, kept: float) -> str:
    """Say where images are, and the share of the change of scores that rounding to 8 bits leaves."""
    survives = "" if math.isnan(kept) else f"; {kept:.0%} of the change of scores survives rounding to 8 bits"
    return f"{title}: images of {attack} at {epsilon:g}/255 in {folder}{survives}"


def astray(attack: str, diagnostics: Mapping[str, Any]) -> str | None:
    """Say that another library's attack moved most scores the wrong way, or not at all; None: it did not."""
    returned, risen = diagnostics.get("returned_images", 0), diagnostics.get("risen_images", 0)
    if 2 * risen > returned or not returned:
        return None
    return (
        f"{attack} moved the score in the wanted direction in {risen} of {returned} cases (each image "
        f"upwards and downwards), and returned {diagnostics['unmoved_images']} images as they were: its "
        "intervals say little of this model; `auto` searches further"
    )


def blind(title: str, attack: str, kind: str, count: int, gradients: int) -> str:
    """Warn that an attack saw no usable gradient. `kind` is "zero" or "nonfinite"."""
    seen = "zero" if kind == "zero" else "not finite"
    return (
        f"{title}: {attack} saw a gradient that is {seen} in {count} of {gradients} cases: scores may look "
        "robust where the attack is only blind; `auto` also searches without one"
    )
