"""An S3 server on this machine, and machines whose working folders follow one bucket."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iqabench.bench.store.remote import mirror

ADDRESS = "s3://lab/sweep"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A client of an S3 server on this machine that keeps its buckets in memory."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.get_host_and_port()[1]}")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield pytest.importorskip("boto3").client("s3")
    server.stop()


@pytest.fixture
def bucket(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, `lab`."""
    made = pytest.importorskip("boto3").resource("s3").create_bucket(Bucket="lab")
    monkeypatch.setenv("IQABENCH_STORES", str(tmp_path / "first"))
    monkeypatch.setattr(mirror, "_PAUSES", (0.0, 0.0))
    yield made
    made.objects.all().delete()
    made.delete()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go on as another machine, which has copies of its own."""
    return lambda name: monkeypatch.setenv("IQABENCH_STORES", str(tmp_path / name))


def names(bucket: Any) -> set[str]:
    return {entry.key.removeprefix("sweep/") for entry in bucket.objects.all()}
