"""A search without gradients that moves scores further than one with them."""

import torch

from ....attacks.square import Square
from ....attacks.tools.balls import LinfBall
from ....attacks.tools.objectives import Objective
from ....attacks.tools.victim import Victim
from ..evidence import Evidence
from ..finding import Measured, indicator


@indicator(
    name="black-box beats white-box",
    threshold=0.1,
    source="Athalye et al. 2018; Carlini et al. 2019; Croce et al. 2020, checks: Square improves on APGD",
    advice="Report the black-box number at least, with more queries, and find out what hides the gradient.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images that Square moves further than projected gradient ascent."""
    towards: Objective = lambda scores, _: scores * evidence.direction.to(scores)  # noqa: E731
    labels = torch.zeros_like(evidence.images[:, 0, 0, 0])
    victim = Victim(evidence.model, evidence.images, labels, towards)
    victim = victim.averaged(2 if evidence.stochastic else 1)
    ball = LinfBall(evidence.images, evidence.epsilon)
    queries = evidence.queries // (2 if evidence.stochastic else 1)
    found = Square(seed=evidence.seed, queries=queries).search(victim, ball, evidence.images)
    value = evidence.share_beating(evidence.gain(found), evidence.white_box_gain)
    return Measured(
        value,
        f"A black-box search of {queries} queries moves the score further than a search with "
        f"gradients on {value:.0%} of the images.",
    )
