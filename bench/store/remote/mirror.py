"""A bucket and the local folder that follows it: what is fetched, what is put, and who wins."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from fsspec import AbstractFileSystem

from ...core.errors import UserError
from ...core.files import lock_on
from ...core.progress import counted, progress_over
from ...core.text import plural
from .failures import explained, lasting
from .record import Copy, Record, Stamp

Needs = Literal["all", "numbers", "nothing"]

WEIGHTS = ".safetensors"  # suffix of files that are fetched when a model is first needed

KEPT = {
    "cells": (".parquet",),
    "certificates": (".parquet",),
    "bounds": (".parquet",),
    "cache": (".parquet",),  # kept metrics
    "checkpoints": (".json", WEIGHTS),
    "explain": (".npz",),
    "splits": (".csv",),
}
"""Folders of a store, and the suffixes of their files, that are in the bucket. Others are this machine's."""

_AT_ONCE = 256  # files
_PAUSES = (1.0, 3.0)  # seconds before an upload is tried again
_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "modified", "created")


class Mirror:
    """A working folder that follows a store in a bucket.

    A file that changed in the bucket is fetched, one that was removed there is removed here, and one that was
    finished here is put there. Where both changed, the bucket's is taken. The store is in the folder `root`
    of the bucket; its address is for people.
    """

    def __init__(self, address: str, files: AbstractFileSystem, root: str, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self._files = files
        self._root = root.rstrip("/")
        self._record = Record(folder / ".copies.sqlite")
        self._on_demand: dict[str, str] = {}  # versions of what is fetched when it is asked for

    def follow(self, needs: Needs) -> list[str]:
        """Fetch what is needed as it is in the bucket now; return names of what is here and not yet there.

        Raises:
            UserError: the bucket cannot be read, or the store is no longer there.
        """
        with lock_on(self.folder / ".copies.lock"):
            # The record first, so that what another process puts meanwhile is not taken as gone.
            known = self._record.all()
            with explained(self.address):
                there = self._there()
            here = self._here()
            if known and not there:
                raise UserError(
                    f"{self.address}: the store was removed from the bucket; this machine's copy is still in "
                    f"{self.folder}: copy it back to the bucket, or remove that folder to begin anew"
                )
            old = {name for name in there if name not in known or known[name].version != there[name]}
            wanted = {name: there[name] for name in there if name in old or name not in here}
            self._on_demand = {name: wanted.pop(name) for name in [*wanted] if name.endswith(WEIGHTS)}
            for name in self._on_demand.keys() & here.keys():  # other ones than those in the bucket now
                (self.folder / name).unlink(missing_ok=True)
            if needs != "nothing":
                self._fetch(wanted)
            changed = {name for name in here if name not in known or known[name].stamp != here[name]}
            removed = here.keys() - there.keys() - changed
            for name in removed:
                (self.folder / name).unlink(missing_ok=True)
            self._record.remove(known.keys() - there.keys() - changed)
            return sorted(changed - old)

    def finished(self, path: Path) -> None:
        """Put a file into the bucket that was finished in the folder, if its kind is kept there.

        Raises:
            UserError: it cannot be put there, tried several times. Kept metrics do without.
        """
        name = path.relative_to(self.folder).as_posix()
        if not is_kept(name):
            return
        for pause in (*_PAUSES, None):
            try:
                self._put(name)
            except UserError as error:
                if name.startswith("cache/"):
                    return
                if pause is None or lasting(error):
                    raise UserError(
                        f"{error}. Nothing is lost: {name} is kept in {self.folder}, and the next command "
                        "that computes puts it into the bucket"
                    ) from error
                time.sleep(pause)
            else:
                return

    def bring(self, path: Path) -> None:
        """Fetch a file that was in the bucket when `follow` looked, and is not here, or raise a UserError."""
        name = path.relative_to(self.folder).as_posix()
        if name in self._on_demand:
            with lock_on(self.folder / ".copies.lock"):
                if not path.exists():
                    self._fetch({name: self._on_demand[name]})

    def put_all(self, names: Sequence[str]) -> None:
        """Put files into the bucket that are not there yet. Raises as `finished`."""
        for name in counted(names, f"putting {plural(len(names), 'file')} to {self.address}", len(names)):
            self.finished(self.folder / name)

    def unfinished(self) -> list[str]:
        """Return the files that changed here since they were last put or fetched."""
        known = self._record.all()
        here = self._here()
        return sorted(name for name in here if name not in known or known[name].stamp != here[name])

    def _there(self) -> dict[str, str]:
        """Return the version of each file in the bucket by its name in the store."""
        found = self._files.find(self._root, detail=True)
        if not found and "az" in self._files.protocol:  # which lists a missing container as an empty one
            self._files.ls(self._root.split("/")[0])
        named = {path.removeprefix(f"{self._root}/"): facts for path, facts in found.items()}
        return {name: _version(facts) for name, facts in named.items() if is_kept(name)}

    def _here(self) -> dict[str, Stamp]:
        found = {}
        for top in KEPT:
            for folder, _, files in os.walk(self.folder / top):
                for path in (Path(folder, file) for file in files):
                    if is_kept(name := path.relative_to(self.folder).as_posix()):
                        found[name] = Stamp.of(path)
        return found

    def _fetch(self, versions: Mapping[str, str]) -> None:
        """Fetch files, many at a time; each appears in its place whole. Called under the lock of `follow`."""
        parts = self.folder / ".fetched"
        shutil.rmtree(parts, ignore_errors=True)  # of a process that was killed
        names = list(versions)
        with progress_over(len(names), show=True, delay=2.0) as progress:
            progress.doing(f"fetching {plural(len(names), 'file')} of {self.address}")
            for start in range(0, len(names), _AT_ONCE):
                now = names[start : start + _AT_ONCE]
                batch = {name: parts / str(place) for place, name in enumerate(now)}
                with explained(self.address):
                    parts.mkdir(exist_ok=True)
                    self._files.get([self._path(name) for name in batch], [*map(str, batch.values())])
                copies = {}
                for name, part in batch.items():
                    copies[name] = Copy(versions[name], Stamp.of(part))
                    path = self.folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if path.is_dir():
                        raise UserError(
                            f"{path}: a folder, where a file of {self.address} belongs: remove it"
                        )
                    part.replace(path)
                self._record.add(copies)
                progress.advance(len(batch))
        shutil.rmtree(parts, ignore_errors=True)

    def _put(self, name: str) -> None:
        stamp = Stamp.of(self.folder / name)
        with explained(self.address):
            self._files.put_file(str(self.folder / name), self._path(name))
            version = _version(self._files.info(self._path(name)))
        self._record.add({name: Copy(version, stamp)})

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def is_kept(name: str) -> bool:
    """Return whether a file of a store is in the bucket, by its path in the store."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)  # "..", too
    return not hidden and len(path.parts) > 1 and path.suffix in KEPT.get(path.parts[0], ())


def _version(facts: Mapping[str, Any]) -> str:
    """Return what changes when a remote file is replaced, as its listing tells it."""
    return f"{facts.get('size')} {next((facts[key] for key in _VERSIONS if facts.get(key)), '')}"
