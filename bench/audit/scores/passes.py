"""Two passes over the same images that differ."""

from ..evidence import Evidence, exactly
from ..finding import Measured, indicator

# Of a score or, if longer than 1, of the clean range: other kernels and orders of summation stay below it.
TOLERANCE = 1e-4


@indicator(
    name="passes differ",
    threshold=TOLERANCE,
    source="Croce et al. 2020, checks: randomised defences; Athalye et al. 2018, stochastic gradients",
    advice="Say `stochastic = True` in the model's class, so that attacks average over passes (EOT).",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the largest difference of a score between passes over the same images."""
    if evidence.stochastic:
        return Measured(None, "Not measured: the model says that its passes differ.")
    first, *again = (exactly(evidence.once(evidence.images)) for _ in range(4))
    value = max(evidence.changed(first, scores) for scores in again)
    change = evidence.amount(value)
    return Measured(value, f"The same images score up to {change} apart in passes one after another.")
