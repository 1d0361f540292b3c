"""Shows mkdocstrings the package alone: in the root it would read a virtual environment, too."""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHOWN = ("__init__.py", "attacks", "bench", "models", "reports", "testing.py")


def on_startup(**_: Any) -> None:
    """Link the package's folders and modules in `build/source/iqabench`, where mkdocs.yml looks for them."""
    folder = ROOT / "build" / "source" / "iqabench"
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHOWN:
        link = folder / name
        if not link.exists():
            link.symlink_to(Path("../../..", name))
