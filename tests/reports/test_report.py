"""`iqabench report`: from a store to files, or to a message that says what to do."""

import pytest

from iqabench.bench.errors import UserError
from iqabench.reports import write_figure, write_report


def test_html_is_one_file_and_the_same_each_time(swept_store, tmp_path):
    path = write_report(swept_store, "html", tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / "report.html"
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]
    again = write_report(swept_store.root, "html", tmp_path / "c")
    assert again.read_bytes() == path.read_bytes()


def test_latex_is_a_folder_of_parts(swept_store, tmp_path):
    path = write_report(swept_store, "latex", tmp_path)
    assert path == tmp_path / "report.tex"
    assert (tmp_path / "figure6.pdf").read_bytes().startswith(b"%PDF")


def test_the_figure_alone_is_one_file(swept_store, tmp_path):
    assert write_figure(swept_store, tmp_path / "figure6.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("form", ["html", "latex"])
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
