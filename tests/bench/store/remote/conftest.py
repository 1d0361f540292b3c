"""Object stores on this machine, S3 unless a test says otherwise, and machines whose folders follow one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import pytest

from iqabench.bench.store.remote import mirror

ADDRESS = "s3://lab/sweep"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Cloud(NamedTuple):
    """A server on this machine."""

    protocol: str
    library: str
    """Class whose method `put_file` uploads."""

    def files(self) -> Any:
        return fsspec.filesystem(self.protocol, skip_instance_cache=True)

    def names(self) -> set[str]:
        return {path.removeprefix("lab/sweep/") for path in self.files().find("lab/sweep")}

    @property
    def address(self) -> str:
        return f"{self.protocol}://lab/sweep"


def amazon(environment: pytest.MonkeyPatch) -> Iterator[Cloud]:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    for name, value in CREDENTIALS.items():
        environment.setenv(name, value)
    environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.get_host_and_port()[1]}")
    environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield Cloud("s3", "s3fs.S3FileSystem")
    server.stop()


@pytest.fixture(scope="module", params=[amazon], ids=["s3"])
def server(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A server on this machine that keeps its buckets in memory."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        yield from request.param(environment)


@pytest.fixture
def cloud(server: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A server with an empty bucket, `lab`."""
    monkeypatch.setenv("IQABENCH_STORES", str(tmp_path / "first"))
    monkeypatch.setattr(mirror, "_PAUSES", (0.0, 0.0))
    environment = dict(os.environ)
    server.files().mkdir("lab")
    yield server
    os.environ.update(environment)  # a test may have named another server
    server.files().rm("lab", recursive=True)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go on as another machine, which has copies of its own."""
    return lambda name: monkeypatch.setenv("IQABENCH_STORES", str(tmp_path / name))


@pytest.fixture
def local(machine: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a store in a folder that is used like a bucket."""
    monkeypatch.setitem(fsspec.config.conf, "local", {"auto_mkdir": True})
    machine("first")
    return f"local://{tmp_path}/lab/sweep"
