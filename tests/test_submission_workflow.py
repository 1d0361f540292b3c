"""The workflow for submissions takes an entry out of the issue form's text, and nothing else."""

import io
import runpy
import zipfile
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = runpy.run_path(str(ROOT / ".github/scripts/submission.py"))
ENTRY = """\
name = "Sturdy"
training = "clean"

[[reported]]
dataset = "live"
attack = "none"
epsilon = 0
srocc = 0.9
source = "Table 1"
"""
LINK = "https://github.com/user-attachments/files/123/sturdy.scores.zip"


def body(scores="_No response_", entry=ENTRY):
    """What GitHub makes of the form: a heading for each field's label, then what was filled in."""
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/leaderboard_submission.yml").read_text())
    filled = {
        "name": "Sturdy",
        "entry": f"```toml\n{entry}```",
        "scores": scores,
        "verified": "```text\nok\n```",
    }
    asked = [part for part in form["body"] if part.get("id") in filled]
    assert [part["id"] for part in asked] == list(filled)
    return "\n\n".join(f"### {part['attributes']['label']}\n\n{filled[part['id']]}" for part in asked)


def zipped(**files):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def test_an_entry_of_the_form_is_verified(tmp_path, monkeypatch, iqabench):
    monkeypatch.setenv("ISSUE_BODY", body().replace("\n", "\r\n"))
    SCRIPT["main"](tmp_path / "submitted")
    assert (tmp_path / "submitted" / "entry.toml").read_text() == ENTRY
    iqabench("entry", "verify", str(tmp_path / "submitted" / "entry.toml"), exits=0)


def test_an_issue_without_an_entry_is_told_so():
    with pytest.raises(SystemExit, match="no entry"):
        SCRIPT["entry_in"]("### The entry\n\n_No response_")


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        (f"[sturdy.zip]({LINK})", LINK),
        ("_No response_", None),
        ("https://example.org/user-attachments/files/1/a.zip", None),
        ("https://github.com/user-attachments/files/1/../../a.zip", None),
    ],
)
def test_only_an_attachment_of_github_is_fetched(scores, found):
    assert SCRIPT["attachment_in"](body(scores)) == found


def test_an_archive_stays_in_its_folder_and_holds_scores_only(tmp_path):
    SCRIPT["unpack"](zipped(**{"sturdy.scores/a.parquet": b"1"}), tmp_path)
    assert (tmp_path / "sturdy.scores" / "a.parquet").read_bytes() == b"1"
    for name in ("../a.parquet", "/a.parquet", "a.py"):
        with pytest.raises(SystemExit, match="may hold"):
            SCRIPT["unpack"](zipped(**{name: b"1"}), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_an_archive_that_unpacks_to_very_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(SCRIPT["unpack"].__globals__, "MOST_BYTES", 10)
    with pytest.raises(SystemExit, match="more than"):
        SCRIPT["unpack"](zipped(**{"a.parquet": b"0" * 11}), tmp_path)


def test_what_a_stranger_wrote_reaches_no_command_line():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                assert "github.event" not in step.get("run", "")
    jobs = yaml.safe_load((ROOT / ".github/workflows/submission.yml").read_text())["jobs"]
    assert "permissions" not in jobs["verify"]
    assert not any("checkout" in step.get("uses", "") for step in jobs["answer"]["steps"])
