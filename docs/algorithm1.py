"""Prints what Section 4.2 and Algorithm 1 leave open, as a table for docs/reproduction.md.

    iqabench run --profile algorithm1 --results algorithm1
    python docs/algorithm1.py algorithm1

prints a row in Markdown for each model of the store: SROCC, a mean over seeds [lowest, highest], and the
audit's verdict.
"""

from pathlib import Path

import click
import pandas as pd

from iqabench.bench.store.results import results_table, verdict

READINGS = {
    "resnet": "plain ResNet",
    "cprl": "CPRL as configured",
    "cprl_none_sf_nc": "None, SF, NC by turns",
    "cprl_eq14": "lines 6 and 10 minimise all of Eq. 14",
    "cprl_nonlinear": "FC non-linear",
    "cprl_replaced_part": "FC of the replaced part",
    "cprl_printed": "Eq. 13 as printed",
    "cprl_all": "the first four at once",
}
"""The models of the profile, in its order; others, variants and other regimes follow by their own names."""

COLUMNS = {
    "clean": ("none", 0.0, "srocc"),
    "FGSM": ("fgsm", 1.0, "srocc"),
    "PGD-10": ("pgd", 1.0, "srocc"),
    "auto, worst case": ("auto", 1.0, "worst_srocc"),
}
"""Title of each column of numbers, with the attack, its epsilon in units of 1/255, and the number."""


def measured(store: Path) -> pd.DataFrame:
    """Return a row for each model and variant, a column for each of `COLUMNS`, seeds, and the verdict."""
    table = results_table(store)
    own = table["variant"].eq("") & table["regime"].eq("clean")
    named = table[["model", "variant"]].assign(regime=table["regime"].where(table["regime"].ne("clean"), ""))
    others = named.agg(lambda names: ", ".join(filter(None, names)), axis=1)
    table["row"] = table["model"].map(READINGS).where(own).fillna(others)
    rows = table.groupby("row")
    found = pd.DataFrame({"seeds": rows["seed"].nunique()})
    for title, (attack, epsilon, number) in COLUMNS.items():
        cells = table[table["attack"].eq(attack) & table["epsilon"].eq(epsilon)]
        found[title] = cells.groupby("row")[number].agg(written)
    found["audit"] = rows["audit"].agg(verdict)
    order = {title: place for place, title in enumerate(READINGS.values())}
    return found.sort_index(key=lambda names: names.map(lambda name: (order.get(name, len(order)), name)))


def written(values: "pd.Series[float]") -> str:
    """Return the mean over seeds, with the lowest and the highest where there are several."""
    found = values.dropna()
    if found.empty:
        return "–"
    spread = f" [{found.min():z.2f}, {found.max():z.2f}]" if len(found) > 1 else ""
    return f"{found.mean():z.2f}{spread}"


@click.command()
@click.argument("store", type=click.Path(path_type=Path, exists=True))
def main(store: Path) -> None:
    """Print the table."""
    table = measured(store)
    click.echo("| | " + " | ".join(table) + " |")
    click.echo("|---|" + "---:|" * len(table.columns))
    for name, row in table.iterrows():
        cells = ("–" if pd.isna(value) else str(value) for value in row)
        click.echo(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
