"""Texts for people: parameters read as words, and no text of a stranger makes a terminal do anything."""

import tomllib
import unicodedata

import pytest

from iqabench.bench.core.text import heading, parameters, printable

DIRECTIONS = ("LRE", "RLO", "LRO", "RLE", "PDF", "LRI", "RLI")


def test_every_control_and_direction_character_is_written_out_and_all_else_is_kept():
    for code in range(0x3000):
        character = chr(code)
        kind = unicodedata.category(character)
        shown = printable(character)
        if character in "\n\t":
            assert shown == character
        elif kind == "Cc" or unicodedata.bidirectional(character) in DIRECTIONS:
            assert shown.isascii(), hex(code)
            assert shown.startswith("\\"), hex(code)
        elif kind[0] in "LNPS":
            assert shown == character


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[31mb", "a\\x1b[31mb"), ("\ud800", "\\ud800"), ("ä – 中", "ä – 中")]
)
def test_an_escape_stands_as_text(text, shown):
    assert printable(text) == shown


def test_parameters_are_told_by_name_and_those_that_are_absent_are_not():
    compact = '{"steps": 10, "random_start": true, "eight_bit": false, "step_size": null, "norm": "l2"}'
    assert parameters(compact) == "steps 10, random_start, no eight_bit, norm l2"
    assert parameters("{}") == ""
    source = '{"source": "tiny", "source_model": {"model_params": {"width": 2}, "defence": null, "x": {}}}'
    assert parameters(source) == "source tiny, source_model (model_params (width 2))"


@pytest.mark.parametrize("name", ["resnet", "pyiqa:musiq", "net.py:Net", 'a "quoted" one', "größe", ""])
def test_a_heading_is_one_that_toml_reads_as_these_keys(name):
    assert tomllib.loads(heading("models", name)) == {"models": {name: {}}}
    assert heading("models", "wide-resnet_2") == "[models.wide-resnet_2]"
