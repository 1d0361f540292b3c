"""`iqabench audit` says sound or doubtful, by its exit status too."""

import json

import pandas as pd
import pytest

PLUGIN = """
import torch
from torch import nn
import iqabench


class Roughness(nn.Module):
    recipe = "none"

    def forward(self, images):
        steps = (images[..., 1:] - images[..., :-1]).square().mean((1, 2, 3)).add(1e-6).sqrt()
        return torch.sigmoid(4 * (0.2 - steps) / 0.2)


iqabench.register_model("honest")(Roughness)


@iqabench.register_model("quantised")
class Quantised(Roughness):
    def forward(self, images):
        return (super().forward(images) * 20).round() / 20


@iqabench.register_model("shaken")
class Shaken(Roughness):
    def forward(self, images):
        return super().forward(images + 0.1 * torch.randn_like(images))
"""


@pytest.fixture
def run_audit(iqabench, drawn_database, tiny_config, tmp_path):
    def run(*options):
        plugin = tmp_path / "plugin.py"
        plugin.write_text(PLUGIN)
        config = ["--config", str(tiny_config), "--plugin", str(plugin), "--results", str(tmp_path / "store")]
        return iqabench("audit", *options, "--dataset", str(drawn_database), *config)

    return run


def test_an_honest_model_is_sound_and_each_sentence_is_shown(run_audit):
    done = run_audit("honest")
    assert done.exit_code == 0, done.output
    assert "honest: sound; flagged by no indicator" in done.output
    assert "100% of the images to the end of the clean images' scores" in " ".join(done.output.split())


def test_a_quantised_model_is_doubtful_and_the_text_says_what_to_do(run_audit):
    done = run_audit("quantised")
    assert done.exit_code == 1, done.output
    assert "quantised: doubtful; flagged by" in done.output
    assert "blind gradient: Attack it through a surrogate backward pass (BPDA)" in done.output


def test_a_model_that_a_sweep_would_refuse_is_audited(run_audit):
    done = run_audit("shaken", "--json")
    assert done.exit_code == 1, done.output
    report = json.loads(done.stdout)
    assert report["verdict"] == "doubtful"
    flagged = {finding["indicator"]: finding for finding in report["findings"] if finding["flagged"]}
    assert flagged["passes differ"]["value"] > flagged["passes differ"]["threshold"]


def test_a_source_model_is_tried(run_audit):
    findings = json.loads(run_audit("quantised", "--source", "honest", "--json").stdout)["findings"]
    (transfer,) = (one for one in findings if one["indicator"] == "transfer beats white-box")
    assert transfer["flagged"]


@pytest.mark.parametrize("options", [["unheard-of"], ["honest", "--images", "3"]])
def test_wrong_usage_has_exit_status_2(run_audit, options):
    assert run_audit(*options).exit_code == 2


def test_a_dataset_with_too_few_test_images_is_refused(run_audit, drawn_database):
    table = pd.read_csv(drawn_database).iloc[2:]  # three images are left of the first scene
    table["split"] = ["test"] * 3 + ["train"] * (len(table) - 3)
    table.to_csv(drawn_database, index=False)
    done = run_audit("honest")
    assert done.exit_code == 2
    assert "an audit needs at least 4 test images, found 3" in " ".join(done.output.split())
