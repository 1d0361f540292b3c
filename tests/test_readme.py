"""The README says what is true: its plugin runs as written, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_plugin_of_the_readme_runs_as_written(iqabench, tiny_sweep, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    (tmp_path / "my_model.py").write_text(code)
    options = ["--plugin", str(tmp_path / "my_model.py"), "--models", "mine", "--attacks", "fgsm"]
    done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
    assert done.exit_code == 0, done.output
    assert "3 computed" in done.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
