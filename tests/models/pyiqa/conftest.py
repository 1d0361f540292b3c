"""Metrics of pyiqa with random weights in its own file formats, and no network."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

pytest.importorskip("pyiqa")

from iqabench.benchmarks.random_weights import write_random_weights
from iqabench.models import create_model
from iqabench.models.pyiqa.library import resolve


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("asks for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever this machine holds of weights is out of reach."""
    monkeypatch.setenv("HOME", str(tmp_path))
    before = torch.hub._hub_dir
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield
    torch.hub._hub_dir = before


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a folder with random weights of a metric."""
    folder = tmp_path_factory.mktemp("pyiqa")
    written: set[str] = set()

    def write(name: str) -> Path:
        if name not in written:
            write_random_weights(name, resolve(name).options, folder)
            written.add(name)
        return folder

    return write


@pytest.fixture
def metric(weights: Callable[[str], Path]) -> Callable[[str], nn.Module]:
    """Build a metric with random weights."""
    return lambda name: create_model(f"pyiqa:{name}", weights_dir=str(weights(name))).eval()
