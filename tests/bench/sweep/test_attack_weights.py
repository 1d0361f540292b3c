"""Attacks that bring a network: its weights are found before anything is trained, and are keyed."""

import pytest

from iqabench.attacks.tools.perceptual import network
from iqabench.tests.pages import blocks, commands, page_of
from iqabench.tests.perceptual_weights import FILES, no_initial_values, write_perceptual_weights

pytest.importorskip("pyiqa")


@pytest.fixture(autouse=True)
def built_anew():
    network.cache_clear()
    with no_initial_values():
        yield
    network.cache_clear()


@pytest.fixture
def attacked(sweep):
    """Run a sweep of a model under `zhang_dists`, with a folder of weights."""

    def run(folder, exits=0):
        folder.mkdir(exist_ok=True)
        table = f"[attacks.zhang_dists]\nsteps = 1\nweights_dir = '{folder}'"
        options = ("--models", "linear", "--attacks", "zhang_dists", "--epsilons", "4", "--limit", "4")
        return sweep(*options, tables=table, exits=exits)

    return run


def test_the_weights_are_part_of_the_cell_and_where_they_lie_is_not(attacked, tmp_path):
    for folder in (tmp_path / "here", tmp_path / "there"):
        folder.mkdir()
        write_perceptual_weights("dists", folder)
    _, cells = attacked(tmp_path / "here")
    cell = cells["zhang_dists", 4.0].provenance["cell"]
    assert len(cell["source_weights"]) == 16
    assert cell["attack_params"].keys() >= {"weight", "steps"}
    assert not cell["attack_params"].keys() & {"weights_dir", "download"}
    assert "0 computed" in attacked(tmp_path / "there")[0].output


def test_missing_weights_end_a_sweep_before_anything_is_trained(attacked, tmp_path):
    done, cells = attacked(tmp_path / "empty", exits=2)
    assert "[attacks.zhang_dists]: pyiqa:dists needs the file 'DISTS_weights-f5e65c96.pth'" in done.output
    assert f"Put it into {tmp_path / 'empty'}" in done.output
    assert not cells


def test_docs_attacks_runs_as_written(sweep, tmp_path):
    page = page_of("attacks.md")
    for name, files in FILES.items():
        assert f"| `zhang_{name}` | `{files.own}` | `{files.backbone}` |" in page
    (table,) = (block for block in blocks(page, "toml") if block.startswith("[attacks.zhang_lpips]"))
    assert "/data/pyiqa" in table
    write_perceptual_weights("lpips", tmp_path)
    told = table.replace("/data/pyiqa", str(tmp_path)) + "steps = 1\n"
    ((_, *options),) = commands(page, "run.*zhang")
    _, cells = sweep(*options, "--models", "linear", "--limit", "4", tables=told)
    assert {("zhang_ssim", 4.0), ("zhang_lpips", 4.0)} <= cells.keys()
