"""`iqabench doctor` says what is there, and what to do about what is not."""

import sys

import pytest
import torch


def found(done):
    return {
        line[8:].split("  ")[0]: line for line in done.output.splitlines() if line[:2] in ("ok", "mi", "no")
    }


@pytest.fixture
def doctor(iqabench, tiny_config, tiny_plugin, tmp_path):
    return lambda *options: iqabench(
        *("doctor", "--config", str(tiny_config), "--plugin", str(tiny_plugin)),
        *("--results", str(tmp_path / "results"), *options),
    )


def test_all_that_a_run_needs_is_named(doctor, drawn_database, tmp_path):
    done = doctor("--datasets", str(drawn_database))
    lines = found(done)
    assert done.exit_code == 0, done.output
    assert f"torch {torch.__version__}" in lines["device"]
    assert "40 images" in lines[f"dataset {drawn_database}"]
    assert "is trained, by the recipe 'regression'" in lines["model tiny"]
    assert "0 cells" in lines["store"]
    assert not (tmp_path / "results").exists()


def test_what_is_missing_is_said_with_what_to_do(doctor, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    tables = '\n[models.mine]\nlike = "tiny"\nweights = "none.pth"\n[datasets.live]\nroot = "no"\n'
    tiny_config.write_text(tiny_config.read_text() + tables)
    done = doctor("--datasets", "live,synthetic", "--models", "mine")
    lines = found(done)
    assert done.exit_code == 1
    assert lines["dataset live"].startswith("missing")
    assert "none.pth: no such weights file" in lines["model mine"]
    assert lines["dataset synthetic"].endswith('pip install "iqabench[synthetic]"')
    assert lines["pyiqa"].startswith("note")


def test_weights_are_looked_into(doctor, tiny_config, tmp_path, drawn_database, iqabench, tiny_plugin):
    from iqabench.models import create_model

    iqabench("list", "models", "--plugin", str(tiny_plugin))
    torch.save({"state_dict": create_model("tiny").state_dict()}, tmp_path / "best.pth")
    extra = f'\n[models.mine]\nlike = "tiny"\nweights = "{tmp_path / "best.pth"}"\n'
    tiny_config.write_text(tiny_config.read_text() + extra)
    done = doctor("--datasets", str(drawn_database), "--models", "mine")
    assert "the entry 'state_dict' was taken out" in found(done)["model mine"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_missed(doctor, tiny_config, drawn_database):
    tiny_config.write_text(tiny_config.read_text().replace('"cpu"', '"cuda"'))
    done = doctor("--datasets", str(drawn_database))
    assert "--device cpu" in found(done)["device"]
    assert done.exit_code == 1
