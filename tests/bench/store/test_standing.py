"""What a sweep ends with: the next commands, which can be typed as they stand."""

import shlex

from iqabench.bench.cli.commands.audit import audit
from iqabench.bench.cli.commands.run import run
from iqabench.bench.store.results import read_results
from iqabench.bench.store.standing import next_steps, standing
from iqabench.bench.store.store import Store

from ...fabricated import drawn_auto, drawn_cell, noisy


def test_the_command_that_audits_a_doubtful_model_finds_its_dataset_plugin_and_configuration(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my pictures").mkdir()
    store = Store(tmp_path / "results")
    drawn_auto(store, "mine", 1.0, dataset="ratings", flags=["blind"], trained_on="my pictures")
    drawn_auto(store, "resnet", 1.0, dataset="live", flags=["blind"])
    results = read_results(store, resamples=0)
    given = ["sub/ratings.csv", "./my pictures/", "live"]
    options = ["--config=my.toml", "--plugin", "a.py", "--plugin", "b c.py", "--limit", "9"]
    ran = shlex.join(["iqabench", "run", *options, "--datasets", ",".join(given)])
    steps = list(next_steps(results, set(results.frame["key"]), "results", ran, given))
    told = [shlex.split(step.partition(": ")[2]) for step in steps if "doubtful" in step]
    parsed = [audit.make_context("audit", words[2:]).params for words in told]
    assert sorted((found["model"], found["dataset"]) for found in parsed) == [
        ("mine", "sub/ratings.csv"),
        ("resnet", "live"),
    ]
    for found in parsed:
        assert str(found["config_file"]) == "my.toml"
        assert [str(path) for path in found["plugins"]] == ["a.py", "b c.py"]
    assert [found["train_on"] for found in parsed if found["model"] == "mine"] == [["./my pictures/"]]


def test_a_limit_that_the_command_does_not_name_is_told_with_the_command_that_lifts_it(tmp_path):
    store = Store(tmp_path / "results")
    drawn_auto(store, "brisque", 1.0, dataset="ratings", limit=120)
    results = read_results(store, resamples=0)
    keys = set(results.frame["key"])
    ran = "iqabench run --models brisque --datasets ratings.csv"
    first, *_ = next_steps(results, keys, "results", ran, ["ratings.csv"])
    before, _, command = first.partition(": ")
    assert "120 test images of ratings" in before
    parsed = run.make_context("run", shlex.split(command)[2:]).params
    assert (parsed["limit"], parsed["datasets"]) == ("all", ["ratings.csv"])
    limited = f"{ran} --limit 120"
    assert not [step for step in next_steps(results, keys, "results", limited, []) if "limit" in step]


def test_a_control_is_no_attack_whose_strength_a_row_tells(tmp_path):
    store = Store(tmp_path / "results")
    drawn_cell(store, noisy(0.1))
    drawn_cell(store, noisy(0.3), attack="fgsm", epsilon=1.0)
    drawn_cell(store, noisy(2.0), attack="noise", epsilon=1.0)
    drawn_cell(store, noisy(2.0), attack="noise", epsilon=4.0)
    results = read_results(store, resamples=0)
    fgsm = results.frame.set_index("attack").loc["fgsm", "srocc"]
    heading, *_, row = standing(results, set(results.frame["key"]))
    assert "worst at 1/255" in heading
    assert "4/255" not in heading
    assert f"{fgsm:.3f}" in row
