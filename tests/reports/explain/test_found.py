"""A report finds all explanations in a store that can be read, and notes the others."""

import shutil
from dataclasses import replace

import pytest

from iqabench.bench.store.explanation import FILE, read_explanation, write_explanation
from iqabench.reports.explain.explanation import explanations

from ..explained import COMMAND

PARAMETERS = {"model_params": '{"backbone": "resnet18"}'}
ROWS = [{"dataset": "synthetic", "model": model, **PARAMETERS} for model in ("cprl", "resnet")]


@pytest.fixture
def root(explained_folder, tmp_path):
    """A store's folder with an explanation in it."""
    shutil.copytree(explained_folder, tmp_path / "explain" / "synthetic" / "cprl")
    return tmp_path


def another(root, folder, **changes):
    first = read_explanation(root / "explain" / "synthetic" / "cprl")
    write_explanation(replace(first, **changes), root / "explain" / folder)


def test_an_explanation_is_found_with_its_figures_sentences_numbers_and_facts(root, results):
    (found,), notes = explanations(root, results(*ROWS))
    assert notes == ()
    assert found.title == "CPRL and ResNet on synthetic (stand-in)"
    assert (found.slug, found.dataset, found.model) == ("explanation1", "synthetic", "cprl")
    assert found.numbers == "1, 4 and 5"
    first, fourth, fifth = found.figures
    assert first.words.startswith(
        "blur/a.png (label 0.250; asked for). FGSM within 1/255 takes the score of CPRL"
    )
    assert list(first.table["model"]) == ["cprl", "resnet"]
    assert len(fourth.table) == 2 * 21 * 21
    assert set(fifth.table["stage"]) == {3, 4}
    (stand_in,) = found.remarks
    assert stand_in.startswith("synthetic stands in for a database")
    facts = dict(found.facts)
    assert facts["Image"] == "blur/a.png (label 0.250; asked for)"
    assert facts["CPRL"] == 'weights w-cprl-0; clean training, seed 0; parameters {"backbone": "resnet18"}'
    assert facts["Command"] == COMMAND
    assert facts["Versions"] == "python 3.11.7, iqabench 0.1.0"


def test_explanations_are_in_the_papers_order_of_datasets_and_models(root, results):
    models = read_explanation(root / "explain" / "synthetic" / "cprl").models
    another(root, "a/cprl", dataset="live")
    another(root, "b/resnet", dataset="live", models=models[::-1])
    another(root, "c/cprl", dataset="vcl")
    found, _ = explanations(root, results(*ROWS))
    order = [("vcl", "cprl"), ("live", "resnet"), ("live", "cprl"), ("synthetic", "cprl")]
    assert [(one.dataset, one.model) for one in found] == order
    assert [one.slug for one in found] == [f"explanation{number}" for number in (1, 2, 3, 4)]


def test_a_store_without_explanations_has_none(tmp_path, results):
    assert explanations(tmp_path, results(*ROWS)) == ((), ())


def test_weights_other_than_those_of_the_stores_newest_cells_are_remarked_on(root, results):
    old = {**ROWS[0], "weights": "w-cprl-0", "created": "2030-01-01T00:00:00+00:00"}
    new = {**ROWS[0], "weights": "others", "created": "2030-01-02T00:00:00+00:00"}
    (found,), notes = explanations(root, results(old, new, ROWS[1]))
    assert notes == ()
    assert found.remarks[-1] == (
        "The store's newest scores of CPRL are of other weights or parameters than these figures; "
        f"`{COMMAND}` would draw them anew."
    )
    (found,), _ = explanations(root, results({**new, "created": "2029-01-01T00:00:00+00:00"}, old, ROWS[1]))
    assert len(found.remarks) == 1
    other = {**old, "model_params": '{"backbone": "resnet18", "b": 0.3}'}
    (found,), _ = explanations(root, results(other, ROWS[1]))
    assert len(found.remarks) == 2


@pytest.mark.parametrize(
    "other", [{"dataset": "live"}, {"regime": "adversarial"}, {"seed": 1}, {"variant": "b=0.3"}]
)
def test_weights_of_another_dataset_regime_seed_or_variant_are_not_compared(root, results, other):
    (found,), _ = explanations(root, results({**ROWS[0], "weights": "others", **other}))
    assert len(found.remarks) == 1


def test_an_explanation_of_the_version_before_is_noted_with_what_to_do(root, results):
    folder = root / "explain" / "synthetic" / "cprl"
    (folder / FILE).unlink()
    for name in ("figure1.svg", "explanation.json"):
        (folder / name).write_text("{}")
    assert explanations(root, results(*ROWS)) == (
        (),
        (
            "Figures 1, 4 and 5 in explain/synthetic/cprl are not shown: an earlier version of iqabench "
            "wrote them; run `iqabench explain` again, with the same model and dataset.",
        ),
    )


def test_a_damaged_explanation_is_noted(root, results):
    (root / "explain" / "synthetic" / "cprl" / FILE).write_bytes(b"{")
    found, (note,) = explanations(root, results(*ROWS))
    assert found == ()
    assert f"explain/synthetic/cprl are not shown: {FILE} is damaged" in note
