"""docs/pyiqa.md works as written: its table is what was measured, and its commands do what it says."""

import re
from pathlib import Path

import pytest

pytest.importorskip("pyiqa")

from iqabench.bench.core.config import load_settings
from iqabench.models.pyiqa.facts import measured
from iqabench.models.pyiqa.library import resolve

from .pages import blocks, commands, page_of

PAGE = page_of("pyiqa.md")


def rows() -> dict[str, list[str]]:
    lines = re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    return {name: rest.split(" | ") for name, rest in lines}


def test_the_table_is_what_was_measured_of_at_least_twenty_five_metrics():
    facts = measured()
    assert set(rows()) == set(facts)
    assert f"These {len(facts)} no-reference metrics" in PAGE
    assert len(facts) >= 25
    for name, (scale, gradient, side, _, _, files) in rows().items():
        assert scale == str(resolve(name).scale)
        assert gradient == facts[name].gradient
        assert side == f"{facts[name].side} px"
        assert tuple(re.findall("`([^`]+)`", files)) == facts[name].files


def test_its_table_is_a_configuration_and_its_command_names_the_file_that_is_missing(
    iqabench, drawn_database, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (block,) = blocks(PAGE, "toml")
    Path("bench.toml").write_text(block.replace("/data/pyiqa", str(tmp_path)))
    assert load_settings(Path("bench.toml")).models["musiq"]["like"] == "pyiqa:musiq"
    listing, run = commands("".join(blocks(PAGE)))
    listed = iqabench(*listing, exits=0)
    assert all(f"pyiqa:{name} " in listed.output for name in rows())
    at = {"pyiqa:musiq,pyiqa:brisque": "musiq", "live": str(drawn_database)}
    done = iqabench(*(at.get(word, word) for word in run), exits=2)
    assert "musiq_koniq_ckpt-e95806b9.pth" in done.output
    assert f"Put it into {tmp_path}" in done.output
