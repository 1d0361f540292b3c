"""A catalogue of the attacks of torchattacks: those that run on a score, and why the others do not."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from ..tools.balls import Norm

_Count = Annotated[int, Field(ge=1)]
_Weight = Annotated[float, Field(ge=0)]
_Length = Annotated[float, Field(gt=0)]

PARAMETERS: dict[str, Any] = {
    **dict.fromkeys(("steps", "m", "N", "len_kernel", "eot_iter", "nb_iter", "nb_sample"), _Count),
    **dict.fromkeys(("noise_batch_size", "batch_max", "max_batch_size", "num_iter_set"), _Count),
    **dict.fromkeys(("decay", "beta", "noise_sd", "amplification", "project_factor"), _Weight),
    **dict.fromkeys(("resize_rate", "nsig", "delta"), _Length),
    "diversity_prob": Annotated[float, Field(ge=0, le=1)],
    "random_start": bool,
    "kernel_name": Literal["gaussian", "linear", "uniform"],
    "noise_type": Literal["guassian", "uniform"],  # as torchattacks spells it
}
"""Types of the parameters that are handed on, by torchattacks' name."""


@dataclass(frozen=True)
class Offered:
    """An attack that runs on a score."""

    parameters: tuple[str, ...] = ()  # those that are handed on, with torchattacks' defaults
    step: str | None = "alpha"  # the parameter that is the length of a step; None: it has none
    # the step's default, as a share of the radius: that of torchattacks' own two defaults
    share: float = 0.25
    radius: str = "eps"  # the parameter that is the radius
    norm: Norm = "linf"  # of the ball
    draws: bool = False  # whether it draws random numbers; images are then attacked one at a time
    needs_gradient: bool = True  # whether it can do nothing with a model that shows no gradient


_VARIANCE = ("steps", "decay", "N", "beta")
_DIVERSE = ("steps", "decay", "resize_rate", "diversity_prob", "random_start")
_SMOOTHED = ("steps", "noise_type", "noise_sd", "noise_batch_size", "batch_max")

OFFERED = {
    "FGSM": Offered(step=None),
    "BIM": Offered(("steps",)),
    "PGD": Offered(("steps", "random_start"), draws=True),
    "RFGSM": Offered(("steps",), draws=True),
    "FFGSM": Offered(share=1.25, draws=True),
    "MIFGSM": Offered(("steps", "decay")),
    "NIFGSM": Offered(("steps", "decay")),
    "SINIFGSM": Offered(("steps", "decay", "m")),
    "VMIFGSM": Offered(_VARIANCE, draws=True),
    "VNIFGSM": Offered(_VARIANCE, draws=True),
    "DIFGSM": Offered(_DIVERSE, draws=True),
    "TIFGSM": Offered((*_DIVERSE, "kernel_name", "len_kernel", "nsig"), draws=True),
    "EOTPGD": Offered(("steps", "eot_iter", "random_start"), draws=True),
    "UPGD": Offered(("steps", "random_start", "decay", "eot_iter"), draws=True),
    "PGDL2": Offered(("steps", "random_start"), share=0.2, norm="l2", draws=True),
    "PGDRS": Offered(_SMOOTHED, draws=True),
    "PGDRSL2": Offered(_SMOOTHED, share=0.2, norm="l2", draws=True),
    "SPSA": Offered(
        ("delta", "nb_iter", "nb_sample", "max_batch_size"),
        step="lr", share=1.0, draws=True, needs_gradient=False,
    ),
    "PIFGSM": Offered(("num_iter_set", "amplification"), step=None, radius="max_epsilon"),
    "PIFGSMPP": Offered(
        ("num_iter_set", "amplification", "project_factor"), step=None, radius="max_epsilon"
    ),
}  # fmt: skip
"""Attacks that run, by their names in torchattacks. SPSA's step is its radius, as it takes one."""

_BY_CLASS = "keeps an image for its class, not for how far its score moved"
_FOUR_CLASSES = "has a loss of at least three logits, and a score shows two"
_NO_RADIUS = "has no radius: it looks for the smallest perturbation that changes a class"

REFUSED = {
    "VANILA": ("does nothing", "the clean scores are in every sweep"),
    "GN": ("adds noise that no ball holds", "use `noise`"),
    "TPGD": (
        "climbs the divergence from the clean output, which rises upwards as it does downwards",
        "use `apgd`",
    ),
    "APGD": (_BY_CLASS, "use `apgd`, which is Auto-PGD on the score itself"),
    "APGDT": (_FOUR_CLASSES, "use `apgd`"),
    "Jitter": ("normalises two logits to constants, so that their gradient vanishes", "use `apgd`"),
    "AutoAttack": ("is made of attacks that stop as soon as the class changes", "use `auto`"),
    "Square": ("stops as soon as the class changes", "use `square`, which is Square on the score itself"),
    "FAB": (_NO_RADIUS, "use `apgd`"),
    "CW": (_NO_RADIUS, 'use `apgd` with `norm = "l2"`'),
    "DeepFool": (_NO_RADIUS, 'use `apgd` with `norm = "l2"`'),
    "EADEN": (_NO_RADIUS, 'use `apgd` with `norm = "l2"`'),
    "EADL1": (_NO_RADIUS, "use `apgd`"),
    "SparseFool": (_NO_RADIUS, "use `square`"),
    "OnePixel": ("changes a number of pixels without a bound on how far", "use `square`"),
    "Pixle": ("changes a number of pixels without a bound on how far", "use `square`"),
    "JSMA": ("changes a number of pixels without a bound on how far", "use `square`"),
    "MultiAttack": ("combines attacks until the class changes", "use `auto`"),
    "LGV": ("trains the model's weights further", "use `transfer`"),
}
"""Attacks that are refused, by their names in torchattacks: why, and what to use."""
