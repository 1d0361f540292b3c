"""Stores at Amazon, Google and Microsoft, on servers on this machine: a sweep, a kill, mistakes."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pandas as pd
import pytest

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.remote.opening import open_store
from iqabench.bench.store.store import Store
from iqabench.tests.fabricated import drawn_cell, noisy

from .conftest import Cloud, amazon

KEY = b64encode(b"secret" * 5).decode()


def connection(port: int, account: str = "lab") -> str:
    endpoint = f"http://127.0.0.1:{port}/{account}"
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={KEY};BlobEndpoint={endpoint};"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def google(environment: pytest.MonkeyPatch) -> Iterator[Cloud]:
    pytest.importorskip("gcsfs", reason="gcsfs is not installed")
    emulator = pytest.importorskip(
        "gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed"
    )
    port = free_port()
    server = emulator.create_server("127.0.0.1", port, in_memory=True)
    server.start()
    environment.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    environment.setenv("FSSPEC_GS_TOKEN", "anon")  # for other processes; this one has read its variables
    environment.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    yield Cloud("gs", "gcsfs.GCSFileSystem")
    server.stop()


def azure(environment: pytest.MonkeyPatch) -> Iterator[Cloud]:
    pytest.importorskip("adlfs", reason="adlfs is not installed")
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("azurite-blob is not on the PATH; npm has it as azurite")
    port = free_port()
    options = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence")
    environment.setenv("AZURITE_ACCOUNTS", f"lab:{KEY};other:{KEY}")
    server = subprocess.Popen(
        [azurite, *options, "--skipApiVersionCheck", "--disableTelemetry"], stdout=subprocess.DEVNULL
    )
    wait_for(port)
    environment.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(port))
    yield Cloud("az", "adlfs.AzureBlobFileSystem")
    server.terminate()
    server.wait(10)


def wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.1)


SERVERS = pytest.mark.parametrize("server", [amazon, google, azure], ids=["s3", "gs", "az"], indirect=True)


def csv_of(iqabench: Callable[..., Any], cloud: Cloud) -> Any:
    return iqabench("results", "--format", "csv", "--results", cloud.address)


@SERVERS
def test_a_sweep_is_seen_and_repaired_from_another_machine(cloud, machine, iqabench, tiny_sweep, tmp_path):
    ran = iqabench("run", *tiny_sweep, "--results", cloud.address, exits=0)
    assert f"5 cells in {cloud.address}: 5 computed" in ran.output
    assert f"iqabench report --results {cloud.address}" in ran.output
    assert {(name.split("/")[0], Path(name).suffix) for name in cloud.names()} == {
        *(("cells", ".parquet"), ("cache", ".parquet"), ("splits", ".csv")),
        *(("checkpoints", ".json"), ("checkpoints", ".safetensors")),
    }
    here = csv_of(iqabench, cloud)

    machine("second")
    there = csv_of(iqabench, cloud)
    assert len(pd.read_csv(io.StringIO(there.stdout))) == 5
    assert there.stdout == here.stdout
    iqabench("report", "--format", "csv", "--results", cloud.address, "--out", str(tmp_path / "out"), exits=0)
    assert not list((tmp_path / "second").rglob("*.safetensors")), "a report needs no weights"
    again = iqabench("run", *tiny_sweep, "--results", cloud.address)
    assert "0 computed, 5 found done; 0 models trained" in again.output

    damaged = next(name for name in cloud.names() if "/fgsm-1-" in name)
    content = bytearray(cloud.files().cat_file(f"lab/sweep/{damaged}"))
    content[200] ^= 4  # among the scores
    cloud.files().pipe_file(f"lab/sweep/{damaged}", bytes(content))
    refused = csv_of(iqabench, cloud)
    assert len(pd.read_csv(io.StringIO(refused.stdout))) == 4
    assert damaged in refused.stderr
    assert "checksum does not fit" in refused.stderr
    repaired = iqabench("run", *tiny_sweep, "--results", cloud.address)
    assert "1 computed, 4 found done; 0 models trained" in repaired.output
    machine("first")
    assert len(pd.read_csv(io.StringIO(csv_of(iqabench, cloud).stdout))) == 5


KILLED = """
import os, signal, sys
from fsspec.core import url_to_fs
from iqabench.bench.store.remote.opening import open_store
from iqabench.bench.store.store import Store
from iqabench.tests.fabricated import drawn_cell

library, uploads = type(url_to_fs(sys.argv[1])[0]), []
put = library.put_file

def dying(self, *arguments):
    uploads.append(arguments)
    if len(uploads) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, *arguments)

library.put_file = dying
with open_store(sys.argv[1]) as folder:
    for seed in range(3):
        drawn_cell(Store(folder), seed=seed)
"""


@pytest.mark.parametrize("server", [amazon], ids=["s3"], indirect=True)
def test_a_process_killed_at_an_upload_loses_nothing(cloud, machine):
    assert subprocess.run([sys.executable, "-c", KILLED, cloud.address], check=False).returncode == -9
    assert len(cloud.names()) == 1
    with open_store(cloud.address) as folder:
        assert len(cloud.names()) == 2, "what the bucket lacks is put when the next command begins"
        assert len(list(Store(folder).cells())) == 2
    machine("second")
    with open_store(cloud.address) as folder:
        assert len(list(Store(folder).cells())) == 2


@SERVERS
def test_what_another_machine_replaced_or_removed_is_followed(cloud, machine):
    with open_store(cloud.address) as folder:
        replaced, removed = drawn_cell(Store(folder)), drawn_cell(Store(folder), seed=1)
    machine("second")
    with open_store(cloud.address) as other:
        drawn_cell(Store(other), noisy(0.5))
    cloud.files().rm(f"lab/sweep/{removed.relative_to(folder).as_posix()}")
    machine("first")
    with open_store(cloud.address, needs="numbers") as folder:
        (cell,) = Store(folder).cells()
        assert cell.path == replaced
        assert cell.path.read_bytes() == (other / replaced.relative_to(folder)).read_bytes()


@SERVERS
def test_a_bucket_that_is_not_there_is_told_before_anything_is_computed(cloud):
    address = f"{cloud.protocol}://labb/sweep"
    with pytest.raises(UserError, match=f"^{address}: no such bucket"), open_store(address):
        pytest.fail("opened")


@SERVERS
def test_an_empty_store_is_one(cloud, iqabench):
    empty = csv_of(iqabench, cloud)
    assert empty.exit_code == 2
    assert f"Error: {cloud.address}: no results in this folder; `iqabench run` computes some" in empty.output


@SERVERS
def test_a_refused_upload_is_said_and_made_up_for_by_the_next_command(cloud, monkeypatch, capsys):
    with monkeypatch.context() as refusing:
        refusing.setattr(f"{cloud.library}.put_file", refused)
        told = r"access refused .*is kept in .*next command"
        with pytest.raises(UserError, match=told), open_store(cloud.address) as folder:
            drawn_cell(Store(folder))
    assert not cloud.names()
    with open_store(cloud.address, needs="numbers") as folder:
        assert len(list(Store(folder).cells())) == 1
    assert "1 file of" in capsys.readouterr().err
    assert not cloud.names(), "a command that reads does not write"
    with open_store(cloud.address):
        assert len(cloud.names()) == 1


def refused(*_: Any) -> None:
    raise PermissionError("may not write")


@SERVERS
def test_no_server(cloud, iqabench, monkeypatch, capfd):
    for name in ("STORAGE_EMULATOR_HOST", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(f"{cloud.library}.retries", 1, raising=False)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(9))
    with monkeypatch.context() as impatient:
        impatient.setattr("asyncio.sleep", at_once)
        unreachable = csv_of(iqabench, cloud)
    assert unreachable.exit_code == 2
    assert f"Error: {cloud.address}: cannot be reached" in unreachable.output
    named = {"s3": "AWS_ENDPOINT_URL", "gs": "STORAGE_EMULATOR_HOST", "az": "AZURE_STORAGE_CONNECTION_STRING"}
    assert named[cloud.protocol] in unreachable.output
    assert "Traceback" not in unreachable.output + capfd.readouterr().err


async def at_once(*_: object) -> None:
    """Do without the pauses between the tries of a library."""


@pytest.mark.parametrize("server", [google], ids=["gs"], indirect=True)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_by_google(status, cloud, iqabench, monkeypatch):
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = b'{"error": {"code": %d, "message": "Anonymous caller does not have access"}}' % status
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    told = csv_of(iqabench, cloud)
    server.shutdown()
    server.server_close()
    assert told.exit_code == 2
    assert f"Error: {cloud.address}: access refused" in told.output
    assert "GOOGLE_APPLICATION_CREDENTIALS" in told.output


@pytest.mark.parametrize("server", [azure], ids=["az"], indirect=True)
@pytest.mark.parametrize(
    ("key", "told"),
    [
        (KEY[::-1].replace("=", ""), "access refused (Server failed to authenticate the request"),
        ("x", "no credentials for this bucket"),
        (None, "no credentials for this bucket"),
    ],
    ids=["wrong", "damaged", "missing"],
)
def test_a_key_of_azure_that_is_wrong_or_missing(key, told, cloud, iqabench, monkeypatch):
    if key is None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    else:
        right = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", right.replace(KEY, key))
    refused = csv_of(iqabench, cloud)
    assert refused.exit_code == 2
    assert f"Error: {cloud.address}: {told}" in refused.output
    assert "AZURE_STORAGE_CONNECTION_STRING" in refused.output


@pytest.mark.parametrize("server", [azure], ids=["az"], indirect=True)
def test_containers_of_one_name_in_two_accounts_have_a_working_folder_each(cloud, monkeypatch):
    with open_store(cloud.address, needs="nothing") as first:
        pass
    other = (
        os.environ["AZURE_STORAGE_CONNECTION_STRING"].replace("=lab;", "=other;").replace("/lab;", "/other;")
    )
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", other)
    cloud.files().mkdir("lab")
    with open_store(cloud.address, needs="nothing") as second:
        assert second != first
