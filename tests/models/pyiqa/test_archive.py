"""A TorchScript archive gives its tensors and runs nothing."""

import zipfile

import pytest
import torch
from torch import nn

from iqabench import UserError
from iqabench.models.pyiqa.archive import ArchivedTensors


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(1, 12))
        self.biases = nn.Parameter(torch.randn(1))

    def forward(self, features):
        return features @ self.weights.T + self.biases


def saved(module, path):
    torch.jit.save(torch.jit.script(module), path)
    return path


@pytest.mark.filterwarnings("ignore")
def test_tensors_are_those_that_torch_reads(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(2, 2).half()))
    path = saved(module, tmp_path / "module.pt")
    ours, theirs = ArchivedTensors(path).state_dict(), torch.jit.load(path).state_dict()
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore")
def test_a_linear_regressor_scores_as_the_program_does(tmp_path):
    path = saved(Regressor(), tmp_path / "regressor.pt")
    features = torch.randn(5, 12)
    layer = ArchivedTensors(path).linear()
    assert layer is not None
    torch.testing.assert_close(layer(features), torch.jit.load(path)(features))


@pytest.mark.filterwarnings("ignore")
def test_another_program_is_not_run(tmp_path):
    archive = ArchivedTensors(saved(nn.Linear(3, 1), tmp_path / "linear.pt"))
    assert archive.linear() is None
    with pytest.raises(UserError, match="does not run"):
        archive(torch.zeros(1, 3))


def test_an_archive_with_another_class_is_refused(tmp_path):
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/code/x.py", "")
        archive.writestr("evil/data.pkl", b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match=r"os\.system"):
        ArchivedTensors(path)


def test_what_is_no_archive_is_said_as_torch_says_it(tmp_path):
    (tmp_path / "text.pt").write_text("text")
    with pytest.raises(RuntimeError, match="not a TorchScript archive"):
        ArchivedTensors(tmp_path / "text.pt")
