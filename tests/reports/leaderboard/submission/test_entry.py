"""An entry's TOML file: what is accepted, and every mistake named with its row and what is accepted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqabench.reports.leaderboard.submission.entry import LARGEST, read_entry
from iqabench.reports.leaderboard.submission.printed import printed_entries
from iqabench.reports.published import load

COMPLETE = """\
name = "Sturdy"
model = "sturdy"
authors = ["A. Author", "B. Author"]
training = "adversarial, FGSM at 1/255"
code = "https://example.org/sturdy"
unreliable = "trained on the test images"
audit = "doubtful"

[paper]
title = "A sturdy metric"
url = "https://example.org/paper"
year = 2025

[[weights]]
dataset = "live"
seed = 0
url = "https://example.org/sturdy.safetensors"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

[[reported]]
dataset = "live"
attack = "fgsm"
epsilon = 1
srocc = 0.81
plcc = 0.79
mse = 0.02
source = "Table 1"

[[measured]]
dataset = "live"
attack = "none"
epsilon = 0
srocc = 0.9
interval = [0.88, 0.92]
scores = ["sturdy.scores/clean.parquet"]
"""
SMALLEST = 'name = "A"\ntraining = "clean"\n'
REPORTED = '[[reported]]\ndataset = "live"\nattack = "fgsm"\nepsilon = 1\nsrocc = 0.5\nsource = "Table 1"\n'


@pytest.fixture
def problems(tmp_path):
    def of(text):
        path = tmp_path / "entry.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read_entry(path).problems)

    return of


def test_a_complete_entry_is_read(tmp_path):
    (tmp_path / "entry.toml").write_text(COMPLETE)
    reading = read_entry(tmp_path / "entry.toml")
    assert reading.problems == ()
    entry = reading.entry
    assert (entry.name, entry.paper.year, entry.weights[0].seed) == ("Sturdy", 2025, 0)
    assert (entry.reported[0].plcc, entry.measured[0].plcc) == (0.79, None)
    assert entry.measured[0].scores == ["sturdy.scores/clean.parquet"]


def test_a_name_a_training_and_one_number_are_enough(problems):
    assert problems(SMALLEST + REPORTED) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("authors =", "autors =", "unknown key 'autors': did you mean 'authors'"),
        ("title =", "titel =", "[paper]: unknown key 'titel': did you mean 'title'?"),
        ("title =", "titel =", "[paper]: key 'title': missing"),
        ('name = "Sturdy"\n', "", "key 'name': missing"),
        ('"Sturdy"', '" "', "key 'name': found ' ', accepted is one line of text that is not empty"),
        ('"Sturdy"', '"a\\u001b[31m"', "key 'name': found 'a\\x1b[31m', accepted is one line"),
        ("year = 2025", 'year = "2025"', "[paper]: key 'year': found '2025', accepted is a valid int"),
        ("year = 2025", "year = 20255", "[paper]: key 'year': found 20255"),
        ("https://example.org/paper", "javascript:alert(1)", "an address that begins with https://"),
        ('"0123456789abcdef', '"', "accepted is a SHA-256 digest: 64 hexadecimal digits"),
        ("[[weights]]", "[weights]", "key 'weights': accepted are rows, each under [[weights]]"),
        ("epsilon = 1\n", "epsilon = 300\n", "[[reported]] row 1: key 'epsilon': found 300, accepted is in"),
        ("epsilon = 1\n", "epsilon = 0.003922\n", "units of 1/255: 0.003922 of pixels in [0, 1] is 1 here"),
        ("epsilon = 1\n", "epsilon = 0\n", 'attack = "none" with epsilon = 0, or an attack with'),
        ("srocc = 0.81", "srocc = 81", "key 'srocc': found 81, accepted is a correlation, from -1 to 1"),
        ('"doubtful"', '"fine"', "key 'audit': found 'fine', accepted is 'sound' or 'doubtful'"),
        ("srocc = 0.81\n", "", "[[reported]] row 1: accepted is srocc, or of images without labels rise, r "),
        (
            "srocc = 0.81",
            "srocc = 0.81\nr = 1.0",
            "accepted is srocc, or of images without labels rise, r or ",
        ),
        ("srocc = 0.81", "rise = 3", "key 'rise': found 3, accepted is a change of the score on a scale"),
        ("srocc = 0.81", "srocc = nan", "key 'srocc': found nan, accepted is a finite number"),
        ("srocc = 0.81", "srocc = -inf", "key 'srocc': found -inf, accepted is a finite number"),
        ("srocc = 0.81", "srocc = true", "key 'srocc': found True, accepted is a valid number"),
        ("srocc = 0.81", 'srocc = "0.81"', "key 'srocc': found '0.81', accepted is a valid number"),
        ("srocc = 0.81", f"srocc = {10**400}", "key 'srocc': found 1000"),
        ("srocc = 0.81", f"srocc = 0x{'f' * 9000}", "key 'srocc': found a value too long to print"),
        ("mse = 0.02", "mse = 64.1", "key 'mse': found 64.1, accepted is a mean squared error of quality"),
        ('source = "Table 1"', "", "[[reported]] row 1: key 'source': missing"),
        ("[0.88, 0.92]", "[0.88]", "[[measured]] row 1: key 'interval': found [0.88]"),
        ("sturdy.scores/", "/etc/", "accepted is a file in this TOML file's folder or below"),
        ("sturdy.scores/", "../", "accepted is a file in this TOML file's folder or below"),
        ("sturdy.scores/clean.parquet", "a\\u0000b", "accepted is a file in this TOML file's folder"),
        ('["sturdy.scores/clean.parquet"]', '"a.parquet"', "key 'scores': found 'a.parquet', accepted is a"),
        ('scores = ["sturdy.scores/clean.parquet"]', "", "nothing can verify the number: give the file"),
        ('source = "Table 1"', 'scores = ["a"]', "unknown key 'scores': it belongs under [[measured]]"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_is_accepted(problems, old, new, expected):
    assert old in COMPLETE
    found = problems(COMPLETE.replace(old, new, 1))
    assert any(expected in problem for problem in found), found
    assert all(len(problem) < 400 for problem in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SMALLEST, "no numbers: write [[reported]] or [[measured]] rows"),
        (SMALLEST + "reported = 3", "key 'reported': accepted are rows, each under [[reported]]"),
        (SMALLEST + "reported = [3]", "[[reported]] row 1: accepted is a table"),
        (SMALLEST + 'paper = "A paper"\n' + REPORTED, "[paper]: accepted is a table"),
        (SMALLEST + REPORTED * 2, "[[reported]] rows 1 and 2: both are live, fgsm at 1/255; keep one"),
        ("name = ", "not a TOML file: Invalid value"),
        (f"a = {'[' * 5000}", "not a TOML file: "),
        (f"a = {'1' * 5000}", "not a TOML file: "),
        ("name = 'Müller'".encode("latin-1"), "not a TOML file in UTF-8: byte 9 is no text"),
        (b"PAR1\x00\x15\x04\x15", "not a TOML file"),
        (b"\x89PNG", "not a TOML file in UTF-8: byte 0 is no text"),
        (b"", "key 'name': missing"),
        (b"#" * (LARGEST + 1), "more than 1 MiB; an entry is a small TOML file"),
    ],
)
def test_a_file_that_is_no_entry_is_named(problems, text, expected):
    found = problems(text)
    assert any(expected in problem for problem in found), found
    assert all(len(problem) < 400 for problem in found)


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    assert read_entry(tmp_path).problems == ("a folder; name the TOML file in it",)
    assert read_entry(tmp_path / "none.toml").problems == ("cannot be read: No such file or directory",)


DAMAGED = st.builds(
    lambda start, length, put: COMPLETE[:start] + put + COMPLETE[start + length :],
    *(st.integers(0, len(COMPLETE)), st.integers(0, 60), st.text(max_size=12)),
)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode) | DAMAGED.map(str.encode))
def test_no_content_makes_it_raise(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    reading = read_entry(path)
    assert bool(reading.problems) == (reading.entry is None)


def test_the_models_of_papers_are_entries_with_each_of_their_numbers_and_its_place():
    printed = load().query("model != '' and variant == ''")
    assert printed.groupby("source").size().to_dict() == {
        "antsiferova2024": 2,
        "cprl": 7 * 36,
        "gushchin2024": 16,
        "zhang2022": 20,
    }
    papers = {
        "antsiferova2024": "Antsiferova et al. 2024",
        "cprl": "Wang and Yuan 2024",
        "gushchin2024": "Gushchin et al. 2024",
        "zhang2022": "Zhang et al. 2022",
    }
    in_paper = {
        (row.model, row.dataset, row.attack, row.epsilon, row.metric): (
            row.value,
            f"{papers[row.source]}, {'Table ' if row.table.isdigit() else ''}{row.table}",
        )
        for row in printed.itertuples()
    }
    entries = list(printed_entries())
    in_entries = {
        (entry.model, row.dataset, row.attack, row.epsilon, metric): (number, row.source)
        for entry in entries
        for row in entry.reported
        for metric in ("srocc", "plcc", "mse", "rise", "r")
        if (number := getattr(row, metric)) is not None
    }
    assert in_entries == in_paper
    assert all(entry.paper.title and entry.authors and not entry.measured for entry in entries)
