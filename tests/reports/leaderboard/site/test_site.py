"""The site's files: what is in them, what they weigh, and that users' texts stay texts."""

import csv
import json
import math
import re
from dataclasses import replace

import pytest

from iqabench.benchmarks.leaderboard import drawn_board
from iqabench.reports.leaderboard.board import Move
from iqabench.reports.leaderboard.ranking import rankings
from iqabench.reports.leaderboard.site.download import COLUMNS
from iqabench.reports.leaderboard.site.ranking_page import render_rankings
from iqabench.reports.leaderboard.site.site import write_site

from ..boards import HOSTILE, board, entrant, measured, reported, varied


@pytest.fixture
def site(tmp_path):
    return write_site(varied(), tmp_path).parent


def text(path):
    return path.read_text(encoding="utf-8")


def embedded(page):
    return json.loads(re.search(r'<script id="board" type="application/json">(.*)</script>', page)[1])


def rows(page):
    """The words of each cell of the rows of a page's first table."""
    body = re.search("<tbody>(.*?)</tbody>", text(page), re.DOTALL)[1]
    cells = (re.findall("<t[hd].*?</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")[:-1])
    return [[" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


def headings(page):
    return [re.sub("<[^>]+>", "", one) for one in re.findall(r"<h2[^>]*>(.*?)</h2>", text(page))]


def hostile():
    numbers = (reported(0.5, HOSTILE, 1, dataset=HOSTILE, parameters=HOSTILE, source=HOSTILE), reported(0.4))
    return board(
        entrant(
            HOSTILE,
            *numbers,
            slug="hostile",
            paper=HOSTILE,
            authors=(HOSTILE, HOSTILE),
            links=((HOSTILE, HOSTILE), ("code", "javascript:alert(1)"), ("web", 'https://e.org/"onclick="x')),
            training=HOSTILE,
            unreliable=HOSTILE,
            red_flags=((HOSTILE, HOSTILE),),
            facts=((HOSTILE, HOSTILE),),
        ),
        notes=(HOSTILE,),
    )


def test_every_number_is_in_the_csv_file(site):
    rows = list(csv.DictReader(text(site / "leaderboard.csv").splitlines()))
    numbers = [(one, number) for one in varied().entrants for number in one.numbers]
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(numbers)
    for row, (one, number) in zip(rows, numbers, strict=True):
        assert (row["slug"], row["kind"], row["attack"]) == (one.slug, number.kind, number.attack)
        assert float(row["srocc"] or "nan") == pytest.approx(number.srocc, abs=0, nan_ok=True)
        assert (row["low"] == "") == math.isnan(number.low)


def test_the_whole_board_is_in_the_json_file(site):
    held = json.loads(text(site / "leaderboard.json"))
    assert [one["name"] for one in held["entrants"]] == [one.name for one in varied().entrants]
    delta = held["entrants"][3]["numbers"]
    assert [number["srocc"] for number in delta] == [None, 0.99]
    assert held["notes"] == ["One entry was left out."]


def test_every_ranking_is_in_a_file_with_the_ranks_that_intervals_leave_open(site):
    held = json.loads(text(site / "rankings.json"))
    found = rankings(varied())
    assert len(held) == len(found) == 12
    for lines, ranking in zip(held, found, strict=True):
        assert (lines["dataset"], lines["attack"], lines["epsilon"]) == (
            ranking.threat.dataset, ranking.threat.attack, ranking.threat.epsilon,
        )  # fmt: skip
        for line, standing in zip(lines["standings"], ranking.standings, strict=True):
            assert line["slug"] == standing.entrant.slug
            assert (line["rank"], line["best"], line["worst"]) == (standing.ranks or (None, None, None))


def test_the_same_board_gives_the_same_bytes(site, tmp_path):
    again = tmp_path / "again"
    write_site(varied(), again)
    files = sorted(path.relative_to(again) for path in again.rglob("*.*"))
    pages = {"databases": 3, "attacks": 3, "models": len(varied().entrants)}
    assert len(files) == 4 + sum(pages.values())
    assert all((again / file).read_bytes() == (site / file).read_bytes() for file in files)


def test_pages_of_a_former_build_are_removed_and_no_others(site):
    (site / "models" / "mine.html").write_text("not of this package")
    write_site(board(varied().entrants[0]), site)
    assert sorted(path.name for path in (site / "models").iterdir()) == ["alpha.html", "mine.html"]


@pytest.mark.parametrize(
    "former",
    [
        "",
        "[]",
        '{"entrants": [{"slug": "mine"}]}',
        '{"format": "iqabench leaderboard", "pages": ["../mine.html", "mine.html", "models/../mine.html"]}',
        '{"format": "iqabench leaderboard", "pages": 1, "entrants": 2}',
        '{"format": "iqabench leaderboard", "pages": [1, null]}',
    ],
)
def test_a_former_file_that_is_not_ours_removes_nothing(tmp_path, former):
    (tmp_path / "models").mkdir()
    for path in (tmp_path / "mine.html", tmp_path / "models" / "mine.html"):
        path.write_text("mine")
    (tmp_path / "leaderboard.json").write_text(former)
    write_site(varied(), tmp_path)
    assert (tmp_path / "mine.html").exists()
    assert (tmp_path / "models" / "mine.html").exists()


@pytest.mark.parametrize("slugs", [("../out",), ("a", "a"), ("A",), ("",)])
def test_a_slug_that_is_no_file_name_of_its_own_is_refused(tmp_path, slugs):
    entrants = [entrant("x", reported(0.5), slug=slug) for slug in slugs]
    with pytest.raises(ValueError, match="slugs"):
        write_site(board(*entrants), tmp_path / "site")
    assert not list(tmp_path.rglob("*.html"))


def test_500_entrants_on_5_databases_weigh_less_than_a_megabyte_and_a_half():
    drawn = drawn_board(500)
    assert len(render_rankings(drawn, rankings(drawn)).encode()) < 1_500_000


def test_users_texts_are_escaped(tmp_path):
    write_site(hostile(), tmp_path)
    index, card = text(tmp_path / "index.html"), text(tmp_path / "models" / "hostile.html")
    assert index.count("<script") == card.count("<script") == 2
    assert "<!--" not in index + card
    assert "{{ 7 * 7 }}" in index
    assert embedded(index)["datasets"][1]["name"] == HOSTILE
    assert "\u2028" not in re.search(r'json">(.*)</script>', index)[1]
    assert not re.search(r"<[^>]* on\w+=", card)


def test_only_addresses_of_the_web_are_links(site):
    card = text(site / "models" / "alpha.html")
    assert '<a href="https://example.org/" rel="noopener noreferrer">paper</a>' in card
    assert "code: <bdi>javascript:alert(1)</bdi>" in card
    assert 'href="javascript' not in card


def test_policies_allow_nothing_but_what_is_inside(site):
    for path in site.rglob("*.html"):
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text(path))[1]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert not re.search(r'\b(src|srcset)="|@import|url\(', text(path))


def test_a_card_holds_reported_beside_measured_with_the_difference(site):
    card = re.sub(r"<[^>]+>", " ", text(site / "models" / "alpha.html"))
    row = " ".join(re.search(r"PGD\s+1\s(.*?)Table 1", card, re.DOTALL)[1].split())
    assert row.startswith("0.6000 [0.550, 0.650] 0.6000 0.1000 0.8000 0.8000 0.1000 −0.2000 ")
    for words in ("A first idea", "Ada Author", "2020", "5f3a", "Noise"):
        assert words.lower() in card.lower()


def test_a_card_holds_several_numbers_of_one_condition(tmp_path):
    write_site(board(entrant("a", reported(0.1), reported(0.2), measured(0.3))), tmp_path)
    card = text(tmp_path / "models" / "a.html")
    assert all(number in card for number in ("0.1000", "0.2000", "0.3000", "+0.2000"))


def test_a_stand_in_is_marked_and_a_database_without_a_note_has_none(site):
    assert 'synthetic <span class="stand-in">stand-in</span>' in text(site / "models" / "alpha.html")
    assert '<p id="note" class="muted" hidden></p>' in text(site / "index.html")


def test_a_board_without_entrants_or_numbers_still_makes_a_page(tmp_path):
    assert "No model is on this leaderboard yet" in text(write_site(board(), tmp_path / "a"))
    assert "no submission has a number" in text(write_site(board(entrant("a")), tmp_path / "b"))


def test_beside_auto_the_page_says_that_the_paper_s_attacks_are_weaker(tmp_path):
    weak = entrant("Alpha", measured(0.5, "fgsm"))
    strong = entrant("Beta", measured(0.2, "auto", worst_case=True))
    pages = ("index.html", "databases/live.html", "attacks/fgsm.html")
    write_site(board(weak, strong), tmp_path)
    for page in pages:
        assert "FGSM, as the paper has it, is weaker" in text(tmp_path / page)
    write_site(board(weak), tmp_path)
    assert not [page for page in pages if "is weaker" in text(tmp_path / page)]


def test_a_model_page_begins_with_its_worst_case_its_intervals_and_its_audit(tmp_path):
    numbers = (
        measured(0.9, "none", 0),
        measured(0.7, "pgd"),
        measured(0.4, "auto", worst_case=True, width=0.1234),
        reported(0.8, dataset="vcl"),  # under PGD, and nothing under `auto`
    )
    audits = (("live", "doubtful"),)
    write_site(board(entrant("a", *numbers, audit="doubtful", audits=audits)), tmp_path)
    worst, best = "0.4000 [0.350, 0.450]", "0.9000 [0.850, 0.950]"
    assert rows(tmp_path / "models" / "a.html") == [
        ["LIVE", "1/255", best, worst, "0.123", "1 of 1", "auto (worst case)", "doubtful"],
        ["VCL", "1/255", "–", "0.8000 reported", "–", "1 of 1", "PGD", "none"],
    ]
    live, vcl = text(tmp_path / "models" / "a.html").split('<h2 id="dataset-')[1:]
    assert "PGD, as the paper has it, is weaker" in live
    assert "is weaker" not in vcl


def test_the_page_of_a_database_holds_each_attack_and_that_of_an_attack_each_database(site):
    assert headings(site / "databases" / "live.html") == ["worst of the attacks", "FGSM", "PGD", "cw"]
    assert headings(site / "attacks" / "pgd.html") == ["LIVE", "KONIQ", "synthetic stand-in"]
    alpha, beta, *others = rows(site / "attacks" / "pgd.html")
    numbers = ["0.9300 [0.880, 0.980]", "0.6000 [0.550, 0.650]", "0.5500 [0.500, 0.600]"]
    assert alpha == ["Alpha", "1", *numbers]
    assert beta[:3] == ["Beta unreliable", "1", "0.9000 reported"]
    assert [row[0] for row in others] == ["Gamma", "Zeta", "Delta"]


def test_images_without_labels_have_a_table_of_how_far_scores_move_the_least_moved_first(tmp_path):
    place = {"dataset": "photos", "attack": "fgsm", "epsilon": 2.0}
    near = Move("measured", **place, rise=0.1, fall=0.2, r=0.9, width=0.3, psnr=41.5, ssim=0.98, images=12)
    far = Move("reported", **place, rise=0.4, r=0.2, source="Table 3")
    write_site(board(entrant("far", moves=(far,)), entrant("near", moves=(near,))), tmp_path)
    assert rows(tmp_path / "databases" / "photos.html") == [
        ["near", "FGSM at 2/255", "0.300", "0.100", "0.200", "0.900", "41.500", "0.980", "12", "measured"],
        ["far", "FGSM at 2/255", "–", "0.400", "–", "0.200", "–", "–", "–", "Table 3"],
    ]
    assert "FGSM at 2/255" in text(tmp_path / "models" / "near.html")
    assert 'href="databases/photos.html"' in text(tmp_path / "index.html")
    held = json.loads(text(tmp_path / "leaderboard.json"))["entrants"]
    assert [(one["moves"][0]["rise"], one["moves"][0]["fall"]) for one in held] == [(0.4, None), (0.1, 0.2)]


def test_databases_of_names_alike_have_pages_of_their_own(tmp_path):
    numbers = (measured(0.5, dataset="a/b"), measured(0.5, dataset="a b"), measured(0.5, dataset="…"))
    write_site(board(entrant("x", *numbers)), tmp_path)
    pages = sorted(path.name for path in (tmp_path / "databases").iterdir())
    assert pages == ["a-b-2.html", "a-b.html", "database.html"]


def test_what_a_build_changed_is_told_and_stays_until_the_next_change(tmp_path):
    def build(*entrants):
        return text(write_site(board(*entrants), tmp_path))

    kept = entrant("kept", measured(0.5), measured(0.9, "none", 0))
    assert "What changed" not in build(kept, entrant("gone", measured(0.6)))
    assert not (tmp_path / "changes.json").exists()
    page = build(entrant("kept", measured(0.7), reported(0.8)), entrant("new", measured(0.75)))
    told = json.loads(text(tmp_path / "changes.json"))
    assert told["sentences"] == [
        "New: new.",
        "No longer on the board: gone.",
        "kept: 1 reported number on LIVE new.",
        "kept: 1 measured number on LIVE no longer shown.",
        "kept: measured SROCC on LIVE under PGD at 1/255 is 0.7000, was 0.5000.",
    ]
    assert f"What changed on {told['date']}" in page
    assert all(sentence in page for sentence in told["sentences"])
    again = build(entrant("kept", measured(0.7), reported(0.8)), entrant("new", measured(0.75)))
    assert again == page
    build(entrant("kept", measured(0.8), reported(0.8)), entrant("new", measured(0.75)))
    assert json.loads(text(tmp_path / "changes.json"))["sentences"] == [
        "kept: measured SROCC on LIVE under PGD at 1/255 is 0.8000, was 0.7000.",
        "Ranks under LIVE, worst of the attacks, ε = 1/255: kept is 1, was 2; new is 2, was 1.",
    ]


def test_a_page_name_that_another_model_had_before_is_not_taken_for_that_model(tmp_path):
    one, two = (entrant(name, measured(srocc)) for name, srocc in (("one", 0.6), ("two", 0.5)))
    write_site(board(one, two), tmp_path)
    new = entrant("TWO", measured(0.7), slug="two")
    write_site(board(new, one, replace(two, slug="two-2")), tmp_path)
    assert json.loads(text(tmp_path / "changes.json"))["sentences"] == [
        "New: TWO.",
        "Ranks under LIVE, worst of the attacks, ε = 1/255: one is 2, was 1; two is 3, was 2.",
    ]


@pytest.mark.parametrize("name", ["changes.json", "rankings.json", "leaderboard.json"])
@pytest.mark.parametrize("damaged", ["", "[]", "1", '{"format": "iqabench leaderboard"}', '[{"dataset": 1}]'])
def test_a_damaged_file_of_a_former_build_changes_nothing(site, name, damaged):
    (site / name).write_text(damaged)
    assert "What changed" not in text(write_site(varied(), site))
