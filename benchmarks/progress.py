"""How true is the time left that a sweep shows? Estimated over true, at each tenth of the demo's time.

    python benchmarks/progress.py                 # the demo at a third of its images
    python benchmarks/progress.py --scenes 60     # all of it

From a tenth on the ratio should stay between 0.5 and 2, on a machine that has nothing else to do meanwhile.
"""

import tempfile
import time
from pathlib import Path

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

from iqabench import load_settings, run_sweep  # noqa: E402
from iqabench.bench.core.config import Settings  # noqa: E402
from iqabench.bench.core.pace import Pace  # noqa: E402

TENTHS = [tenth / 10 for tenth in range(1, 10)] + [0.95]


@click.command()
@click.option("--scenes", default=20, show_default=True, help="Of the demo's dataset; each has 25 images.")
@click.option("--config", type=click.Path(path_type=Path), help="Another sweep than the demo's.")
def main(scenes: int, config: Path | None) -> None:
    """Run a sweep and print how true the time left was."""
    settings = load_settings(config or Path(__file__).parents[1] / "bench.toml")
    settings.datasets["synthetic"]["scenes"] = scenes
    for share, ratio in ratios(settings):
        click.echo(f"progress: at {share:4.0%} of the time, {ratio:.2f} of the true time left was shown")


def ratios(settings: Settings) -> list[tuple[float, float]]:
    """Run a sweep from nothing; return (share of the time that has passed, estimated over true time left)."""
    told: list[tuple[float, float]] = []
    advance = Pace.advance

    def watched(self: Pace, images: float) -> None:
        advance(self, images)
        seconds = self.seconds_left()
        if seconds is not None:
            told.append((time.monotonic(), seconds))

    Pace.advance = watched  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            run_sweep(settings, Path(folder), show=True)
            ended = time.monotonic()
    finally:
        Pace.advance = advance  # type: ignore[method-assign]
    began = told[0][0]
    moments = [began + share * (ended - began) for share in TENTHS]
    known = [min(told, key=lambda one: abs(one[0] - moment)) for moment in moments]
    return [(share, left / (ended - at)) for share, (at, left) in zip(TENTHS, known, strict=True)]


if __name__ == "__main__":
    main()
