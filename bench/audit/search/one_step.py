"""One step that moves scores further than many."""

from ..evidence import Evidence
from ..finding import Measured, indicator


@indicator(
    name="one step beats many",
    threshold=0.25,
    source="Athalye et al. 2018: one-step attacks perform better than iterative ones; Carlini et al. 2019",
    advice="The gradient leads astray after the first step: use `auto`, with more restarts.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images that one step to the ball's edge moves further than a whole search."""
    step = evidence.stepped(evidence.gradients[0][evidence.best_view], evidence.epsilon)
    one, many = evidence.gain(step), evidence.searches[0].gain
    value = evidence.share_beating(one, many)
    return Measured(
        value,
        f"One step moves the score further than {evidence.steps} steps on {value:.0%} of the images.",
    )
