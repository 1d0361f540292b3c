"""Whatever changes a score is measured anew: what a configuration names, and not its parameters alone."""

import sys

import pandas as pd
import pytest

from iqabench.attacks.fgsm import FGSM

from .conftest import cells_in

NETWORKS = """
import torch

class Mean(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(3, 1)

    def forward(self, images):
        return torch.sigmoid(self.head(self.pooled(images))).squeeze(1)

    def pooled(self, images):
        return images.mean((2, 3))

class Deviation(Mean):
    def pooled(self, images):
        return images.std((2, 3))
"""

PLUGIN = """

from iqabench.models.defences import Defence

for name, shift in (("left", 1), ("right", -1)):
    class Shifted(Defence):
        shift = shift
        def forward(self, images):
            return images.roll(self.shift, -1)
    iqabench.register_defence(name)(Shifted)


@iqabench.register_model("centred")
class Centred(Linear):
    score_range = (-1.0, 2.0)

    def __init__(self, mean: float = 0.5):
        super().__init__()
        self.mean = mean

    def forward(self, images):
        return super().forward(images - self.mean)
"""


@pytest.fixture
def computed(sweep, tmp_path):
    """Sweep four images with a table of the configuration, and return the last line but advice."""
    (tmp_path / "networks.py").write_text(NETWORKS)

    def run(table, *options):
        asked = {"--models": "linear", "--attacks": "noise", "--epsilons": "4", "--limit": "4"}
        asked |= dict(zip(options[::2], options[1::2], strict=True))
        done, _ = sweep(*(word for pair in asked.items() for word in pair), tables=table)
        (line,) = (line for line in done.output.splitlines() if " computed, " in line)
        return line.partition(": ")[2]

    return run


@pytest.mark.parametrize(
    ("kind", "key", "classes", "again"),
    [
        ("models", "like", ("linear", "percent"), "2 computed, 0 found"),
        ("attacks", "like", ("noise", "blind"), "1 computed, 1 found"),
        ("defences", "like", ("left", "right"), "3 computed, 0 found"),
        ("models", "network", ("networks.py:Mean", "networks.py:Deviation"), "2 computed, 0 found"),
    ],
)
def test_a_table_that_names_another_class_of_the_same_parameters_is_measured_anew(
    computed, tmp_path, monkeypatch, kind, key, classes, again
):
    monkeypatch.chdir(tmp_path)
    first, second = (f"[{kind}.mine]\n{key} = '{name}'" for name in classes)
    mine = (f"--{kind}", "mine")
    computed(first, *mine)
    assert computed(first, *mine).startswith("0 computed")
    assert computed(second, *mine).startswith(again)
    assert computed(first, *mine).startswith("0 computed")


def test_a_table_of_a_class_of_its_name_has_the_key_of_no_table(computed, tmp_path):
    computed("", "--attacks", "fgsm")
    assert computed("[attacks.fgsm]\n[models.linear]", "--attacks", "fgsm").startswith("0 computed")
    assert all(
        "class" not in {**cell["model_params"], **cell["attack_params"]}
        for cell in cells_in(tmp_path / "results")
    )


def test_a_models_own_parameter_that_is_called_as_a_key_of_the_adapter_is_measured_anew(computed):
    computed("[models.centred]\nmean = 0.5", "--models", "centred")
    assert computed("[models.centred]\nmean = 0.4", "--models", "centred").startswith("2 computed, 0 found")
    assert computed("[models.centred]", "--models", "centred").startswith("0 computed, 2 found")


def test_transfer_from_other_patches_of_the_source_is_measured_anew(computed):
    table = (
        "[attacks.transfer]\nsource = 'dark'\nsteps = 2\n[models.dark]\npixels = { patches = %d, size = 16 }"
    )
    computed(table % 4, "--attacks", "transfer")
    assert computed(table % 9, "--attacks", "transfer").startswith("1 computed, 1 found")
    assert computed(table % 4, "--attacks", "transfer").startswith("0 computed, 2 found")


def test_a_file_of_initial_weights_counts_by_what_is_in_it_and_not_by_its_name(checkpoint, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    table = "[models.resnet]\nweights_file = '{}'\n"
    first.write_bytes(b"weights")
    before = checkpoint(table.format(first))
    first.rename(second)
    assert checkpoint(table.format(second)) == before
    second.write_bytes(b"others, which are longer")
    assert checkpoint(table.format(second)) != before


def test_weights_that_the_attack_of_training_brings_are_part_of_the_checkpoint(checkpoint, monkeypatch):
    before = checkpoint("", regime="adversarial")
    monkeypatch.setattr(FGSM, "weights_digest", "one", raising=False)
    one = checkpoint("", regime="adversarial")
    monkeypatch.setattr(FGSM, "weights_digest", "another")
    assert len({before, one, checkpoint("", regime="adversarial")}) == 3


def test_a_longer_timeout_of_a_black_box_computes_nothing_again(computed, tmp_path):
    (tmp_path / "metric.py").write_text("import sys\nprint(len(sys.argv[1]) % 2 / 2)\n")
    table = f"[models.asked]\ncommand = ['{sys.executable}', '{tmp_path}/metric.py', '{{image}}']\ntimeout = "
    computed(f"{table}50", "--models", "asked")
    assert computed(f"{table}70", "--models", "asked").startswith("0 computed, 2 found")


def test_another_split_seed_computes_nothing_again_where_the_database_has_its_own_split(
    sweep, drawn_database, tiny_config
):
    text, table = tiny_config.read_text(), pd.read_csv(drawn_database)
    for own, said in ((False, "2 computed, 0 found"), (True, "0 computed, 2 found")):
        if own:
            split = table["scene"].isin(["s0", "s1"]).map({True: "test", False: "train"})
            table.assign(split=split).to_csv(drawn_database, index=False)
        for seed in (0, 1):
            tiny_config.write_text(text.replace("[run]", f"[run]\nsplit_seed = {seed}"))
            done, _ = sweep("--models", "linear", "--attacks", "noise", "--epsilons", "4")
        assert said in done.output
