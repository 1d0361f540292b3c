import math

import numpy as np
import pytest
import torch
from torch import nn

from iqabench.bench.core.configuration.tables import AdversarialSettings, TrainingSettings
from iqabench.bench.core.integrity import Damaged
from iqabench.bench.core.progress import Progress
from iqabench.bench.training.checkpoints import weights_digest
from iqabench.bench.training.fit import TrainingData, TrainingRun, fit, learning_rate
from iqabench.bench.training.precision import precision_on
from iqabench.bench.training.regimes import CleanRegime
from iqabench.bench.training.snapshot import Snapshot

from ...flips import flipped

SETTINGS = TrainingSettings(
    epochs=4,
    batch_size=4,
    learning_rate=1e-2,
    weight_decay=0.01,
    schedule="cosine",
    flip=True,
    pretrained=False,
    adversarial=AdversarialSettings(attack="fgsm", epsilon=1, prior_natural=0.5, prior_adversarial=0.5),
)


class DrawnPixels:
    """Stands in for the pixel cache: image i has brightness i / N."""

    def __init__(self, images: int) -> None:
        self.images = images

    def train_batch(self, rows, generator, *, flip):
        generator.random(len(rows))  # a crop would draw
        brightness = torch.tensor(rows) * 255 // self.images
        return brightness.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()


class Brightness(nn.Module):
    """Sees brightness only; has batch norm and dropout, whose state a resumed run must restore too."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
        )

    def forward(self, images):
        return torch.sigmoid(self.body(images.mean(dim=(2, 3)))).squeeze(1)


def run_in(tmp_path, settings=SETTINGS, images=40, **changes):
    quality = np.arange(images) / images
    data = TrainingData(DrawnPixels(images), np.arange(images), quality)
    arguments = {
        "data": data,
        "settings": settings,
        "regime": CleanRegime(),
        "seed": 0,
        "device": torch.device("cpu"),
        "snapshot": tmp_path / "snapshot",
        "progress": Progress(show=False),
    }
    return TrainingRun(**{**arguments, **changes})


def test_the_loss_falls_and_the_curve_has_a_row_per_epoch(tmp_path):
    curve = fit(Brightness(), run_in(tmp_path, SETTINGS.model_copy(update={"epochs": 20})))
    assert [row["epoch"] for row in curve] == list(range(1, 21))
    assert curve[-1]["loss"] < 0.6 * curve[0]["loss"]


def test_bf16_trains_float32_weights_to_nearly_the_loss_of_float32(tmp_path, with_bf16):
    with_bf16(True)
    losses = {}
    for precision in ("fp32", "bf16"):
        model = Brightness()
        settings = SETTINGS.model_copy(update={"epochs": 20, "precision": precision})
        losses[precision] = [row["loss"] for row in fit(model, run_in(tmp_path / precision, settings))]
        assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"][-1] == pytest.approx(losses["fp32"][-1], rel=0.2)
    assert losses["bf16"][-1] < 0.6 * losses["bf16"][0]


def test_a_cpu_without_bf16_trains_in_float32(tmp_path, with_bf16):
    with_bf16(False)
    assert precision_on(torch.device("cpu"), "bf16") == "fp32"
    digests = []
    for precision in ("fp32", "bf16"):
        model = Brightness()
        fit(model, run_in(tmp_path / precision, SETTINGS.model_copy(update={"precision": precision})))
        digests.append(weights_digest(model))
    assert digests[0] == digests[1]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    digests = []
    for seed in (0, 0, 1):
        model = Brightness()
        fit(model, run_in(tmp_path, seed=seed))
        digests.append(weights_digest(model))
    assert digests[0] == digests[1] != digests[2]


class Killed(Progress):
    """Ends like Ctrl-C after a number of batches."""

    def __init__(self, batches):
        super().__init__(show=False)
        self.left = batches

    def advance(self, images):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def assert_resumes(tmp_path, model, *, batches):
    """See that a run that was interrupted after some batches ends in the weights of one that was not."""
    unbroken, resumed, snapshot = model(), model(), tmp_path / f"killed-after-{batches}"
    fit(unbroken, run_in(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        fit(model(), run_in(tmp_path, snapshot=snapshot, progress=Killed(batches)))
    assert len(fit(resumed, run_in(tmp_path, snapshot=snapshot))) == SETTINGS.epochs
    assert weights_digest(resumed) == weights_digest(unbroken)


@pytest.mark.parametrize("epoch", range(1, SETTINGS.epochs))
def test_a_run_interrupted_in_any_epoch_resumes_to_the_same_weights(tmp_path, monkeypatch, epoch):
    monkeypatch.setattr(Snapshot.__init__, "__defaults__", (0.0,))  # save after every epoch
    assert_resumes(tmp_path, Brightness, batches=epoch * 10 + 3)


@pytest.mark.parametrize("content", [b"", b"not safetensors", bytes(1000)])
def test_a_damaged_snapshot_means_starting_again_and_is_said(tmp_path, content):
    said = []

    class Saying(Progress):
        def line(self, text):
            said.append(text)

    (tmp_path / "snapshot").write_bytes(content)
    assert len(fit(Brightness(), run_in(tmp_path, progress=Saying(show=False)))) == SETTINGS.epochs
    (line,) = said
    assert line.startswith(f"training: starts again, as {tmp_path / 'snapshot'} is of no use: ")


def test_a_flipped_bit_of_a_snapshot_is_noticed_before_anything_is_loaded(tmp_path):
    def trained():
        model = Brightness()
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.rand(4, 3, 8, 8)).sum().backward()
        optimizer.step()
        return model, {"adam": optimizer}

    snapshot, (model, optimizers) = Snapshot(tmp_path / "snapshot", every=0.0), trained()
    snapshot.save_if_due(model, optimizers, {"curve": [{"epoch": 1, "loss": 0.25}]})
    other, others = trained()
    before = weights_digest(other)
    for _ in flipped(snapshot.path):
        with pytest.raises(Damaged):
            snapshot.restore(other, others)
        assert weights_digest(other) == before
    assert snapshot.restore(other, others) == {"curve": [{"epoch": 1, "loss": 0.25}]}
    assert weights_digest(other) == weights_digest(model)


def test_a_snapshot_of_another_model_is_not_loaded(tmp_path):
    snapshot = Snapshot(tmp_path / "snapshot", every=0.0)
    snapshot.save_if_due(nn.Linear(3, 1), {}, {"curve": []})
    with pytest.raises(Damaged, match="another model"):
        snapshot.restore(Brightness(), {})


def test_training_stops_where_the_loss_is_no_number(tmp_path):
    model = Brightness()
    with torch.no_grad():
        model.body[0].weight.fill_(math.nan)
    curve = fit(model, run_in(tmp_path))
    assert len(curve) == 1
    assert math.isnan(curve[0]["loss"])


def test_every_image_is_seen_once_an_epoch_in_an_order_of_the_epochs_own(tmp_path):
    data = run_in(tmp_path, images=40).data
    epochs = [
        torch.cat([labels.quality for _, labels in data.batches(epoch, seed=0, batch_size=4, flip=False)])
        for epoch in (0, 1)
    ]
    for seen in epochs:
        assert sorted((seen * 40).round().int().tolist()) == list(range(40))
    assert not torch.equal(*epochs)


def test_the_cosine_schedule_rises_for_a_tenth_and_falls_to_zero():
    rates = [learning_rate(SETTINGS, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[9] == rates[10] == max(rates) == SETTINGS.learning_rate
    assert rates[55] == pytest.approx(SETTINGS.learning_rate / 2)  # half-way down
    assert rates[99] < 1e-5
    constant = SETTINGS.model_copy(update={"schedule": "constant"})
    assert {learning_rate(constant, step, 100) for step in range(100)} == {SETTINGS.learning_rate}
