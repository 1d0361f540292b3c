"""Stores are opened by address, and whatever is wrong with one is said in a sentence."""

import json
import sys
from collections.abc import Iterator

import click
import pytest

from iqabench.bench.cli.main import main
from iqabench.bench.store.remote.opening import open_store
from iqabench.bench.store.store import Store
from iqabench.tests.fabricated import drawn_cell, noisy

from .conftest import ADDRESS

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")


def test_every_command_on_a_store_takes_an_address():
    def leaves(command: click.Command) -> Iterator[click.Command]:
        for below in command.commands.values() if isinstance(command, click.Group) else ():
            yield from leaves(below)
        yield command

    options = [
        (command.name, option)
        for command in leaves(main)
        for option in command.params
        if option.name == "results"
    ]
    assert len(options) > 10
    assert [name for name, option in options if option.metavar != "DIR|URL"] == []


def test_a_comparison_of_stores_in_two_buckets(iqabench, local):
    first, second = (f"{local}/{name}" for name in ("one", "two"))
    for address, noise in ((first, 0.1), (second, 0.2)):
        with open_store(address) as folder:
            drawn_cell(Store(folder), noisy(noise), weights=str(noise))
    arguments = ("resnet", "resnet", "--results", first, "--against", second)
    compared = iqabench("compare", *arguments, "--format", "json", exits=0)
    assert json.loads(compared.stdout)


def test_a_store_that_was_removed_from_its_bucket(cloud, iqabench):
    with open_store(ADDRESS) as folder:
        drawn_cell(Store(folder))
    cloud.files().rm("lab/sweep", recursive=True)
    gone = iqabench("results", "--results", ADDRESS, exits=2)
    assert f"{ADDRESS}: the store was removed from the bucket" in gone.output
    assert str(folder) in gone.output
    assert len(list(Store(folder).cells())) == 1, "the copy is left alone"


def test_no_credentials(cloud, iqabench, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    refused = iqabench("results", "--results", ADDRESS, exits=2)
    assert "no credentials for this bucket" in refused.output
    assert "AWS_ACCESS_KEY_ID" in refused.output


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s4://lab/sweep", "known: s4; a store is a folder, or an address such as s3://BUCKET/NAME"),
        ("s3://", "names no bucket"),
        ("https://example.org/store", "a web address cannot be written to"),
        ("memory://lab/sweep", "ends with this command, and all that is in it"),
        ("filecache::memory://lab/sweep", "ends with this command, and all that is in it"),
        ("", "the address of a store is empty"),
        (" ", "the address of a store is empty"),
    ],
)
def test_an_address_that_is_none(address, told, iqabench):
    refused = iqabench("results", "--results", address, exits=2)
    assert told in refused.output


@pytest.mark.parametrize(("extra", "library"), [("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")])
def test_a_library_that_is_not_installed(extra, library, iqabench, monkeypatch):
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, extra, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    missing = iqabench("results", "--results", f"{extra}://lab/sweep", exits=2)
    assert f'for {extra}:// that is `pip install "iqabench[{extra}]"`' in missing.output


def test_another_kind_of_remote_folder(local, machine):
    with open_store(local) as folder:
        drawn_cell(Store(folder))
    machine("second")
    with open_store(local) as other:
        assert other != folder
        assert len(list(Store(other).cells())) == 1
