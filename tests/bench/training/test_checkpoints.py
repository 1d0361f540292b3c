import json
import pickle

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from iqabench import UserError
from iqabench.bench.training import checkpoints
from iqabench.bench.training.checkpoints import Checkpoint, load_weights, weights_digest

from ...flips import flipped


def small_model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_a_checkpoint_is_saved_with_a_card_and_loads_the_same_weights(tmp_path):
    model, other = small_model(), small_model()
    checkpoint = Checkpoint(tmp_path / "folder" / "model.safetensors")
    assert checkpoint.card() is None
    card = checkpoint.save(model, {"model": "small"})
    assert checkpoint.card() == card == {"model": "small", "weights": weights_digest(model)}
    checkpoint.load_into(other)
    assert weights_digest(other) == weights_digest(model)


def test_weights_without_a_card_are_not_a_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.safetensors")
    checkpoint.save(small_model(), {})
    checkpoint.card_path.unlink()
    assert checkpoint.card() is None


def test_the_digest_sees_every_tensor_and_nothing_else():
    model = small_model()
    before = weights_digest(model)
    assert weights_digest(model.eval()) == before
    for name, tensor in model.state_dict().items():
        tensor.add_(1)
        assert weights_digest(model) != before, name
        tensor.sub_(1)


def test_a_pickle_is_refused_unopened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    for name in ("weights.pth", "weights.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(UserError, match=name):
            load_weights(small_model(), tmp_path / name)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("0.weight"), "tensor '0.weight' is missing"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "'extra' is not one of the model's"),
        (lambda tensors: tensors.update({"0.bias": torch.zeros(5)}), "'0.bias' has another shape"),
    ],
)
def test_weights_of_another_model_are_refused_by_tensor(tmp_path, change, message):
    tensors = dict(small_model().state_dict())
    change(tensors)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=message):
        load_weights(small_model(), tmp_path / "w.safetensors")


def test_missing_and_truncated_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"w\.safetensors: no such weights file"):
        load_weights(small_model(), tmp_path / "w.safetensors")
    save_file(small_model().state_dict(), tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:-8])
    with pytest.raises(UserError, match=r"w\.safetensors: not a readable safetensors file"):
        load_weights(small_model(), tmp_path / "w.safetensors")


def test_a_broken_card_is_named_with_what_to_do(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.safetensors")
    checkpoint.save(small_model(), {})
    checkpoint.card_path.write_text("{")
    with pytest.raises(UserError, match=r"model\.json: not a readable model card.*delete it"):
        checkpoint.card()


def test_a_flipped_bit_of_the_weights_is_noticed_before_they_are_used(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.safetensors")
    checkpoint.save(small_model(), {})
    unlike = 0
    for bit in flipped(checkpoint.path):
        try:
            checkpoint.load_into(model := small_model())
        except UserError as error:
            unlike += "do not have the digest on its card" in str(error)
        else:
            assert weights_digest(model) == checkpoint.card()["weights"], bit
    assert unlike > 0


def test_a_flipped_bit_of_a_card_is_noticed(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.safetensors")
    card = checkpoint.save(
        small_model(), {"model": "small", "curve": [{"epoch": 1, "loss": 0.25}], "seed": 3}
    )
    refused = 0
    for bit in flipped(checkpoint.card_path):
        try:
            found = checkpoint.card()
            assert {key: found.get(key) for key in card} == card, bit
        except UserError as error:
            assert "not a readable model card" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 0


def test_a_card_of_an_earlier_version_has_no_checksum_and_is_read(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.safetensors")
    card = checkpoint.save(small_model(), {"model": "small"})
    checkpoint.card_path.write_text(json.dumps(card))
    assert checkpoint.card() == card


class TwoNames(nn.Module):
    """One module under two names."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3)
        self.b = self.a


def test_tensors_that_share_memory_are_stored_and_loaded(tmp_path):
    model, other = TwoNames(), TwoNames()
    checkpoint = Checkpoint(tmp_path / "a.safetensors")
    card = checkpoint.save(model, {})
    checkpoint.load_into(other)
    assert weights_digest(other) == card["weights"]


def test_a_full_disk_names_the_weights_that_could_not_be_written(tmp_path, monkeypatch):
    def full(tensors, path, metadata=None):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(OSError, match=r"No space left on device.*a\.safetensors"):
        Checkpoint(tmp_path / "a.safetensors").save(TwoNames(), {})
    assert not list(tmp_path.iterdir())
