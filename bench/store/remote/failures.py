"""Turns what goes wrong between this machine and a bucket into a sentence that says what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ...core.errors import UserError

_LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn whatever a library for buckets raises into a `UserError` that says what to do."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each library has its own kinds
        raise UserError(f"{address}: {_sentence(error)}") from error


def lasting(error: UserError) -> bool:
    """Return whether it is of no use to try once more what an `explained` error stopped."""
    cause = error.__cause__
    return isinstance(cause, (PermissionError, FileNotFoundError, ImportError)) or _no_credentials(cause)


def _sentence(error: Exception) -> str:
    told = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    if isinstance(error, ImportError):
        return f'{told}; for s3:// that is `pip install "iqabench[s3]"`'
    if isinstance(error, ValueError) and "rotocol" in told:
        return f"{told}; a store is a folder, or an address such as s3://BUCKET/NAME, gs://... or az://..."
    if isinstance(error, OSError) and error.errno in _LOCAL:
        return f"no copy can be kept here: {told}; IQABENCH_STORES names another folder for copies of stores"
    if _no_credentials(error):
        return (
            f"no credentials for this bucket ({told}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "write ~/.aws/credentials; a public bucket is read with FSSPEC_S3_ANON=true; gs:// and az:// "
            "have variables of their own (docs/stores.md)"
        )
    if isinstance(error, PermissionError):
        return f"access refused ({told}): these credentials may not do that; use others, or ask its owner"
    if isinstance(error, FileNotFoundError):
        return (
            f"no such bucket, or a file was removed just now ({told}): check the name, or create the bucket"
        )
    return (
        f"cannot be reached ({type(error).__name__}: {told}): check the network, and AWS_ENDPOINT_URL where "
        "the server is not Amazon's; then run the same command again"
    )


def _no_credentials(error: BaseException | None) -> bool:
    return "credential" in type(error).__name__.lower()
