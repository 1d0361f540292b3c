"""The keys that every `[models.NAME]` table may have."""

import pytest
import torch

from iqabench import UserError, load_settings
from iqabench.bench.sweep.plan import check_tables, plan_models

NET = """
import torch

class Net(torch.nn.Module):
    score_range = (0, 10)
    def __init__(self, bias: float = 3.0):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.tensor(bias))
    def forward(self, images):
        return images.mean((1, 2, 3)) + self.bias
"""


@pytest.fixture
def planned(tmp_path):
    (tmp_path / "net.py").write_text(NET)

    def plan(table):
        (tmp_path / "bench.toml").write_text(
            f"[models.mine]\n{table.replace('NET', str(tmp_path / 'net.py'))}"
        )
        settings = load_settings(tmp_path / "bench.toml", overrides={"run": {"models": ["mine"]}})
        check_tables(settings)
        return plan_models(settings)[0]

    return plan


def test_a_network_of_a_file_takes_its_arguments_and_its_classs_range(planned):
    model = planned('network = "NET:Net"\nbias = 5.0').build()
    torch.testing.assert_close(model(torch.full((1, 3, 4, 4), 0.5)), torch.tensor([0.55]))


def test_the_table_goes_before_the_class_and_is_part_of_a_result(planned):
    plan = planned('network = "NET:Net"\nscore_range = [0, 20]\nlower_is_better = true')
    torch.testing.assert_close(plan.build()(torch.zeros(1, 3, 4, 4)), torch.tensor([1 - 3 / 20]))
    assert plan.architecture()["score_range"] == [0, 20]
    assert plan.source is not None


def test_weights_go_into_the_network_itself(planned, tmp_path):
    torch.save({"state_dict": {"module.bias": torch.tensor(8.0)}}, tmp_path / "best.pth")
    model = planned(f'network = "NET:Net"\nweights = "{tmp_path / "best.pth"}"').build()
    torch.testing.assert_close(model(torch.zeros(1, 3, 4, 4)), torch.tensor([0.8]))


def test_keys_of_the_adapter_serve_packaged_models_too(planned):
    plan = planned('like = "resnet"\nlower_is_better = true\nbackbone = "resnet18"')
    assert plan.adaptation["lower_is_better"] is True
    assert "lower_is_better" not in plan.params


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('network = "Net"', r"key 'network': found 'Net', accepted is FILE\.py:CLASS"),
        ('network = "NET:Nothing"', "the file has no 'Nothing'"),
        ('network = "NET:Net"\nbiass = 1', "unknown key 'biass'"),
        ('netwrok = "NET:Net"', "key 'netwrok': did you mean 'network'\\? As it is: unknown model 'mine'"),
        ('network = "NET:Net"\nscore_range = [1]', "key 'score_range"),
        ('network = "NET:Net"\nscore_range = 100', r'found 100, accepted is \[LOW, HIGH\] or "unbounded"'),
        ('network = "NET:Net"\nmean = [124, 116, 104]', r"did you mean \[0\.4863, 0\.4549, 0\.4078\]\?"),
        ('network = "NET:Net"\nscore_range = [5, 5]', "key 'score_range': found \\[5, 5\\], accepted is"),
        ('network = "NET:Net"\nprecision = "fp8"', "key 'precision'"),
        ('network = "NET:Net"\nfunction = "NET:f"', "name two models"),
        ('function = "NET:Net"\nblack_box = false', "key 'black_box'"),
        ('like = "resnet"\nmean = [1, 2]', "key 'mean'"),
        ('network = "NET:Net"\nscore_range = [0, inf]', "key 'score_range': found \\[0, inf\\], accepted is"),
        ('network = "NET:Net"\ninput_size = 0', "key 'input_size': found 0, accepted is greater"),
        ('network = "NET:Net"\ninput_size = [24, 0]', "key 'input_size"),
        ('network = "NET:Net"\nstd = [1, 1, 0]', "key 'std.2': found 0, accepted is greater than 0"),
    ],
)
def test_mistakes_name_file_table_and_key(planned, table, message):
    with pytest.raises(UserError, match=message) as raised:
        planned(table)
    if "two models" not in message and "no 'Nothing'" not in message:
        assert "bench.toml: [models.mine]" in str(raised.value)
