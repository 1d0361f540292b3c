"""The catalogue names, orders and colours what reports show; a new line in it is all that a model needs."""

from importlib.metadata import distribution

import pytest

from iqabench.bench.core.errors import UserError
from iqabench.bench.core.parameters import read_table
from iqabench.reports import catalogue as module
from iqabench.reports.catalogue import (
    FILE,
    Catalogue,
    attack_name,
    catalogue,
    dataset_name,
    model_name,
    ordered,
)
from iqabench.reports.formats.html import render_html
from iqabench.reports.paper.report import compose

NEW = 'mine = { label = "Mine & co", light = "#123456", dark = "#abcdef", marker = "*" }\n'


@pytest.fixture
def with_another_model(tmp_path, monkeypatch):
    """Reports read a copy of the catalogue that has one more model, before the others."""
    copy = tmp_path / "catalogue.toml"
    text = FILE.read_text(encoding="utf-8")
    copy.write_text(text.replace("dbcnn =", f"{NEW}dbcnn ="), encoding="utf-8")
    monkeypatch.setattr(module, "FILE", copy)
    catalogue.cache_clear()
    yield
    catalogue.cache_clear()


@pytest.mark.parametrize("kind", ["models", "attacks"])
def test_every_model_and_attack_of_our_own_has_a_line(kind):
    own = {entry.name for entry in distribution("iqabench").entry_points.select(group=f"iqabench.{kind}")}
    assert own
    assert own <= getattr(catalogue(), kind).keys()


def test_a_new_line_gives_a_model_its_label_colour_and_place(with_another_model, results):
    rows = [{"model": name} for name in ("resnet", "dbcnn", "mine")]
    attacked = [{**row, "attack": "fgsm", "epsilon": 1.0} for row in rows]
    page = render_html(compose(results(*rows, *attacked)))
    table = page.split("<tbody>")[1].split("</tbody>")[0]
    assert table.index("Mine &amp; co") < table.index("DBCNN") < table.index("ResNet")
    assert "--series-0: #123456;" in page
    assert "--series-0: #abcdef;" in page
    assert "var(--series-0, #123456)" in page


def test_names_follow_the_catalogue_and_then_the_alphabet():
    assert ordered("model", ["b", "cprl", "a", "cprl", "nima"]) == ["nima", "cprl", "a", "b"]
    assert ordered("attack", ["zz", "pgd", "none", "apgd"]) == ["none", "pgd", "apgd", "zz"]
    assert (model_name("cprl"), model_name("mine"), attack_name("none")) == ("CPRL", "mine", "no attack")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('label = "DBCNN", ', "", r"key 'models.dbcnn.label'"),
        ('marker = "s"', 'marker = "s", shape = "s"', r"key 'models.dbcnn.shape'"),
        ("#d98c00", "orange", r"key 'models.dbcnn.light'"),
        ("#d98c00", "#45a5e0", r"#45a5e0 is there twice"),
        ("[models]", "[models", "not a TOML file"),
    ],
)
def test_a_mistake_in_it_is_named(tmp_path, old, new, reason):
    path = tmp_path / "catalogue.toml"
    path.write_text(FILE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        read_table(path, Catalogue)


def test_results_are_printed_in_its_order(results):
    rows = [
        ("synthetic", "cprl", "none"),
        ("live", "zoo", "pgd"),
        ("live", "cprl", "fgsm"),
        ("live", "nima", "none"),
    ]
    frame = results(
        *({"dataset": dataset, "model": model, "attack": attack} for dataset, model, attack in rows)
    ).frame
    assert list(module.in_order(frame)["key"]) == ["key3", "key2", "key1", "key0"]


def test_a_name_that_is_the_label_of_another_is_told_apart_from_it():
    assert (dataset_name("live"), dataset_name("LIVE"), dataset_name("Live")) == (
        "LIVE",
        "LIVE (own)",
        "Live",
    )
    assert (model_name("cprl"), model_name("CPRL")) == ("CPRL", "CPRL (own)")
    assert (attack_name("fgsm"), attack_name("FGSM")) == ("FGSM", "FGSM (own)")
