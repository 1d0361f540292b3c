"""What a report finds of explanations in a store: all that is complete, and a note on all else."""

import json
import re
import shutil

import pytest

from iqabench.reports.explain.record import RECORD, explanations

from ..explained import COMMAND

ROWS = [{"dataset": "synthetic", "model": model} for model in ("cprl", "resnet")]


@pytest.fixture
def root(explained_folder, tmp_path):
    """A store's folder with an explanation in it."""
    shutil.copytree(explained_folder, tmp_path / "explain" / "synthetic" / "cprl")
    return tmp_path


def edit(root, place="synthetic/cprl", **changes):
    path = root / "explain" / place / RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def another(root, place, **changes):
    shutil.copytree(root / "explain" / "synthetic" / "cprl", root / "explain" / place)
    edit(root, place, **changes)


def test_an_explanation_is_found_with_its_figures_sentences_numbers_and_facts(root, results):
    (found,), notes = explanations(root, results(*ROWS))
    folder = root / "explain" / "synthetic" / "cprl"
    assert notes == ()
    assert found.title == "CPRL beside ResNet on synthetic (stand-in)"
    assert (found.slug, found.dataset, found.model) == ("explanation1", "synthetic", "cprl")
    assert found.numbers == "1, 4 and 5"
    for figure in found.figures:
        assert figure.pdf == (folder / f"figure{figure.number}.pdf").read_bytes()
        assert figure.svg.startswith("<svg ")
        assert f'aria-label="{figure.words}"' in figure.svg.replace("&#x27;", "'")
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


def test_no_identifier_is_on_a_page_twice(root, results):
    another(root, "synthetic/again")
    found, _ = explanations(root, results(*ROWS))
    identifiers = [
        name for one in found for figure in one.figures for name in re.findall(r' id="(.*?)"', figure.svg)
    ]
    assert len(found) == 2
    assert len(identifiers) == len(set(identifiers))


def test_explanations_are_in_the_papers_order_of_datasets_and_models(root, results):
    models = json.loads((root / "explain/synthetic/cprl" / RECORD).read_text())["models"]
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
        "The store's newest scores of CPRL are of other weights than these figures; "
        f"`{COMMAND}` would draw them anew."
    )
    (found,), _ = explanations(root, results({**new, "created": "2029-01-01T00:00:00+00:00"}, old, ROWS[1]))
    assert len(found.remarks) == 1


@pytest.mark.parametrize(
    "other", [{"dataset": "live"}, {"regime": "adversarial"}, {"seed": 1}, {"variant": "b=0.3"}]
)
def test_weights_of_another_dataset_regime_seed_or_variant_are_another_matter(root, results, other):
    (found,), _ = explanations(root, results({**ROWS[0], "weights": "others", **other}))
    assert len(found.remarks) == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda folder: (folder / RECORD).unlink(),
            "explanation.json is missing: an earlier version wrote them",
        ),
        (lambda folder: (folder / RECORD).write_text("{"), "explanation.json is damaged: Expecting property"),
        (lambda folder: (folder / RECORD).write_text("[]"), "explanation.json is damaged: key ''"),
        (lambda folder: (folder / RECORD).write_bytes(b"\xff\xfe\xff"), "explanation.json is damaged"),
        (
            lambda folder: (folder / "figure4.svg").unlink(),
            "figure4.svg is not the one that explanation.json",
        ),
        (lambda folder: (folder / "figure5.pdf").write_bytes(b"%PDF"), "figure5.pdf is not the one"),
        (lambda folder: (folder / "figure1.csv").write_text("a\n1\n"), "figure1.csv is not the one"),
    ],
)
def test_a_damaged_or_incomplete_explanation_is_noted(root, results, damage, said):
    damage(root / "explain" / "synthetic" / "cprl")
    found, (note,) = explanations(root, results(*ROWS))
    assert found == ()
    assert note.startswith(f"Figures 1, 4 and 5 in explain/synthetic/cprl are not shown: {said}")
    assert note.endswith("; `iqabench explain` with the same model and dataset writes it anew.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "explanation.json was written in format 2 by a newer iqabench"),
        ({"format": "1"}, "key 'format': found '1', accepted is 1"),
        ({"models": []}, "key 'models.0': missing"),
        ({"figures": []}, "key 'figures'"),
        ({"label": "high"}, "key 'label'"),
        ({"more": 1}, "key 'more'"),
    ],
)
def test_a_record_that_is_no_such_record_is_noted(root, results, changes, said):
    edit(root, **changes)
    found, (note,) = explanations(root, results(*ROWS))
    assert found == ()
    assert said in note


def test_files_that_fit_their_record_but_are_no_figures_are_noted(root, results):
    from iqabench.reports.explain.record import _digest

    folder = root / "explain" / "synthetic" / "cprl"
    figures = json.loads((folder / RECORD).read_text())["figures"]
    (folder / "figure1.svg").write_bytes(b"\xff")
    figures[0]["files"]["svg"] = _digest(b"\xff")
    edit(root, figures=figures)
    found, (note,) = explanations(root, results(*ROWS))
    assert found == ()
    assert "'utf-8' codec can't decode" in note
