"""Shows what the leaderboard weighs, how long it takes to build, and whether a reader waits for it to sort.

    python benchmarks/leaderboard.py             # 500 models, into a temporary folder
    python benchmarks/leaderboard.py --keep DIR  # and keep the site

The board is drawn: 5 databases, without attack and under 2 attacks at 4 epsilons, reported and measured.
Times are from a click in Chromium until the rows in sight have their new layout, and until all rows have:
the median, and the longest.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from iqabench.reports.leaderboard.board import Board, Entrant, Number
from iqabench.reports.leaderboard.site.site import write_site

DATASETS = ("vcl", "live", "livec", "koniq", "tid2013")
CONDITIONS = (
    ("none", 0.0),
    *((attack, epsilon) for attack in ("fgsm", "pgd") for epsilon in (1.0, 2.0, 4.0, 8.0)),
)
STRENGTH = {"none": 0.0, "fgsm": 1.0, "pgd": 1.4}
REPEATS = 7

TIMED = """
async ([act]) => {
  const table = document.getElementById("table");
  await new Promise(requestAnimationFrame);
  const begin = performance.now();
  new Function(act)();
  table.getBoundingClientRect();
  const inSight = performance.now() - begin;
  const shown = parseInt(document.getElementById("count").textContent);
  while (table.tBodies[0].rows.length < shown) await new Promise(setTimeout);
  table.getBoundingClientRect();
  return [inSight, performance.now() - begin];
}
"""
ACTIONS = {
    "sort by model": "document.querySelector('[data-sort=model] button').click()",
    "sort by clean SROCC": "document.querySelector('[data-sort=clean-measured] button').click()",
    "sort by robust SROCC": "document.querySelector('[data-sort=robust-measured] button').click()",
    "sort by red flags": "document.querySelector('[data-sort=flags] button').click()",
    "filter by a word": (
        "const find = document.getElementById('text'); find.value = find.value ? '' : 'model 1';"
        "find.dispatchEvent(new Event('input'))"
    ),
    "hide unreliable": "document.getElementById('reliable').click()",
    "another attack": (
        "const attack = document.getElementById('attack'); attack.selectedIndex = 1 - attack.selectedIndex;"
        "attack.dispatchEvent(new Event('change'))"
    ),
    "another database": (
        "const data = document.getElementById('dataset'); data.selectedIndex = 1 - data.selectedIndex;"
        "data.dispatchEvent(new Event('change'))"
    ),
}


@click.command()
@click.option("--models", default=500, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the site.")
def main(models: int, keep: Path | None) -> None:
    """Build the site of a drawn board, weigh it, and time it in Chromium."""
    board = drawn_board(models)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        page = write_site(board, keep or Path(folder))
        print(f"build, {models} models: {time.perf_counter() - begin:.1f} s")
        print(f"index.html: {page.stat().st_size / 1e6:.2f} MB")
        time_in_browser(page)


def time_in_browser(path: Path) -> None:
    """Print how long the page takes for each of `ACTIONS`."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        begin = time.perf_counter()
        page.goto(path.resolve().as_uri())
        print(f"open: {1000 * (time.perf_counter() - begin):.0f} ms")
        for name, act in ACTIONS.items():
            taken = [page.evaluate(TIMED, [act]) for _ in range(REPEATS)]
            sight, whole = zip(*taken, strict=True)
            print(
                f"{name}: {statistics.median(sight):.0f} ms, at most {max(sight):.0f} ms; "
                f"all rows {statistics.median(whole):.0f} ms, at most {max(whole):.0f} ms"
            )
        browser.close()


def drawn_board(models: int) -> Board:
    """A board of drawn numbers, in which models differ in accuracy and in how fast they fall."""
    generator = np.random.default_rng(0)
    return Board(
        tuple(drawn_entrant(index, generator) for index in range(models)), ("The numbers are drawn.",)
    )


def drawn_entrant(index: int, generator: np.random.Generator) -> Entrant:
    """A model with a number, reported and measured, under each condition; some have red flags."""
    clean, decay = generator.uniform(0.7, 0.95), generator.uniform(0.05, 1.2)
    numbers = []
    for dataset in DATASETS:
        for attack, epsilon in CONDITIONS:
            srocc = (
                (clean + 0.4) * np.exp(-decay * STRENGTH[attack] * epsilon) - 0.4 + generator.normal(0, 0.02)
            )
            numbers.append(drawn_number("reported", dataset, attack, epsilon, srocc))
            numbers.append(
                drawn_number("measured", dataset, attack, epsilon, srocc + generator.normal(0, 0.03))
            )
    red_flags = (
        ("live", "Random noise of the same size takes as much as FGSM does."),
        ("koniq", "SROCC rises with ε under PGD, from 0.312 at 1/255 to 0.377 at 2/255."),
    )
    return Entrant(
        slug=f"model-{index}",
        name=f"Model {index}",
        paper=f"Perceptual quality without a reference by means of idea number {index}, and why it is robust",
        authors=("Ada Author", "Ben Brown", "Chen Chang")[: 1 + index % 3],
        year=2014 + index % 12,
        links=(("paper", "https://example.org/paper"), ("code", "https://example.org/code")),
        training="adversarial" if index % 4 == 0 else "clean",
        unreliable="Its authors withdrew the paper." if index % 17 == 3 else "",
        red_flags=red_flags[: index % 3],
        numbers=tuple(numbers),
        facts=(("Parameters", "23,508,032"), ("Weights", "5f3a" * 16)),
    )


def drawn_number(kind: Any, dataset: str, attack: str, epsilon: float, srocc: float) -> Number:
    """A number as an entry has it; a measured one has an interval."""
    known = kind == "measured"
    return Number(
        kind=kind,
        dataset=dataset,
        attack=attack,
        epsilon=epsilon,
        srocc=float(np.clip(srocc, -1, 1)),
        plcc=float(np.clip(srocc + 0.01, -1, 1)),
        mse=0.05,
        low=float(np.clip(srocc - 0.05, -1, 1)) if known else np.nan,
        high=float(np.clip(srocc + 0.05, -1, 1)) if known else np.nan,
        images=160 if known else None,
        seeds=(0, 1, 2) if known else (),
        parameters="steps 10, random_start True" if known and attack == "pgd" else "",
        stand_in=False,
        source=f"{dataset}.parquet" if known else "Table 1",
    )


if __name__ == "__main__":
    main()
