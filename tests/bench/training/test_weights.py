"""Files of weights from elsewhere are read without running anything, and taken out of their envelopes."""

import argparse
import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from iqabench import UserError
from iqabench.bench.training.weights import read_weights

STATE = nn.Conv2d(3, 2, 3).state_dict()
OUT, OFF = "the entry '{}' was taken out", "the prefix 'module.' was taken off"


def prefixed(prefix):
    return {prefix + name: tensor for name, tensor in STATE.items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (STATE, ""),
        ({"state_dict": STATE, "epoch": 3, "lr": 0.1}, OUT.format("state_dict")),
        ({"model": {"params": prefixed("module.")}}, f"{OUT.format('model')}; {OUT.format('params')}; {OFF}"),
        (prefixed("_orig_mod."), "the prefix '_orig_mod.' was taken off"),
        (prefixed("module._orig_mod."), f"{OFF}; the prefix '_orig_mod.' was taken off"),
    ],
)
def test_envelopes_and_prefixes_are_taken_off_and_said(tmp_path, content, said):
    torch.save(content, tmp_path / "best.pth")
    found, told = read_weights(tmp_path / "best.pth")
    assert told == said
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_safetensors_are_opened_in_the_same_way(tmp_path):
    save_file(prefixed("module."), tmp_path / "best.safetensors")
    assert read_weights(tmp_path / "best.safetensors")[0].keys() == STATE.keys()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nn.Conv2d(3, 2, 3), r"refused, because it holds more than tensors.*nn\.modules\.conv\.Conv2d"),
        ({"state_dict": STATE, "args": argparse.Namespace(lr=1)}, r"refused.*argparse\.Namespace"),
        ({"epoch": 3}, "holds no state dictionary, but epoch"),
        ([1, 2], "holds no state dictionary, but list"),
        ({}, "holds no state dictionary, but nothing"),
    ],
)
def test_what_is_not_a_state_dictionary_is_refused_in_one_sentence(tmp_path, content, message):
    torch.save(content, tmp_path / "best.pth")
    with pytest.raises(UserError, match=message) as raised:
        read_weights(tmp_path / "best.pth")
    assert "\n" not in str(raised.value)


def test_a_text_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "best.pth").write_text("not weights")
    for name, message in (("best.pth", r"best\.pth: "), ("none.pth", "no such weights file")):
        with pytest.raises(UserError, match=message):
            read_weights(tmp_path / name)


def test_a_damaged_pickle_is_an_error_that_names_the_file_whatever_torch_makes_of_it(tmp_path):
    file, draw, refused = tmp_path / "best.pth", np.random.default_rng(0), 0
    torch.save(STATE, file)
    honest = file.read_bytes()
    begins = honest.index(b"\x80\x02")  # of the pickle inside
    for _ in range(300):
        content = bytearray(honest)
        content[begins + draw.integers(400)] = draw.integers(256)
        file.write_bytes(content)
        try:
            read_weights(file)
        except UserError as error:
            assert "best.pth: " in str(error)  # noqa: PT017 some damages are none
            refused += 1
    assert refused > 100


def test_a_file_that_may_not_be_read_is_said_to_be_one(tmp_path, monkeypatch):
    save_file(STATE, tmp_path / "best.safetensors")

    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"best\.safetensors: .*Permission denied"):
        read_weights(tmp_path / "best.safetensors")
