"""Table 5 as printed, as a sharp gradient shows it, and as `auto` finds it; for docs/reproduction.md.

    iqabench run --profile shattered --results shattered
    python docs/shattered.py shattered

prints the table in Markdown, the mean over the seeds [lowest, highest] of the mask alone at each b, and draws
docs/images/table5.png: the means, and what lies between the seeds.
"""

import json
from pathlib import Path

import click
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from iqabench.bench.store.results import results_table
from iqabench.reports import published

HERE = Path(__file__).resolve().parent
EPSILON = 1.0  # as Table 5
SHOWN = {
    "the paper, clean": ("paper", "none", "srocc"),
    "the paper, under attack": ("paper", "fgsm", "srocc"),
    "clean": ("constant", "none", "srocc"),
    "FGSM, ranks as constants": ("constant", "fgsm", "srocc"),
    "FGSM, sharp gradient": ("sharp", "fgsm", "srocc"),
    "PGD-10, sharp gradient": ("sharp", "pgd", "srocc"),
    "auto, worst case": ("sharp", "auto", "worst_srocc"),
}
"""Title of each column, with the gradient of the mask, the attack and the number that it shows."""


def measured(store: Path) -> pd.DataFrame:
    """Return a row for each b, and a column for each of `SHOWN`, with the values of the seeds as a list."""
    table = results_table(store)
    table = table[table["model"].eq("cprl") & table["epsilon"].isin([0.0, EPSILON])]
    params = pd.json_normalize(table["model_params"].map(json.loads).tolist()).set_index(table.index)
    table = table.assign(b=params["b"], gradient=params["mask_gradient"])
    columns = {}
    for title, (gradient, attack, number) in SHOWN.items():
        if gradient != "paper":
            rows = table[table["gradient"].eq(gradient) & table["attack"].eq(attack)]
            columns[title] = rows.groupby("b")[number].agg(list)
    return pd.DataFrame(columns)


def printed() -> pd.DataFrame:
    """Return the same of the paper's Table 5, on LIVE."""
    table = published.load()
    table = table[table["table"].astype(str).eq("5") & table["metric"].eq("srocc")]
    table = table.assign(b=table["variant"].str.removeprefix("b=").astype(float))
    by_attack = table.pivot(index="b", columns="attack", values="value")
    titles = {attack: title for title, (gradient, attack, _) in SHOWN.items() if gradient == "paper"}
    return by_attack[list(titles)].rename(columns=titles).map(lambda value: [value])


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw a curve for each column against b."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for title in table:
        means, lows, highs = (table[title].map(of) for of in (np.mean, min, max))
        axes.plot(table.index, means, "--" if "paper" in title else "-", marker="o", label=title)
        axes.fill_between(table.index, lows, highs, alpha=0.15)
    axes.set(xlabel="b of Eq. 7", ylabel=f"SROCC at {EPSILON:g}/255", ylim=(-1, 1))
    axes.axhline(0, color="grey", linewidth=0.8)
    figure.legend(loc="outside right upper")
    figure.savefig(path, dpi=120)


@click.command()
@click.argument("store", type=click.Path(path_type=Path, exists=True))
def main(store: Path) -> None:
    """Print the table and draw the figure."""
    table = printed().join(measured(store), how="inner")
    click.echo(_markdown(table))
    draw(table, HERE / "images" / "table5.png")


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| b | " + " | ".join(table) + " |", "|---|" + "---:|" * len(table.columns)]
    for b, row in table.iterrows():
        cells = map(_mean_and_range, row)
        lines.append(f"| {b} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean_and_range(values: list[float]) -> str:
    mean = f"{np.mean(values):z.2f}"
    return mean if len(values) == 1 else f"{mean} [{min(values):z.2f}, {max(values):z.2f}]"


if __name__ == "__main__":
    main()
