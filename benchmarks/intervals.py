"""Times the worst-case SROCC and PLCC, and all numbers of attainable intervals with their bootstrap.

    python benchmarks/intervals.py
    python benchmarks/intervals.py --images 300 --width 0.3

Labels are drawn uniformly, clean scores are labels plus noise of 0.1, and the intervals reach up to `width`
in both directions. Times are of the processor, the best of three.
"""

from collections.abc import Callable
from functools import partial
from time import process_time

import click
import numpy as np

from iqabench.bench.statistics.intervals import evaluate_intervals
from iqabench.bench.statistics.worst_case import worst_case_plcc, worst_case_srocc


@click.command()
@click.option("--images", multiple=True, default=(300, 2_000, 10_000), show_default=True)
@click.option("--width", default=0.3, show_default=True, help="Largest half width of an interval.")
def main(images: tuple[int, ...], width: float) -> None:
    """Print one row per number of images."""
    click.echo(
        "images  worst SROCC  seconds  worst PLCC  seconds  reflection SROCC  all with 1,000 resamples, s"
    )
    for n in images:
        generator = np.random.default_rng(0)
        quality = generator.random(n)
        score = np.clip(quality + generator.normal(0, 0.1, n), 0, 1)
        low, high = score - width * generator.random(n), score + width * generator.random(n)
        case = quality, low, high
        srocc, plcc = worst_case_srocc(*case), worst_case_plcc(*case)
        times = [
            best_time(partial(worst_case_srocc, *case)),
            best_time(partial(worst_case_plcc, *case)),
            best_time(partial(evaluate_intervals, quality, score, low, high), repeats=1),
        ]
        reflection = evaluate_intervals(quality, score, low, high, resamples=0)["reflection_srocc"].value
        click.echo(
            f"{n:6}  {srocc.value:11.4f}  {times[0]:7.3f}  {plcc.value:10.4f}  {times[1]:7.3f}  "
            f"{reflection:16.4f}  {times[2]:27.2f}"
        )


def best_time(call: Callable[[], object], repeats: int = 3) -> float:
    """Return the least processor time of some calls."""
    times = []
    for _ in range(repeats):
        start = process_time()
        call()
        times.append(process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
