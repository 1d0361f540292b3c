"""Take a leaderboard entry out of the text of an issue, so that `iqabench entry verify` can look at it.

    ISSUE_BODY=... python .github/scripts/submission.py FOLDER

writes FOLDER/entry.toml and, where a ZIP archive is attached, its files beside it. The text is a stranger's:
nothing of it is run, only attachments of GitHub are fetched, and an archive may not be large or lead out
of the folder.
"""

import io
import os
import re
import sys
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

MOST_BYTES = 200_000_000
ATTACHMENT = r"https://github\.com/(?:user-attachments/files|[\w.-]+/[\w.-]+/files)/\d+/[\w.-]+\.zip"


def entry_in(body: str) -> str:
    """Return the TOML text under the heading that the issue form gives it."""
    found = re.search(r"^### The entry\s+```toml\n(.*?)^```", body, re.DOTALL | re.MULTILINE)
    if not found:
        raise SystemExit("The issue has no entry: fill in the field `The entry` of the form.")
    return found[1]


def attachment_in(body: str) -> str | None:
    """Return the address of the ZIP archive under the heading of the scores, or None."""
    section = re.search(r"^### The scores\s+(.*?)(?=^### |\Z)", body, re.DOTALL | re.MULTILINE)
    found = re.search(ATTACHMENT, section[1]) if section else None
    return found[0] if found else None


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files of a ZIP archive into a folder; refuse one that is too large or leads out of it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [member for member in opened.infolist() if not member.is_dir()]
        if sum(member.file_size for member in members) > MOST_BYTES:
            raise SystemExit(f"The archive holds more than {MOST_BYTES // 1_000_000} MB.")
        for member in members:
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or path.suffix != ".parquet":
                raise SystemExit(f"The archive holds {member.filename!r}; it may hold .parquet files only.")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(opened.read(member))


def main(folder: Path) -> None:
    """Write what the environment variable ISSUE_BODY holds into a folder."""
    body = os.environ["ISSUE_BODY"].replace("\r\n", "\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "entry.toml").write_text(entry_in(body), encoding="utf-8")
    address = attachment_in(body)
    if address:
        with urllib.request.urlopen(address, timeout=60) as answer:
            unpack(answer.read(MOST_BYTES), folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
