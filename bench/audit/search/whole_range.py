"""A search that may change everything, and does not even reach the scores of other images."""

from ....attacks.tools.balls import LinfBall
from ..evidence import GREY_LEVEL, Evidence, share
from ..finding import Measured, indicator

STEP = 4 * GREY_LEVEL
STEPS = 20


@indicator(
    name="reaches the range",
    threshold=0.5,
    source="Athalye et al. 2018: unbounded attacks do not reach 100% success; Carlini et al. 2019; Pintor et "
    "al. 2022, 'unconstrained attack failure'",
    advice="Any image may be made of any other, so the attack fails and not the model's weakness: mend the "
    "attack before the number is believed.",
    doubtful="below",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images that come within a tenth of the end of the clean range at epsilon = 1."""
    ball, scorer = LinfBall(evidence.images, 1.0), evidence.views[evidence.best_view].scorer
    found, _ = evidence.climb(scorer, ball, evidence.searches[0].images, STEP, STEPS)
    low, high = evidence.ends
    goal = evidence.direction.clone()
    goal[evidence.direction > 0] = high
    goal[evidence.direction < 0] = low
    distance = ((goal - evidence.clean.value) * evidence.direction).clamp(min=0)
    value = share(evidence.gain(found) >= 0.9 * distance - 1e-6)
    return Measured(
        value,
        f"A search that may change every pixel to anything moves {value:.0%} of the images to the end "
        "of the clean images' scores.",
    )
