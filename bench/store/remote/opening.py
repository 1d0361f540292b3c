"""Open a store by its address: a folder, or a bucket with a working folder on this machine."""

import hashlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.files import folder_of_results, safe_name, watching
from ...core.text import plural, printable
from .failures import explained
from .mirror import KEPT, Mirror, Needs

FOLDERS = "IQABENCH_STORES"  # variable of the environment that names the folder of the working folders

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "FSSPEC_S3_ENDPOINT_URL", "STORAGE_EMULATOR_HOST")
_SILENT = logging.NullHandler()


@contextmanager
def open_store(address: str | Path, *, needs: Needs = "all") -> Iterator[Path]:
    """Give the folder in which the store at an address is read and written, for the time of the block.

    A folder is its own. A store in a bucket has a working folder on this machine. What is not there is
    fetched when the block begins, the weights of a model when they are asked for; each cell, checkpoint and
    other file that is finished in the folder is put into the bucket before it counts as done.

    Args:
        address: A folder, or an address that fsspec knows: `s3://BUCKET/NAME`, `gs://...`, `az://...`.
        needs: "all", to compute; "numbers", to read: what an earlier command could not put into the bucket
            stays here; "nothing": only see that the bucket can be reached.

    Raises:
        UserError: no folder can be at the address; the bucket cannot be reached, read or written.
    """
    text = str(address).removeprefix("file://")
    if not text.strip():
        raise UserError("the address of a store is empty; it is a folder, or such as s3://BUCKET/NAME")
    if "://" not in text:
        if any("\ud800" <= character <= "\udfff" for character in text):  # stands for a byte
            raise UserError(f"{text}: a path that is not in UTF-8, which files of weights ask for; rename it")
        if Path(text).is_symlink() and not Path(text).exists():
            raise UserError(
                f"{text}: a link to {os.readlink(text)}, where nothing is; make that folder first"
            )
        yield folder_of_results(Path(text))
        return
    mirror = _mirror(text)
    unfinished = mirror.follow(needs)
    with watching(mirror.folder, mirror), _named(mirror):
        if needs == "all":
            mirror.put_all(unfinished)
        elif unfinished:
            note = (
                f"Note: {plural(len(unfinished), 'file')} of {mirror.folder} could not be put into {text} "
                f"yet, such as {unfinished[0]}; the next command that computes does it."
            )
            print(printable(note), file=sys.stderr)
        yield mirror.folder
        if needs == "all":
            mirror.put_all(mirror.unfinished())  # of processes that share the folder without its keeper


def _mirror(address: str) -> Mirror:
    from fsspec.core import url_to_fs

    if address.startswith(("http://", "https://")):
        raise UserError(
            f"{address}: a web address cannot be written to; a store is, for instance, s3://BUCKET/NAME"
        )
    if "memory" in address.split("://")[0].split("::"):
        raise UserError(
            f"{address}: ends with this command, and all that is in it; a store is a folder, or an address "
            "such as s3://BUCKET/NAME"
        )
    # Otherwise gcsfs asks by gRPC of which kind a bucket is, for a minute where nothing answers.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    logging.getLogger("gcsfs").addHandler(_SILENT)  # prints a traceback of each error, which is told below
    with explained(address):
        files, root = url_to_fs(address, skip_instance_cache=True)
    if not root.strip("/"):
        raise UserError(f"{address}: names no bucket; a store is, for instance, s3://BUCKET/NAME")
    store = address.rstrip("/")
    mark = hashlib.sha256(f"{_server(files)} {store}".encode()).hexdigest()[:8]
    folder = _folders() / f"{safe_name(store.replace('://', '-'))[-60:]}-{mark}"
    folder.mkdir(parents=True, exist_ok=True)
    return Mirror(address, files, root, folder)


def _server(files: Any) -> str:
    """Return what tells apart the servers that may have buckets of one name; "" for the usual one."""
    if account := getattr(files, "service_client", None):  # of Azure, whose addresses do not name the account
        return str(account.primary_endpoint).split("?")[0]
    return next(filter(None, map(os.environ.get, _ENDPOINTS)), "")


def _folders() -> Path:
    from platformdirs import user_cache_path

    named = os.environ.get(FOLDERS)
    return Path(named).expanduser().absolute() if named else user_cache_path("iqabench") / "stores"


@contextmanager
def _named(mirror: Mirror) -> Iterator[None]:
    """Let errors name files as they are called in the bucket, which is where they are to be removed."""
    try:
        yield
    except UserError as error:
        ours = re.escape(str(mirror.folder)) + rf"(?=/(?:{'|'.join(set(KEPT) - {'cache'})})/|:)"
        text = re.sub(ours, lambda _: mirror.address, str(error))
        raise UserError(text) from error
