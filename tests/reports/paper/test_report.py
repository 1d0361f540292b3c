"""`iqabench report`: from a store to files, or to a message that says what to do."""

import shutil

import pytest

from iqabench.bench.core.errors import UserError
from iqabench.reports import write_report
from iqabench.reports.formats.write import FORMATS
from iqabench.reports.paper.report import compose

from ..conftest import MAIN


def test_html_is_one_file(explained_report):
    path = explained_report("html")
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_file_to_open_is_named_and_the_same_store_gives_the_same_bytes(
    explained_store, explained_report, tmp_path, form
):
    path = write_report(explained_store.root, form, tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / MAIN[form]
    files = {found.name: found.read_bytes() for found in path.parent.iterdir()}
    assert files == {found.name: found.read_bytes() for found in explained_report(form).parent.iterdir()}


def test_tables_are_in_the_papers_order_and_those_of_further_attacks_after_them(results):
    further = {"attack": "noise", "epsilon": 1.0}
    report = compose(results({}, further))
    assert [table.number for table in report.tables] == ["1", "2", "3", "4", "5", "6", "A1"]


def test_explanations_are_those_of_the_store_and_what_is_wrong_with_another_is_noted(
    explained_folder, swept_results, tmp_path
):
    shutil.copytree(explained_folder, tmp_path / "explain" / "synthetic" / "cprl")
    (tmp_path / "explain" / "stopped").mkdir()
    (tmp_path / "explain" / "stopped" / "explanation.json").touch()
    report = compose(swept_results, tmp_path)
    assert [found.model for found in report.explanations] == ["cprl"]
    assert [note for note in report.notes if "explain/stopped" in note]
    assert compose(swept_results).explanations == ()


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_store_is_refused_and_leaves_no_folder(store, tmp_path, form):
    with pytest.raises(UserError, match=r"results: no results in this folder; `iqabench run`"):
        write_report(store, form, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_an_unknown_format_is_answered_with_the_known_ones(swept_store, tmp_path):
    with pytest.raises(UserError, match="unknown report format 'htm': did you mean 'html'"):
        write_report(swept_store, "htm", tmp_path)


def test_a_folder_that_is_a_file_is_explained(swept_store, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match=r"--out .*taken: the report cannot be written"):
        write_report(swept_store, "html", tmp_path / "taken")
