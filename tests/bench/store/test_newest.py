"""The newest of several rows for one condition counts, within one version of model and attack."""

import pytest

from iqabench.bench.store.newest import newest

from ...fabricated import results

OLD, NEW = "2030-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00"
FGSM = {"attack": "fgsm", "epsilon": 1.0}
STRONGER = {"attack": "fgsm", "epsilon": 2.0}


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([{"created": NEW}, {"created": OLD}], [0]),
        ([{"created": None}, {"created": OLD}], [1]),
        ([{"weights": "a", "created": OLD}, {"weights": "b", "created": NEW}], [1]),
        ([{"limit": 16, "created": NEW}, {"created": OLD}], [1]),
        ([{"limit": 16, "created": NEW}, {"limit": 60, "created": OLD}], [1]),
        ([{"model_version": 2, "created": OLD}, {"created": NEW}], [0]),
        ([{"model_version": 2, "limit": 16}, {}], [0]),
        ([{"dataset_version": 2}, {"weights": "b", "created": NEW}], [0]),
        ([{**FGSM, "attack_version": 2, "created": OLD}, {**FGSM, "created": NEW}], [0]),
        ([{**FGSM, "attack_version": 2}, STRONGER], [0]),
        ([FGSM, {**STRONGER, "attack_params": "other"}, {}], [0, 1, 2]),
        ([{"model_version": 2}, {**FGSM, "weights": "b"}], [0]),
        ([{"model_version": 2}, {"model": "cprl"}], [0, 1]),
        ([{}, FGSM, {"attack": "rank", "epsilon": 1.0, "batch_size": 16, "created": NEW}], [0, 1, 2]),
        ([{"batch_size": 4}, {**FGSM, "batch_size": 4}, {"batch_size": 16, "created": NEW}], [2]),
    ],
    ids=[
        "the later date",
        "a date before none",
        "the later weights",
        "all test images before the later date",
        "more test images before the later date",
        "the higher version of the model",
        "the higher version of the model before all test images",
        "the higher version of the dataset",
        "the higher version of the attack",
        "no strength of an attack from another version of it",
        "every strength, whatever the parameters",
        "no attack on another version of the model",
        "each model by itself",
        "the batch of an attack that depends on it is no version of the model",
        "the batch of a stochastic model is",
    ],
)
def test_what_counts(rows, kept):
    frame = results(*rows).frame
    assert list(newest(frame, ["dataset", "model", "seed"]).index) == kept
    assert list(newest(frame[::-1], ["dataset", "model", "seed"]).index) in (kept, kept[::-1])
