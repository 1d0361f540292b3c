"""The examples run as they are, say what they promise, and stay short."""

import json
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from iqabench.bench.core import registry

FOLDER = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "drawn.py")


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run a script as `python SCRIPT` does, in another folder, and return what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    for kind in registry._PLUGINS:
        monkeypatch.setitem(registry._PLUGINS, kind, {})

    def ran(name):
        runpy.run_path(str(FOLDER / name), run_name="__main__")
        return capsys.readouterr().out

    return ran


def test_there_are_five_scripts_of_at_most_forty_lines():
    assert len(SCRIPTS) == 5
    assert all(len(path.read_text().splitlines()) <= 40 for path in SCRIPTS)


def test_a_first_number_is_lower_the_larger_the_ball(run):
    rows = [line.split() for line in run("first_number.py").splitlines()[1:]]
    assert [" ".join(row[:3]) for row in rows] == ["brisque none 0.0", "brisque auto 1.0", "brisque auto 2.0"]
    clean, one, two = float(rows[0][4]), float(rows[1][5]), float(rows[2][5])
    assert clean > one >= two


def test_a_metric_of_ones_own_loses_more_to_fgsm_than_to_noise(run):
    rows = {tuple(line.split()[:2]): line.split() for line in run("your_metric.py").splitlines()[1:]}
    assert float(rows["fgsm", "4.0"][2]) < float(rows["noise", "4.0"][2])


def test_images_are_attacked_inside_the_ball(run, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    lines = run("attack_images.py").splitlines()
    told = "within {0}/255: largest change {0}.00 grey levels"
    assert [line.split(",")[0] for line in lines] == [told.format(1), told.format(2)]
    assert (tmp_path / "attacked.png").is_file()


def test_a_worst_ranking_needs_scores_only(run):
    values = dict(line.split()[:2] for line in run("worst_ranking.py").splitlines()[:4])
    assert float(values["worst_srocc"]) < float(values["reflection_srocc"])


def test_an_audit_tells_an_honest_metric_from_one_that_rounds(run):
    printed = run("audit_a_model.py")
    assert "Contrast is sound" in printed
    assert "Rounded is doubtful\n    blind gradient" in printed


def test_the_notebook_runs_from_top_to_bottom(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    notebook = json.loads((FOLDER / "curve.ipynb").read_text())
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["axes"].lines) == 2
    assert len(names["attacked"]) == len(names["before"]) == 12
    plt.close(names["figure"])
