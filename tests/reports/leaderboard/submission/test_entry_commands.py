"""`iqabench entry`: from a sweep to an entry that verifies, with the exit statuses that are promised."""

from pathlib import Path

import pytest

from iqabench.reports.leaderboard.compose import compose_board
from iqabench.reports.leaderboard.submission.printed import printed_entries


def test_from_a_sweep_to_an_entry_to_the_board(iqabench, tiny_sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    iqabench("run", *tiny_sweep, exits=0)
    made = iqabench("entry", "create", "--model", "tiny", "--out", "mine.toml", "--name", "Tiny", exits=0)
    assert "5 measured numbers of tiny in mine.toml, and 5 files" in made.output
    assert "mine.toml: Tiny: 5 measured numbers on drawn; nothing is wrong" in made.output

    iqabench("entry", "verify", "mine.toml", exits=0)
    entry = Path("mine.toml")
    assert [*compose_board([entry], Path("results")).entrants][-1].name == "Tiny"

    entry.write_text(entry.read_text().replace("srocc = ", "srocc = -").replace("--", ""))
    found = iqabench("entry", "verify", "mine.toml", exits=1)
    assert found.output.count("SROCC is stated as") == 5


def test_a_model_of_several_seeds_has_digests_of_all_its_weights(iqabench, tiny_sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert iqabench("run", *tiny_sweep, "--seed", "0,1", "--attacks", "fgsm").exit_code == 0
    made = iqabench("entry", "create", "--model", "tiny", "--out", "mine.toml", exits=0)
    assert "3 measured numbers of tiny in mine.toml, and 6 files" in made.output
    text = Path("mine.toml").read_text()
    assert text.count("sha256 = ") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify"], "Missing argument 'FILE...'"),
        (["verify", "none.toml"], "does not exist"),
        (["verify", "."], "is a directory"),
        (["create", "--out", "a.toml"], "Missing option '--model'"),
        (["create", "--model", "tiny", "--out", "a.toml"], "no results in this folder"),
        (["create", "--model", "tiny", "--out", "a.json"], "an entry is a TOML file: name it a.toml"),
    ],
)
def test_wrong_usage_has_exit_status_2(iqabench, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = iqabench("entry", *arguments, exits=2)
    assert said in done.output


def test_the_leaderboard_takes_the_entries_it_is_given_and_the_store_that_is_there(
    iqabench, tiny_sweep, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    built = iqabench("leaderboard", exits=0)
    assert built.output == "site/index.html\n"
    assert len(list(Path("site/models").iterdir())) == len(list(printed_entries()))

    assert iqabench("run", *tiny_sweep, "--attacks", "fgsm").exit_code == 0
    assert iqabench("entry", "create", "--model", "tiny", "--out", "mine.toml").exit_code == 0
    assert iqabench("leaderboard", "--out", "other").exit_code == 0
    assert Path("other/models/tiny.html").is_file()
    broken = Path("broken.toml")
    broken.write_text("name = 3")
    built = iqabench("leaderboard", "--entries", "mine.toml", "--entries", str(broken), exits=0)
    assert "Note: " in built.output
    assert "broken.toml" in built.output
    assert Path("site/models/tiny.html").is_file()

    nowhere = iqabench("leaderboard", "--results", "nowhere", exits=2)
    assert "nowhere: no results in this folder" in nowhere.output
