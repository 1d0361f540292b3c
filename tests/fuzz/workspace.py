"""A folder with one honest file of every kind that iqabench reads, in which commands run."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from click.testing import CliRunner, Result
from filelock import FileLock

from iqabench.bench.cli.main import main
from iqabench.bench.core import registry
from iqabench.bench.core.config import Settings, load_settings
from iqabench.bench.core.errors import UserError
from iqabench.bench.store.listing import index

from .building import build
from .kinds import Kind


class Workspace:
    """A folder that is restored before each call, in which commands run.

    Args:
        root: Where it is. Nothing may be there.
        honest: The folder with one honest file of every kind, which is made where nobody has made it.
    """

    def __init__(self, root: Path, honest: Path) -> None:
        self.root = root
        self._honest = honest
        self._seconds: dict[str, float] = {}
        with FileLock(f"{honest}.lock"):  # of several processes that run tests one makes it
            if not honest.exists():
                self.root.mkdir()
                with self.entered():
                    build()
                    self.invoke(["report", "--format", "csv", "--out", "out"])
                self.root.rename(honest)
        shutil.copytree(honest, self.root, symlinks=True)
        with self.entered():
            self._sweep = _sweep(load_settings(Path("bench.toml")))

    def restore(self, kind: Kind) -> list[Path]:
        """Make the folder what it was, without what the kind does without; return the files of the kind."""
        shutil.rmtree(self.root)
        shutil.copytree(self._honest, self.root, symlinks=True)
        for pattern in kind.without:
            for path in sorted(self.root.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        files = sorted(path for path in self.root.glob(kind.pattern) if path.is_file())
        assert files, kind
        return files

    def honest_seconds(self, command: str, kind: Kind) -> float:
        """Return how long a command takes where nothing is damaged."""
        key = f"{command} {kind}"
        if key not in self._seconds:
            self.restore(kind)
            started = time.monotonic()
            with self.entered():
                result = self.invoke(command.split())
            nothing_to_compare = command.startswith("check") and "Error" not in result.stderr
            assert result.exit_code < 2 or nothing_to_compare, result.output
            self._seconds[key] = time.monotonic() - started
        return self._seconds[key]

    def asks_for_other_work(self) -> bool:
        """Return whether the configuration is valid and asks for another sweep, which may take any time."""
        with self.entered():
            try:
                found = load_settings(Path("bench.toml"))
            except UserError:
                return False
        return _sweep(found) != self._sweep

    def invoke(self, command: list[str]) -> Result:
        """Run a command."""
        for registered in registry._PLUGINS.values():
            registered.clear()
        return CliRunner().invoke(main, command)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in the folder."""
        before = Path.cwd()
        os.chdir(self.root)
        try:
            with (
                mock.patch.dict(os.environ, {"IQABENCH_STORES": "stores"}),
                mock.patch.object(index, "INDEXED_FROM", 0),  # so that a small store has one
            ):
                yield
        finally:
            os.chdir(before)


def _sweep(settings: Settings) -> tuple[object, ...]:
    return settings.run, settings.training, settings.models, settings.attacks, settings.grid
