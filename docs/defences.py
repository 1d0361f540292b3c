"""The tables and the figure of docs/defences.md, from the store that docs/defences.toml says how to fill.

    iqabench run --config docs/defences.toml --profile wrappers --results defences
    iqabench run --config docs/defences.toml --profile regimes --results defences
    python docs/defences.py defences

prints a table for each model behind all defences and one of all recipes, in Markdown, and draws
docs/images/defences.png.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pandas as pd

from iqabench.bench.store.results import read_results
from iqabench.reports.catalogue import model_name
from iqabench.reports.paper.tradeoff import PRICES, price, tradeoffs, write_tradeoff

HERE = Path(__file__).resolve().parent
PAID = [*(f"at most {bound:g}" for bound in PRICES), f"more than {PRICES[-1]:g}"]
Number = Callable[[pd.DataFrame], "pd.Series[float]"]


def at(attack: str, epsilon: float, metric: str) -> Number:
    """Return what takes a metric under an attack from the rows of one model and defence, a value a seed."""
    return lambda rows: rows.loc[(rows["attack"] == attack) & (rows["epsilon"] == epsilon), metric]


CLEAN = at("none", 0.0, "srocc")
WORST = at("auto", 1.0, "worst_srocc")


def of_defences(frame: pd.DataFrame, static: pd.DataFrame, model: str) -> Iterator[str]:
    """Yield the table of one model behind each defence, by clean SROCC given up, then by the worst case."""
    mine, unaware = (rows[rows["model"] == model] for rows in (frame, static))
    groups = {
        name: (rows, unaware[unaware["defence"] == name])
        for name, rows in mine.groupby("defence")
        if not WORST(rows).empty
    }
    bare = CLEAN(groups[""][0]).mean()
    paid = {name: price(bare, CLEAN(rows).mean()) for name, (rows, _) in groups.items()}
    results = [f"{knowledge}, ε = {epsilon}" for epsilon in (1, 2) for knowledge in ("static", "adaptive")]
    columns = ["clean SROCC", "given up", *results, "FGSM, adaptive, ε = 1", "doubtful"]
    yield f"| {model_name(model)} behind | {' | '.join(columns)} |"
    yield "|---|---:|---|---:|---:|---:|---:|---:|---:|"
    for name in sorted(groups, key=lambda name: (name != "", paid[name], -WORST(groups[name][0]).mean())):
        aware, without = groups[name]
        cells = [
            f"`{name}`" if name else "nothing",
            written(CLEAN(aware)),
            PAID[paid[name]] if name else "",
            *(
                written(at("auto", epsilon, "worst_srocc")(rows))
                for epsilon in (1.0, 2.0)
                for rows in (without, aware)
            ),
            written(at("fgsm", 1.0, "srocc")(aware)),
            doubtful(aware),
        ]
        yield f"| {' | '.join(cells)} |"


def of_recipes(frame: pd.DataFrame) -> Iterator[str]:
    """Yield the table of the bare models, by their worst case."""
    groups = dict(iter(frame[frame["defence"] == ""].groupby("model")))
    results = ["worst case, ε = 1", "worst case, ε = 2", "FGSM, ε = 1", "median width, ε = 1"]
    yield f"| model | clean SROCC | {' | '.join(results)} | doubtful |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name in sorted(groups, key=lambda name: -WORST(groups[name]).mean()):
        rows = groups[name]
        cells = [
            f"`{name}`",
            written(CLEAN(rows)),
            written(WORST(rows)),
            written(at("auto", 2.0, "worst_srocc")(rows)),
            written(at("fgsm", 1.0, "srocc")(rows)),
            written(at("auto", 1.0, "median_width")(rows)),
            doubtful(rows),
        ]
        yield f"| {' | '.join(cells)} |"


def written(values: "pd.Series[float]") -> str:
    """Return the mean over seeds, with the lowest and the highest."""
    if values.empty:
        return "–"
    if len(values) == 1:
        return f"{values.mean():z.2f}"
    return f"{values.mean():z.2f} [{values.min():z.2f}, {values.max():z.2f}]"


def doubtful(rows: pd.DataFrame) -> str:
    """Return of how many of the cells under `auto` the audit says that they are doubtful."""
    audited = rows.loc[rows["attack"] == "auto", "audit"]
    return f"{(audited == 'doubtful').sum()} of {len(audited)}"


@click.command()
@click.argument("store", type=click.Path(path_type=Path, exists=True))
def main(store: Path) -> None:
    """Print the tables and draw the figure."""
    results = read_results(store)
    defended = results.frame.loc[results.frame["defence"] != "", "model"].unique()
    for model in defended:
        click.echo("\n".join(of_defences(results.frame, results.static, model)) + "\n")
    click.echo("\n".join(of_recipes(results.frame)))
    for panel in tradeoffs(results.frame):
        write_tradeoff(panel, HERE / "images" / "defences.png")


if __name__ == "__main__":
    main()
