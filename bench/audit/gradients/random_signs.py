"""Random signs that move a score further than the signs of its gradient."""

from ..evidence import Evidence, share
from ..finding import Measured, indicator


@indicator(
    name="random beats gradient",
    threshold=0.25,
    source="Athalye et al. 2018: random sampling finds what gradient descent does not; Carlini et al. 2019",
    advice="The gradient does not point where the score moves: take gradients by finite differences, and "
    "find out what hides the true one.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images that a random small step moves as far as one along the gradient."""
    value = share(evidence.random_gain >= evidence.step_gain)
    return Measured(
        value,
        f"On {value:.0%} of the images a small step along random signs moves the score at least as far "
        "as one along the gradient.",
    )
