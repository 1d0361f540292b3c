"""Scores that others measured: forms of their files, what is flagged and refused, where they are shown."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from scipy import stats

from iqabench.bench.store.results import read_results
from iqabench.reports.catalogue import attack_name
from iqabench.reports.leaderboard.compose import compose_board
from iqabench.reports.leaderboard.ranking import rankings
from iqabench.reports.leaderboard.site.payload import remark
from iqabench.reports.leaderboard.site.site import write_site
from iqabench.reports.paper.report import compose

from ....reports.tables import cell_of
from ....reports.tables import row_of as row_named

MSU = """image_name,test_dataset,clear,attacked,rel_gain,psnr,ssim,mse
a.png,NIPS,0.5,1.1,2.2,30.0,0.8,0.001
b.png,NIPS,0.6,0.9,1.5,32.0,0.9,0.0006
c.png,NIPS,0.4,0.4,1.0,inf,1.0,0.0
"""


@pytest.fixture
def imported(iqabench: Callable[..., Result], tmp_path: Path):
    def run(text: str, *options: str, status: int = 0) -> str:
        (tmp_path / "theirs.csv").write_text(text)
        done = iqabench(
            "import", str(tmp_path / "theirs.csv"), "--model", "theirs", "--source", "A. Author 2030, file x",
            "--results", str(tmp_path / "results"), *options,
        )  # fmt: skip
        assert done.exit_code == status, done.output
        return done.output

    return run


def test_msus_file_of_an_attack_is_read_as_it_is(imported, tmp_path: Path) -> None:
    said = imported(MSU, "--attack", "mifgsm")
    assert "root mean squared error" in said
    results = read_results(tmp_path / "results")
    row = results.frame[results.frame["attack"] != "none"].iloc[0]
    assert (row["dataset"], row["attack"], row["n"]) == ("NIPS", "mifgsm (RMSE)", 3)
    assert row["epsilon"] == pytest.approx(255 * 10 ** (-32 / 20), abs=0.01)
    assert row["psnr"] == 32.0
    assert row["gain_up"] == pytest.approx((0.6 + 0.3 + 0) / 3)
    assert row["gain_down"] == 0
    clean, attacked = np.array([0.5, 0.6, 0.4]), np.array([1.1, 0.9, 0.4])
    terms = np.log10(np.maximum(1 - clean, clean) / (np.abs(attacked - clean) + 1e-6))
    assert row["r_msu"] == pytest.approx(terms.mean())
    assert row["wasserstein"] == pytest.approx(stats.wasserstein_distance(clean, attacked))
    assert row["measured_by"] == "A. Author 2030, file x"
    assert row["variant"] == "measured elsewhere"
    assert row["status"] == "images without labels"


def test_msus_images_without_labels_are_on_the_board_by_how_far_scores_move(imported, tmp_path: Path) -> None:
    imported(MSU, "--attack", "mifgsm")
    board = compose_board(store=tmp_path / "results")
    (theirs,) = (one for one in board.entrants if one.name == "theirs (measured elsewhere)")
    assert (theirs.numbers, board.notes) == ((), ())
    (move,) = theirs.moves
    assert (move.kind, move.dataset, move.attack, move.images) == ("measured", "NIPS", "mifgsm (RMSE)", 3)
    assert (move.rise, move.fall) == (pytest.approx(0.3), 0)
    assert move.width == pytest.approx(0.3)
    assert move.measured_by == "A. Author 2030, file x"
    assert [dataset for dataset, _ in theirs.red_flags] == ["NIPS"]
    page = (write_site(board, tmp_path / "site").parent / "databases" / "nips.html").read_text()
    assert ">theirs (measured elsewhere)<" in page
    assert "measured elsewhere by A. Author 2030, file x" in page


def generic(images: int = 40) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    label = draw.random(images)
    clean = 0.8 * label + 0.1 * draw.random(images)
    moved = 0.05 + 0.1 * draw.random(images)
    return pd.DataFrame({
        "image": [f"{place}.png" for place in range(images)],
        "clean": 100 * clean, "low": 100 * (clean - moved), "high": 100 * (clean + moved),
        "label": 5 - 4 * label, "epsilon": 2,
    })  # fmt: skip


def test_the_generic_form_has_intervals_labels_and_scales(imported, tmp_path: Path) -> None:
    table = generic()
    options = ("--scores", "0,100", "--labels", "5,1", "--dataset", "mine", "--attack", "square")
    assert "2 cells of theirs on mine, 40 images, measured by A. Author 2030, file x." in imported(
        table.to_csv(index=False), *options
    )
    frame = read_results(tmp_path / "results").frame.set_index("attack")
    expected = stats.spearmanr(table["clean"], -table["label"]).statistic
    assert frame.loc["none", "srocc"] == pytest.approx(expected)
    assert frame.loc["square", "median_width"] == pytest.approx(
        ((table["high"] - table["low"]) / 100).median()
    )
    assert frame.loc["square", "worst_srocc"] < frame.loc["none", "srocc"]


def test_a_file_with_the_largest_change_tells_its_epsilon(imported, tmp_path: Path) -> None:
    text = "image_name,clear,attacked,mos,l_inf_clear_attacked,psnr_clear_attacked,ssim_clear_attacked\n"
    text += "".join(f"{n}.jpg,{20 + n},{60 - n},{1 + n / 10},{2 / 255},47.5,0.98\n" for n in range(9))
    imported(text, "--scores", "0,100", "--labels", "1,5", "--attack", "fgsm", "--dataset", "koniq10k")
    frame = read_results(tmp_path / "results").frame.set_index("attack")
    assert frame.loc["fgsm", "epsilon"] == 2.0
    assert frame.loc["fgsm", ["psnr", "ssim"]].tolist() == [47.5, 0.98]


def test_images_that_are_there_twice_count_once_and_are_flagged(imported, tmp_path: Path) -> None:
    again = MSU + "a.png,NIPS,0.5,1.3,2.6,30.0,0.8,0.001\nd.png,NIPS,0.6,0.9,1.5,32.0,0.9,0.0006\n"
    said = imported(again, "--attack", "mifgsm")
    assert "1 row of 1 image (a.png) is there more than once" in said
    assert "differ by up to 0.2 of the scale" in said
    assert "1 image has the scores of another name to the last digit (b.png, d.png)" in said
    row = read_results(tmp_path / "results").frame.iloc[-1]
    assert row["n"] == 4
    assert row["gain_up"] == pytest.approx((0.6 + 0.3 + 0 + 0.3) / 4)


@pytest.mark.parametrize(
    ("moved", "told"),
    [(0.0, ""), (0.05, "3 images (a, b, c) have several clean scores, up to 0.05 of the scale apart")],
)
def test_an_image_with_another_clean_score_for_each_attack_is_told(imported, moved: float, told: str) -> None:
    rows = [
        f"{name},{attack},{clean + of_attack:.2f},{clean + 0.1:.2f}"
        for attack, of_attack in (("fgsm", 0.0), ("pgd", moved))
        for name, clean in (("a", 0.2), ("b", 0.4), ("c", 0.6))
    ]
    text = "\n".join(["image,attack,clean,adversarial", *rows])
    said = imported(text, "--dataset", "photos", "--epsilon", "2", "--scores", "0,1")
    assert told in said
    assert ("several" in said) == bool(told)


def test_they_are_shown_as_measured_elsewhere_and_mix_with_nothing(imported, tmp_path: Path) -> None:
    options = ("--scores", "0,100", "--labels", "5,1", "--dataset", "live", "--attack", "auto")
    imported(generic().to_csv(index=False), *options)
    report = compose(read_results(tmp_path / "results"))
    tables = {table.number: table for table in report.tables}
    assert "0" not in tables
    row = row_named(tables["E"], "theirs, auto at 2/255")
    assert row.cells[-1][0].text == "A. Author 2030, file x"
    assert cell_of(tables["E"], "theirs, auto at 2/255", "").kind == "number"

    board = compose_board((), tmp_path / "results")
    (entrant,) = (one for one in board.entrants if one.name.startswith("theirs"))
    assert entrant.name == "theirs (measured elsewhere)"
    assert any("measured elsewhere by A. Author 2030" in flag for _, flag in entrant.red_flags)
    notes = [
        remark(standing, ranking)
        for ranking in rankings(board)
        for standing in ranking.standings
        if standing.entrant == entrant
    ]
    assert notes
    assert all(text.startswith("measured elsewhere") for text in notes)


def test_files_of_one_attack_each_are_all_shown_each_with_the_clean_scores_of_its_file(
    imported, tmp_path: Path
) -> None:
    shown = {}
    for attack, images in (("square", 40), ("mifgsm", 30), ("square", 25)):
        table = generic(images)
        options = ("--scores", "0,100", "--labels", "5,1", "--dataset", "mine", "--attack", attack)
        imported(table.to_csv(index=False), *options)
        clean = stats.spearmanr(table["clean"], -table["label"]).statistic
        shown[f"theirs, {attack_name(attack)} at 2/255"] = f"{clean:.3f}"
    (table_e,) = (one for one in compose(read_results(tmp_path / "results")).tables if one.number == "E")
    assert {str(row.name): row.cells[0][0].text for row in table_e.rows} == shown
    assert table_e.notes == (
        "Of theirs on mine 1 cell measured by A. Author 2030, file x "
        f"({attack_name('square')} at 2/255) is not shown: of several files with one "
        "attack and ε the one that was imported last is.",
    )
    board = compose_board(store=tmp_path / "results")
    (theirs,) = (one for one in board.entrants if one.name == "theirs (measured elsewhere)")
    assert sorted((one.attack, one.images) for one in theirs.numbers if one.attack != "none") == [
        ("mifgsm", 30), ("square", 25),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "fault"), [
    (MSU, (), "lacks the columns attack; its first line names image_name, test_dataset, clear"),
    (MSU.replace(",", ";"), ("--attack", "x"), "its first line names image_name;test_dataset;clear"),
    (MSU.replace("0.6,0.9", "0,6,0,9"), ("--attack", "x"), "line 3: 10 fields under a heading of 8"),
    (MSU.replace("rel_gain", "clear"), ("--attack", "x"), "two columns 'clear'"),
    (MSU.replace("rel_gain", "attack"), ("--attack", "x"), "has a column 'attack': leave out --attack"),
    (MSU.replace("clear", "before"), ("--attack", "x"), "lacks the columns clean"),
    (MSU.replace("attacked,", "after,"), ("--attack", "x"), "adversarial (or low and high)"),
    (MSU.replace("0.6,0.9", "0.6,n/a"), ("--attack", "x"), "line 3: column 'adversarial': 'n/a' is not"),
    (MSU.replace("b.png", ""), ("--attack", "x"), "line 3: column 'image' is empty"),
    (MSU.replace("0.6,0.9", "60,90"), ("--attack", "x"), "--scores WORST,BEST"),
    (MSU.replace("mse", "mos"), ("--attack", "x"), "--labels WORST,BEST"),
    (MSU.replace("mse", "mos"), ("--attack", "x", "--labels", "1,5"), "label 0.001 is outside the scale"),
    (MSU.replace("psnr", "p"), ("--attack", "x"), "tells neither epsilon nor psnr"),
    (MSU, ("--attack", "x", "--epsilon", "0"), "accepted is a number above 0"),
    (MSU, ("--attack", "x", "--epsilon", "nan"), "column 'epsilon': 'nan' is not a number"),
    (MSU, ("--attack", "x", "--epsilon", "256"), "column 'epsilon': '256.0' is not from 0 to 255"),
    (MSU.replace("1.1", "inf"), ("--attack", "x"), "line 2: column 'adversarial': 'inf' is not a number"),
    (MSU.replace("30.0", "-30.0"), ("--attack", "x"), "line 2: column 'psnr': '-30.0' is not from 0 to inf"),
    (MSU.replace("30.0", "-inf"), ("--attack", "x"), "line 2: column 'psnr': '-inf' is not a number"),
    (MSU.replace("30.0", "inf"), ("--attack", "x"), "most images of x have an infinite psnr"),
    (MSU.replace("0.8", "1.8"), ("--attack", "x"), "line 2: column 'ssim': '1.8' is not from -1 to 1"),
    (MSU.replace("inf", "0").replace("psnr", "l_inf"), ("--attack", "x"), "'30.0' is not from 0 to 1"),
    (MSU.replace("\nb.png", "\n\n,,,,,,,\nb.png").replace("0.9", "n/a"), ("--attack", "x"), "line 5: column"),
    (MSU, ("--attack", "x", "--scores", "1,1"), "accepted are two different numbers"),
    (MSU.splitlines()[0], ("--attack", "x"), "holds no image"),
    ("", ("--attack", "x"), "cannot be read as a CSV file: it is empty"),
])  # fmt: skip
def test_what_is_wrong_is_said(imported, text: str, options: tuple[str, ...], fault: str) -> None:
    assert fault in imported(text, *options, status=2)
