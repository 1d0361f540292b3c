"""docs/leaderboard.md: its example is an entry, its tables name every key, its commands run."""

import re
from pathlib import Path

from iqabench.bench.store.outside.table import NUMBERS, TEXTS
from iqabench.reports.leaderboard.red_flags import red_flags
from iqabench.reports.leaderboard.submission.entry import (
    Entry,
    Measured,
    Paper,
    Reported,
    Weights,
    read_entry,
)
from iqabench.reports.leaderboard.submission.printed import printed_entries
from iqabench.reports.leaderboard.submission.verify import reported_numbers
from iqabench.reports.published import paper_models

from ...fabricated import drawn_sweep
from ...pages import blocks, commands, page_of

PAGE = page_of("leaderboard.md")


def test_its_example_is_an_entry(tmp_path):
    (text,) = blocks(PAGE, "toml")
    (tmp_path / "example.toml").write_text(text)
    assert read_entry(tmp_path / "example.toml").problems == ()


def test_its_tables_name_every_key_and_which_are_required():
    keys = PAGE.partition("## Every key")[2].partition("## Red flags")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", keys, re.MULTILINE)
    tables = ("paper", "weights", "reported", "measured")
    head = [key for key in Entry.model_fields if key not in tables]
    numbers = dict.fromkeys([*Reported.model_fields, *Measured.model_fields])
    known = [*head, *Paper.model_fields, *Weights.model_fields, *numbers]
    assert sorted(key for key, _ in rows) == sorted(known)
    required = {
        key
        for schema in (Entry, Paper, Weights, Reported, Measured)
        for key, field in schema.model_fields.items()
        if field.is_required()
    }
    assert {key for key, needed in rows if "required" in needed} == required


def test_it_names_every_column_of_scores_that_others_measured():
    section = PAGE.partition("## Scores that others measured")[2].partition("## Every key")[0]
    assert set(re.findall(r"`(\w+)`", section)) >= {*TEXTS, *NUMBERS}


def test_as_many_of_the_papers_models_have_red_flags_as_it_says():
    of_paper = [entry for entry in printed_entries() if entry.model in paper_models()]
    flagged = [entry.name for entry in of_paper if red_flags(reported_numbers(entry))]
    assert len(flagged) == 5
    assert "Five of the CPRL paper's seven models have red flags" in PAGE


def test_its_commands_run(iqabench, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn_sweep(store, datasets=("live",), models=("mine",), epsilons=(1.0,))
    Path("amifgsm_maniqa_test.csv").write_text(
        "image_name,test_dataset,clear,attacked,rel_gain,psnr,ssim,mse\na.png,NIPS,0.5,1.1,2.2,30.2,0.8,0.001\n"
    )
    Path("theirs.csv").write_text(
        "image,clean,low,high,attack,psnr,ssim,label\n"
        + "".join(f"{n}.png,{40 + n},{30 + n},{60 - n},square,40,0.9,{1 + n}\n" for n in range(4))
    )
    for arguments in commands("".join(blocks(PAGE, "sh"))):
        iqabench(*arguments, exits=0)
    assert read_entry(Path("sturdy.toml")).entry.authors == ["A. Author", "B. Author"]
