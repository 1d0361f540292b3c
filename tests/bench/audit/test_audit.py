"""Honest models are not flagged, and the report says what it should."""

import copy
import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from iqabench.bench.audit.audit import INDICATORS, audit
from iqabench.bench.audit.finding import Finding
from iqabench.models.adapted.adapter import Adapter

from .conftest import Small, trained


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_model_is_sound(seed, data):
    report = audit(trained(seed), *data)
    assert [finding.sentence for finding in report.flagged] == []
    assert report.srocc > 0.9


def test_a_network_that_was_never_trained_is_sound(data):
    torch.manual_seed(3)
    assert audit(Small().eval(), *data).flagged == []


@pytest.mark.parametrize(("mean", "unit"), [(3e3, 200), (1e6, 3e4)])
def test_an_honest_model_on_a_scale_without_bounds_is_sound(data, mean, unit):
    """Scores around 3,000, mapped into [0, 1], lie within 0.0001 of one another, around a million in 1e-7."""

    class Large(Small):
        def forward(self, images):
            return mean + unit * self.logits(images).double()

    model = Adapter(Large(), score_range="unbounded")
    model.load_state_dict(Adapter(trained(0)).state_dict())
    report = audit(model.eval(), *data)
    assert [finding.sentence for finding in report.flagged] == []


class Raw(Small):
    """Scores that reach 100,000, whose rounding in float32 is larger than any change of a score in [0, 1]."""

    def forward(self, images):
        return 3e4 * self.logits(images)


def test_an_honest_model_whose_scores_are_large_is_sound(data):
    model = Raw()
    model.load_state_dict(trained(0).state_dict())
    assert [finding.sentence for finding in audit(model.eval(), *data).flagged] == []


def test_large_scores_that_depend_on_the_batch_are_flagged_with_the_share_of_their_range(data):
    class OfBatch(Raw):
        def forward(self, images):
            return super().forward(images) + 1e3 * len(images)

    model = OfBatch()
    model.load_state_dict(trained(0).state_dict())
    sentences = [finding.sentence for finding in audit(model.eval(), *data).flagged]
    assert any(re.search("by up to .* of the clean range with the images", one) for one in sentences)


class Around(nn.Module):
    def __init__(self, honest):
        super().__init__()
        self.honest = honest


class SmoothlyRandom(Around):
    """Adds noise to the image, and says so."""

    stochastic = True

    def forward(self, images):
        return self.honest(images + 0.02 * torch.randn_like(images))


def test_a_declared_random_model_is_sound(copied, data):
    report = audit(SmoothlyRandom(copied), *data)
    assert report.stochastic
    assert report.flagged == []


def test_the_same_model_is_doubtful_when_it_does_not_say_that_it_is_random(copied, data):
    report = audit(SmoothlyRandom(copied), *data, stochastic=False)
    assert "passes differ" in [finding.indicator for finding in report.flagged]


class Rounded(Around):
    """Rounds its input, and offers a backward pass that sees through the rounding."""

    straight = False

    def backward_passes(self):
        return ("straight",)

    @contextmanager
    def backward_through(self, name):
        self.straight = True
        yield
        self.straight = False

    def forward(self, images):
        rounded = (images * 255).round() / 255
        return self.honest(images + (rounded - images).detach() if self.straight else rounded)


def test_an_offered_backward_pass_counts_as_the_models_gradient(copied, data):
    found = {finding.indicator: finding for finding in audit(Rounded(copied), *data).findings}
    for indicator in (
        "blind gradient",
        "gradient sideways",
        "black-box beats white-box",
        "reaches the range",
    ):
        assert not found[indicator].flagged, indicator


class Deaf(Around):
    """Shows no gradient for what the other model shows."""

    def forward(self, images):
        return self.honest(images.detach()) + 1e-3 * images.mean((1, 2, 3))


def test_perturbations_of_another_model_tell_of_a_hidden_gradient(honest, copied, data):
    def transfer(model):
        findings = audit(model, *data, source=honest).findings
        return next(finding for finding in findings if finding.indicator == "transfer beats white-box")

    assert transfer(Deaf(copied)).flagged
    assert not transfer(copied).flagged


def test_a_model_and_torchs_random_numbers_are_left_as_they_were(copied, data):
    copied.train()
    weights, random = copy.deepcopy(copied.state_dict()), torch.get_rng_state()
    audit(copied, *data)
    assert copied.training
    assert copied.head.weight.requires_grad
    assert all(torch.equal(tensor, weights[name]) for name, tensor in copied.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_an_audit_gives_the_same_report_twice(honest, data):
    first, second = (audit(honest, *data) for _ in range(2))
    assert first == second


def test_too_few_images_are_refused(honest, data):
    with pytest.raises(ValueError, match="at least 4 images, got 3"):
        audit(honest, data[0][:3], data[1][:3])


def test_every_indicator_has_a_source_and_says_what_to_do():
    names = [indicator.name for indicator in INDICATORS]
    assert len(set(names)) == len(names) >= 14
    for indicator in INDICATORS:
        assert indicator.source.startswith("ours") or re.search(r"\b20(18|19|20|21|22)\b", indicator.source)
        assert indicator.advice.endswith(".")


@pytest.mark.parametrize(
    ("value", "doubtful", "flagged"),
    [
        (0.1, "above", False),
        (0.11, "above", True),
        (0.1, "below", False),
        (0.09, "below", True),
        (float("nan"), "above", True),
        (float("nan"), "below", True),
        (None, "above", False),
    ],
)
def test_a_number_is_flagged_beyond_its_threshold(value, doubtful, flagged):
    assert Finding("it", value, 0.1, doubtful, "", "", "").flagged is flagged


def test_the_record_holds_json_and_the_text_every_sentence(honest, data):
    report = audit(honest, *data)
    record = json.loads(json.dumps(report.record(), allow_nan=False))
    assert record["verdict"] == "sound"
    assert len(record["findings"]) == len(INDICATORS)
    text = " ".join(report.in_words("mine").split())
    assert "mine: sound" in text
    assert all(finding.sentence in text for finding in report.findings)


def test_the_page_has_a_row_for_each_indicator_with_its_threshold():
    page = (Path(__file__).resolve().parents[3] / "docs/audit.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| [^|]+ \| ([<>] [\d.]+) \|", page, re.MULTILINE))
    signs = {"above": ">", "below": "<"}
    assert rows == {one.name: f"{signs[one.doubtful]} {one.threshold:g}" for one in INDICATORS}
