"""Turns what goes wrong between this machine and a bucket into a sentence that says what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ...core.errors import UserError, first_line

_LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class _Cloud(NamedTuple):
    credentials: str
    server: str


_CLOUDS = {  # by their protocols, which are the names of the extras
    "s3": _Cloud(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials; a public bucket is "
        "read with FSSPEC_S3_ANON=true",
        "AWS_ENDPOINT_URL where the server is not Amazon's",
    ),
    "gs": _Cloud(
        "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name the key "
        "file of a service account; a public bucket is read with FSSPEC_GS_TOKEN=anon",
        "STORAGE_EMULATOR_HOST where the server is not Google's",
    ),
    "az": _Cloud(
        "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY; "
        "a public container is read with AZURE_STORAGE_ANON=true and the account's name",
        "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME",
    ),
}
_ALIASES = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn whatever a library for buckets raises into a `UserError` that says what to do."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each library has its own kinds
        raise UserError(f"{address}: {_sentence(address, error)}") from error


def lasting(error: UserError) -> bool:
    """Return whether it is of no use to try once more what an `explained` error stopped."""
    cause = error.__cause__
    if isinstance(cause, (FileNotFoundError, ImportError)):
        return True
    return cause is not None and (_refused(cause) or _no_credentials(cause))


def _sentence(address: str, error: Exception) -> str:
    told = first_line(error).rstrip(".")
    protocol = address.split("://")[0]
    protocol = _ALIASES.get(protocol, protocol)
    cloud = _CLOUDS.get(protocol)
    how = f": {cloud.credentials}" if cloud else ""
    if isinstance(error, ImportError):
        return told + (f'; for {protocol}:// that is `pip install "iqabench[{protocol}]"`' if cloud else "")
    if isinstance(error, ValueError) and "rotocol" in told:
        return f"{told}; a store is a folder, or an address such as s3://BUCKET/NAME, gs://... or az://..."
    if isinstance(error, OSError) and error.errno in _LOCAL:
        return f"no copy can be kept here: {told}; IQABENCH_STORES names another folder for copies of stores"
    if _refused(error):
        return f"access refused ({told}): the credentials may not do that; ask its owner, or use others{how}"
    if _no_credentials(error):
        return f"no credentials for this bucket ({told}){how}"
    if isinstance(error, FileNotFoundError):
        return f"no such bucket, or a file was removed just now ({told}): check the name, or create it"
    server = f", and {cloud.server}" if cloud else ""
    return (
        f"cannot be reached ({type(error).__name__}: {told}): check the network{server}; then run the same "
        "command again"
    )


def _refused(error: BaseException) -> bool:
    """Return whether a server answered that this is not allowed; some libraries have no error for it."""
    answers = (getattr(error, name, None) for name in ("status_code", "code"))
    forbidden = isinstance(error, PermissionError) or str(error).startswith("Forbidden: ")  # gcsfs
    return forbidden or any(answer in (401, 403) for answer in answers)


def _no_credentials(error: BaseException) -> bool:
    """Return whether a library found no credentials, or none that it can read."""
    name = type(error).__name__.lower()
    known = any(part in name for part in ("credential", "authentication", "signing"))
    return known or "account_name with credentials" in str(error)  # adlfs
