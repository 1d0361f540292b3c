"""`transfer` in a sweep: perturbations are found on a model that the sweep trains, of known weights."""

import json
from itertools import pairwise

import pandas as pd
import pytest

from iqabench.bench.store.store import Store


@pytest.fixture
def transferred(sweep):
    """Run a sweep of a linear model under `transfer` from `tiny`."""

    def run(*options, source="tiny", tables="", exits=0):
        tables += f"\n[attacks.transfer]\nsource = '{source}'\nsteps = 2\n"
        asked = ("--models", "linear", "--attacks", "transfer", "--epsilons", "4", *options)
        return sweep(*asked, tables=tables, exits=exits)

    return run


def test_the_source_is_trained_first_and_its_weights_are_part_of_the_cell(transferred, tiny_config, tmp_path):
    done, cells = transferred()
    assert "1 model trained" in done.output
    assert "transfer from tiny 4/255" in done.output
    (card,) = (tmp_path / "results" / "checkpoints" / "drawn").glob("tiny-*.json")
    cell = cells["transfer", 4.0].provenance["cell"]
    assert cell["source_weights"] == json.loads(card.read_text())["weights"]
    assert cell["model"] == "linear"
    table = pd.read_parquet(cells["transfer", 4.0].path)
    assert (table["low"] <= table["score"] + 1e-6).all()
    assert (table["high"] > table["low"]).any()
    assert "0 computed" in transferred()[0].output

    tiny_config.write_text(tiny_config.read_text().replace("epochs = 3", "epochs = 4"))
    again, _ = transferred()
    assert "1 computed, 1 found done; 1 model trained" in again.output
    assert len({cell.provenance["key"] for cell in Store(tmp_path / "results").cells()}) == 3


def test_a_defence_of_the_source_that_learns_is_trained_first_and_its_weights_are_part_of_the_cell(
    transferred, tmp_path
):
    tables = "[models.tiny]\ndefence = 'denoiser'\n[defences.denoiser]\ndepth = 2\nwidth = 4\n"
    done, cells = transferred("--limit", "4", tables=tables)
    assert "2 models trained" in done.output
    (card,) = (tmp_path / "results" / "checkpoints" / "drawn").glob("denoiser-*.json")
    (step,) = cells["transfer", 4.0].provenance["cell"]["attack_params"]["source_model"]["defence"]
    assert step["weights"] == json.loads(card.read_text())["weights"]
    assert "0 computed" in transferred("--limit", "4", tables=tables)[0].output


@pytest.mark.parametrize(
    ("options", "source", "message"),
    [
        ((), "tny", "[attacks.transfer]: key 'source': unknown model 'tny': did you mean 'tiny'"),
        (("--regime", "adversarial"), "tiny", "attack 'transfer' needs a source model"),
    ],
)
def test_a_source_that_is_not_there_is_an_error_before_anything_is_trained(
    transferred, tmp_path, options, source, message
):
    table = "[training.adversarial]\nattack = 'transfer'\nepsilon = 1\n"
    done, cells = transferred(*options, source=source, tables=table, exits=2)
    assert message in done.output
    assert not cells
    assert not list((tmp_path / "results").rglob("*.safetensors"))


PLUGIN = """

@iqabench.register_model("dropping")
class Dropping(Linear):
    stochastic = True

    def forward(self, images):
        return super().forward(images * (torch.rand_like(images) > 0.5))
"""


@pytest.mark.parametrize(("source", "random"), [("dropping", True), ("tiny", False)])
def test_the_batch_size_is_part_of_the_key_where_the_draws_of_a_random_source_depend_on_it(
    transferred, tiny_config, tmp_path, source, random
):
    for size in (2, 3):
        tiny_config.write_text(tiny_config.read_text().replace("batch_size = 2", f"batch_size = {size}"))
        transferred("--limit", "6", source=source)
    cells = [cell for cell in Store(tmp_path / "results").cells()
             if cell.provenance["cell"]["attack"] == "transfer"]  # fmt: skip
    assert {cell.provenance["cell"]["batch_size"] for cell in cells} == ({2, 3} if random else {None})
    ends = [pd.read_parquet(cell.path)["high"] for cell in cells]
    assert all(not one.equals(other) for one, other in pairwise(ends))
