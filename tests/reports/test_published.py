"""The published numbers: as the paper prints them, and a pair of files that cannot be understood is named."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from iqabench.bench.core.errors import UserError
from iqabench.reports import published

ROOT = Path(published.__file__).resolve().parents[2]
PAPER = next(
    (path for path in (ROOT.parent / "shared" / "paper").glob("*.txt") if "Table 5." in path.read_text()),
    None,
)
HEADER = "table,dataset,model,attack,epsilon,variant,srocc,plcc,mse,images,types\n"
CITATION = 'title = "A paper"\nauthors = ["A. Author"]\nyear = 2025\n'
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@pytest.fixture(scope="module")
def table():
    return published.load()


def value(table, /, **place):
    chosen = table
    for name, wanted in place.items():
        chosen = chosen[chosen[name] == wanted]
    (found,) = chosen["value"]
    return found


def test_the_columns_are_those_promised(table):
    assert list(table.columns) == [
        "table", "dataset", "model", "attack", "epsilon", "variant", "metric", "value", "source",
    ]  # fmt: skip
    mine = table[table["source"] == published.PAPER]
    assert mine.groupby("table").size().to_dict() == {"1": 84, "2": 84, "3": 6, "4": 84, "5": 36, "6": 12}


def test_names_are_those_of_the_registry(table):
    mine = table[table["source"] == published.PAPER]
    assert set(mine["dataset"]) == {"vcl", "live", "livec", "koniq"}
    assert set(mine["attack"]) == {"none", "fgsm", "pgd"}
    assert set(mine.query("table != '3'")["model"]) == {
        "dbcnn", "nima", "resnet", "lwta", "denoise", "sat", "cprl",
    }  # fmt: skip
    assert set(mine.query("table == '3'")["model"]) == {""}
    assert {*zip(mine["attack"], mine["epsilon"], strict=True)} == {("none", 0), ("fgsm", 1), ("pgd", 1)}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"table": "1", "dataset": "vcl", "model": "dbcnn", "metric": "srocc"}, 0.1895),
        ({"table": "1", "dataset": "koniq", "model": "cprl", "metric": "mse"}, 0.0052),
        ({"table": "2", "dataset": "livec", "model": "sat", "metric": "plcc"}, -0.1984),
        ({"table": "3", "dataset": "koniq", "metric": "images"}, 10073),
        ({"table": "3", "dataset": "vcl", "metric": "types"}, 4),
        ({"table": "4", "dataset": "live", "model": "resnet", "metric": "srocc"}, 0.8807),
        ({"table": "5", "variant": "b=0.4", "attack": "fgsm", "metric": "srocc"}, 0.8432),
        ({"table": "5", "variant": "b=0.1", "attack": "none", "metric": "srocc"}, -0.2014),
        ({"table": "6", "variant": "CA", "attack": "fgsm", "metric": "srocc"}, 0.8623),
        ({"table": "6", "variant": "CA+PNS", "attack": "none", "metric": "plcc"}, 0.9143),
    ],
)
def test_some_numbers_read_off_by_hand(table, place, expected):
    assert value(table, **place) == expected


def test_the_papers_cprl_is_its_mask_with_pns(table):
    for metric in ("srocc", "plcc", "mse"):
        for number, attack in (("1", "fgsm"), ("4", "none")):
            of_models = value(table, table=number, dataset="live", model="cprl", metric=metric)
            assert of_models == value(table, table="6", variant="CA+PNS", attack=attack, metric=metric)


def test_zhang_2022_has_the_attacks_of_each_model_on_itself(table):
    mine = table[table["source"] == "zhang2022"]
    assert len(mine) == 4 * (1 + 4)
    assert value(mine, model="brisque", attack="none") == 0.9231
    assert value(mine, model="CORNIA", attack="zhang_dists_unseen") == 0.0139
    assert value(mine, model="Ma19", attack="zhang_chebyshev_unseen") == 0.2441
    assert value(mine, model="UNIQUE", attack="zhang_lpips_unseen") == -0.1813


@pytest.mark.parametrize("clean", [0.9231, 0.9650, 0.9091, 0.9301])
def test_the_clean_numbers_of_zhang_2022_are_of_12_images(clean):
    """Without ties SROCC is 1 - 6 D / (n (n^2 - 1)), D a sum of squared differences, which is even."""
    squares = (1 - clean) * 12 * (12**2 - 1) / 6
    assert squares == pytest.approx(2 * round(squares / 2), abs=0.03)


def test_antsiferova_2024_has_what_its_notebook_prints(table):
    mine = table[table["source"] == "antsiferova2024"]
    assert mine.set_index("metric")["value"].to_dict() == {"rise": 0.297, "r": 0.399}
    assert {*mine["model"]} == {"MANIQA"}


@pytest.mark.parametrize("model", ["KonCept512", "KonCept512 behind JPEG"])
def test_the_numbers_of_gushchin_2024_are_those_of_the_scores_in_its_files(table, model):
    scores = pd.read_csv(ROOT / "tests" / "data" / "published" / "gushchin2024.csv")
    mine = table[(table["source"] == "gushchin2024") & (table["model"] == model)]
    prefix = "jpeg_" if "JPEG" in model else ""
    for attack in ("none", "fgsm", "uap", "cadv"):
        srocc = spearmanr(scores["mos"], scores[prefix + attack]).statistic
        plcc = pearsonr(scores["mos"], scores[prefix + attack]).statistic
        assert value(mine, attack=attack, metric="srocc") == pytest.approx(srocc, abs=5e-5)
        assert value(mine, attack=attack, metric="plcc") == pytest.approx(plcc, abs=5e-5)
    assert len(mine) == 2 * 4


@pytest.mark.skipif(PAPER is None, reason="the paper's text is not here")
@pytest.mark.parametrize("number", list("123456"))
def test_every_number_of_the_papers_text_is_there_and_no_other(table, number):
    """The order of the file is the order of print, so a table is one sequence of numbers."""
    mine = table[(table["table"] == number) & (table["source"] == published.PAPER)]
    assert [f"{found:g}" for found in mine["value"]] == [f"{found:g}" for found in printed(number)]


@pytest.mark.skipif(PAPER is None, reason="the paper's text is not here")
@pytest.mark.parametrize("number", ["1", "2", "4"])
def test_each_number_stands_where_the_paper_prints_it(table, number):
    names = {"DBCNN": "dbcnn", "NIMA": "nima", "ResNet": "resnet", "LWTA": "lwta", "Denoise": "denoise"}
    names |= {"SAT": "sat", "CPRL": "cprl"}
    head, _, *rows = [line.split("\t") for line in lines(number)]
    datasets = [cell.lower() for cell in head if cell not in ("Datasets", "")]
    for name, *cells in rows:
        for index, text in enumerate(cells):
            place = {"dataset": datasets[index // 3], "metric": ("srocc", "plcc", "mse")[index % 3]}
            found = value(table, table=number, model=names[name.split()[0]], **place)
            assert found == float(re.sub("</?b>", "", text))


def lines(number):
    """The lines of a table that hold cells, up to the first empty line after them."""
    body = PAPER.read_text().split(f"\nTable {number}. ")[1].split("\n\n")[1]
    return [line for line in body.splitlines() if "\t" in line]


def printed(number):
    for line in lines(number):
        name, *cells = re.sub("</?b>", "", line).split("\t")
        for cell in cells:
            if NUMBER.fullmatch(cell) and name:
                yield float(cell.replace(",", ""))


def test_each_paper_is_cited():
    cited = published.citations()
    assert set(cited) == set(published.load()["source"])
    assert cited["cprl"].authors == ["Lei Wang", "Desen Yuan"]
    assert cited["cprl"].year == 2024


def test_another_paper_is_one_more_pair_of_files(tmp_path):
    write(tmp_path, "2,live,mine,pgd,2,x,-0.25\n\n3,live,,none,0,,,,,779,5\n")
    first, *counts = published.load(tmp_path).to_dict("records")
    place = {"dataset": "live", "model": "mine", "attack": "pgd", "epsilon": 2.0, "variant": "x"}
    assert first == {"table": "2", **place, "metric": "srocc", "value": -0.25, "source": "other"}
    assert [(row["metric"], row["value"]) for row in counts] == [("images", 779), ("types", 5)]


NO_METRIC = "line 2: accepted is any of srocc, plcc, mse, rise and r of a model, or images"
FAULTS = {
    "a text": (
        "\n1,live,mine,fgsm,1,,,,high\n",
        "other.csv, line 3: key 'mse': found 'high', accepted is a valid",
    ),
    "NaN": ("1,live,mine,fgsm,1,,nan\n", "other.csv, line 2: key 'srocc': found 'nan', accepted is a finite"),
    "no epsilon": ("1,live,mine,fgsm,one,,1\n", "line 2: key 'epsilon': found 'one'"),
    "no dataset": ("1,,mine,fgsm,1,,1\n", "line 2: key 'dataset': missing"),
    "clean at 1": ("1,live,mine,none,1,,1\n", "line 2: accepted is attack `none` with epsilon 0"),
    "images of a model": ("3,live,mine,none,0,,,,,1\n", NO_METRIC),
    "nothing": ("1,live,mine,fgsm,1\n", NO_METRIC),
    "a field more": ("1,live,mine,fgsm,1,,1,1,1,,,7\n", "line 2: unknown key 'without a column'"),
    "twice": ("1,live,a,fgsm,1,,1\n1,live,a,fgsm,1.0,,2\n", "line 3: repeats line 2; keep one"),
}
ROW = "1,live,mine,fgsm,1,,1\n"
HEADERS = {
    "srok": (HEADER.replace("srocc", "srok"), "line 2: unknown key 'srok': did you mean 'srocc'"),
    "Attack": (HEADER.replace("attack", "Attack"), "line 2: key 'attack': missing"),
    "no text": (b"\xff\xfe\n", "other.csv: not a CSV file in UTF-8"),
}
CITATIONS = {
    "none": (None, "other.csv: write other.toml beside it, with title, authors, year"),
    "yeer": (CITATION.replace("year", "yeer"), "other.toml: key 'year': missing|unknown key 'yeer'"),
    "a link": (CITATION + 'link = "x"\n', "other.toml: unknown key 'link': Known: authors, doi, models"),
    "nobody": (CITATION.replace('["A. Author"]', "[]"), r"other.toml: key 'authors': found \[\]"),
    "no TOML": ("title = ", "other.toml: not a TOML file in UTF-8"),
}


@pytest.mark.parametrize(
    ("rows", "files", "told"),
    [
        *((rows, {}, told) for rows, told in FAULTS.values()),
        *((ROW, {"header": header}, told) for header, told in HEADERS.values()),
        *(("", {"citation": citation}, told) for citation, told in CITATIONS.values()),
    ],
    ids=[*FAULTS, *HEADERS, *CITATIONS],
)
def test_a_row_a_heading_or_a_citation_that_cannot_be_understood_is_named(tmp_path, rows, files, told):
    write(tmp_path, rows, **files)
    with pytest.raises(UserError, match=told):
        published.load(tmp_path)


def test_numbers_that_are_missing_are_named(tmp_path):
    with pytest.raises(UserError, match="no published numbers here; it takes pairs"):
        published.load(tmp_path)
    (tmp_path / "other.toml").write_text(CITATION)
    with pytest.raises(UserError, match=r"other.toml: write other.csv beside it, with table"):
        published.load(tmp_path)


def test_every_file_of_the_reports_goes_into_a_wheel():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {file.parent for file in (ROOT / "reports").rglob("*") if file.is_file()}
    for folder in sorted(folders - {path for path in folders if path.name == "__pycache__"}):
        data = {path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc")}
        package = folder if (folder / "__init__.py").exists() else folder.parent  # of templates
        name = f"iqabench.{package.relative_to(ROOT).as_posix().replace('/', '.')}"
        assert name in setuptools["packages"]
        patterns = setuptools["package-data"].get(name, [])
        assert data <= {path for pattern in patterns for path in package.glob(pattern)}
    assert "*.csv" in setuptools["package-data"]["iqabench.reports.published"]


def write(folder, rows, header=HEADER, citation=CITATION):
    header = header if isinstance(header, bytes) else header.encode()
    (folder / "other.csv").write_bytes(header + rows.encode())
    if citation is not None:
        (folder / "other.toml").write_text(citation)
