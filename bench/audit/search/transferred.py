"""Perturbations of another model that move scores further than the model's own gradients do."""

import torch

from ....attacks.tools.balls import LinfBall
from ....attacks.tools.gradient import undisturbed
from ..evidence import Evidence
from ..finding import Measured, indicator


@indicator(
    name="transfer beats white-box",
    threshold=0.1,
    source="Carlini et al. 2019; Pintor et al. 2022, indicator 'transferability'",
    advice="Report the number under transfer at least, and find out what hides the gradient.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images that another model's perturbations move further."""
    if evidence.source is None:
        return Measured(None, "Not measured: no other model was given whose perturbations could be tried.")
    with undisturbed(evidence.source), torch.no_grad():
        ball, step = LinfBall(evidence.images, evidence.epsilon), 2.5 * evidence.epsilon / evidence.steps
        found, _ = evidence.climb(evidence.source, ball, evidence.images, step, evidence.steps)
    value = evidence.share_beating(evidence.gain(found), evidence.white_box_gain)
    return Measured(
        value,
        "Perturbations found on another model move the score further than the model's own gradient on "
        f"{value:.0%} of the images.",
    )
