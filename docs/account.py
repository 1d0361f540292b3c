"""The tables of docs/reproduction.md, from the store that `iqabench run --profile account` fills.

    iqabench run --profile account --results account
    python docs/account.py account

writes docs/account.csv, the SROCC of every cell with its interval, and prints the tables in Markdown.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pandas as pd

from iqabench.bench.store.results import results_table

HERE = Path(__file__).resolve().parent
READINGS = ("literal", "suppress_top", "keep_top", "argsort", "suppress_middle")
B = 0.4  # other values of b, which Table 5 varies, may be in the store too
ATTACKS = {"fgsm": "FGSM", "pgd": "PGD-10", "pgd_soft": "PGD-10, soft mask", "noise": "noise"}
KEPT = [
    "model",
    "sites",
    "reading",
    "risk",
    "seed",
    "attack",
    "epsilon",
    "n",
    "srocc",
    "srocc_low",
    "srocc_high",
]


def account(store: Path) -> pd.DataFrame:
    """A row per cell of the account: which model, which attack, and its SROCC with the interval."""
    table = results_table(store)
    params = pd.json_normalize(table["model_params"].map(json.loads).tolist())
    table = table.assign(
        sites=params["sites"].map(_sites),
        reading=params["reading"].fillna(""),
        risk=params["pns_weight"].map(lambda weight: "mask + PNS" if weight > 0 else "mask"),
    )
    table = table[params["b"].isna() | params["b"].eq(B)].copy()
    plain = table["model"] == "resnet"
    table.loc[plain, ["sites", "reading", "risk"]] = ["", "plain ResNet", ""]
    # A variant is named by what sets it apart from the model's own table: when that changes, a model is
    # scored once more, under another name.
    return table[KEPT].drop_duplicates(KEPT[:7]).sort_values(KEPT[:7], ignore_index=True)


def markdown(table: pd.DataFrame) -> Iterator[str]:
    """The lines of both tables: at 1/255 with the range over seeds, then the means at other epsilons."""
    yield "SROCC without attack and at 1/255: mean over the seeds [lowest, highest]."
    yield ""
    at_one = {("none", 0.0): "clean", **{(name, 1.0): title for name, title in ATTACKS.items()}}
    yield from _table(table, at_one, _mean_and_range)
    yield ""
    yield "SROCC at larger ε, in units of 1/255: mean over the seeds."
    yield ""
    larger = table.loc[table["epsilon"] > 1, ["attack", "epsilon"]].drop_duplicates()
    places = sorted(
        larger.itertuples(index=False), key=lambda place: (list(ATTACKS).index(place[0]), place[1])
    )
    columns = {(attack, epsilon): f"{ATTACKS[attack]} {epsilon:g}" for attack, epsilon in places}
    yield from _table(table, columns, _mean)


def _table(
    table: pd.DataFrame, columns: dict[tuple[str, float], str], text: Callable[[pd.Series], str]
) -> Iterator[str]:
    yield "| sites | reading | | seeds | " + " | ".join(columns.values()) + " |"
    yield "|---|---|---|---:|" + "---:|" * len(columns)
    groups = dict(iter(table.groupby(["sites", "reading", "risk"])))
    for key in sorted(groups, key=_place):
        rows = groups[key]
        cells = [
            text(rows.loc[(rows["attack"] == attack) & (rows["epsilon"] == epsilon), "srocc"])
            for attack, epsilon in columns
        ]
        yield f"| {' | '.join(key)} | {rows['seed'].nunique()} | {' | '.join(cells)} |"


def _place(key: tuple[str, str, str]) -> tuple[str, int, str]:
    sites, reading, risk = key
    return sites, READINGS.index(reading) if reading in READINGS else -1, risk


def _mean_and_range(values: pd.Series) -> str:
    if values.empty:
        return "–"
    return f"{values.mean():z.2f} [{values.min():z.2f}, {values.max():z.2f}]"


def _mean(values: pd.Series) -> str:
    return "–" if values.empty else f"{values.mean():z.2f}"


def _sites(sites: object) -> str:
    if isinstance(sites, list):
        return "stages " + ", ".join(map(str, sites))
    return str(sites).replace("_", " ")


@click.command()
@click.argument("store", type=click.Path(path_type=Path, exists=True))
def main(store: Path) -> None:
    """Write docs/account.csv and print the tables."""
    table = account(store)
    table.to_csv(HERE / "account.csv", index=False, float_format="%.4f", lineterminator="\n")
    click.echo("\n".join(markdown(table)))


if __name__ == "__main__":
    main()
