"""A gradient that is zero or not finite is not taken for robustness: console, cell and results say so."""

import pandas as pd
import pytest

from iqabench.bench.store.results import read_results

PLUGIN = """

@iqabench.register_model("rounding")
class Rounding(Linear):
    '''Rounds its input to 256 grey levels, whose gradient is zero.'''

    def forward(self, images):
        return super().forward((255 * images).round() / 255)


@iqabench.register_model("rooted")
class Rooted(Linear):
    '''Adds the root of a dead channel, whose gradient is infinite and becomes NaN.'''

    def forward(self, images):
        return super().forward(images) + (0 * images).sqrt().sum((1, 2, 3))
"""


@pytest.mark.parametrize(
    ("model", "seen", "kind", "indicator"),
    [
        ("rounding", "zero", "zero_gradients", "blind gradient"),
        ("rooted", "not finite", "nonfinite_gradients", "gradient not finite"),
    ],
)
def test_fgsm_that_sees_no_usable_gradient_is_said_to_counted_and_flagged(
    sweep, tmp_path, model, seen, kind, indicator
):
    done, cells = sweep("--models", f"linear,{model}", "--attacks", "fgsm", "--epsilons", "0.5,4")
    assert (
        done.output.count("epsilon 0.5: not a whole number of grey levels, so images of 8 bits cannot") == 1
    )
    clean = pd.read_parquet(cells["none", 0.0].path)
    count = len(clean)
    assert done.output.count(f"{model}: fgsm saw a gradient that is {seen} in {count} of {count} cases") == 1
    assert "linear: fgsm saw" not in done.output
    for epsilon in (0.5, 4.0):
        of_model = cells["fgsm", epsilon]
        assert of_model.provenance["cell"]["model"] == model
        assert of_model.provenance["diagnostics"][kind] == count
        (flag,) = of_model.provenance["diagnostics"]["flags"]
        assert flag["indicator"] == indicator
    frame = read_results(tmp_path / "results", resamples=0).frame
    verdicts = frame[frame["attack"] == "fgsm"].groupby("model")["audit"].unique()
    assert list(verdicts[model]) == ["doubtful"]
    assert "doubtful" not in list(verdicts["linear"])
