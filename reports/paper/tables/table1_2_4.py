"""Tables 1, 2 and 4: the models under FGSM, under PGD and without attack; then one for any other attack."""

from collections.abc import Iterator

from ....bench.core.text import capitalised
from ....bench.store.condition import under
from ...catalogue import AUTO, attack_name, dataset_name, model_name
from .. import wording
from ..numbers import EPSILON, TABLE_METRICS, Entry, metric_cells, metric_columns
from ..points import WORST, by, controls, has_worst_case
from ..selection import Selection
from ..table import Block, Group, Label, Row, Table

_NUMBERED = {"fgsm": "1", "pgd": "2", "none": "4"}
_WORST_METRICS = (WORST, "worst_plcc", "mse")


def build(selection: Selection) -> Iterator[Table]:
    """Yield a table of models for each of the paper's attacks, and for each other one at 1/255."""
    others = [attack for attack in by("attack", selection.points) if attack not in _NUMBERED]
    further = {attack: f"A{place}" for place, attack in enumerate(others, start=1)}
    for attack, number in (_NUMBERED | further).items():
        yield _table(selection, attack, number)


def _table(selection: Selection, attack: str, number: str) -> Table:
    points, cells = selection.points, selection.cells
    epsilon = 0.0 if attack == "none" else EPSILON
    run = [point for point in points if (point.attack, point.epsilon) == (attack, epsilon)]
    shown = points if attack in _NUMBERED else run
    datasets, models = by("dataset", shown), by("model", shown)
    stand_ins = [point.dataset for point in shown if point.stand_in]
    found = {(point.dataset, point.model): point for point in run}

    def entry(dataset: str, model: str) -> Entry:
        stand_in, point = dataset in stand_ins, found.get((dataset, model))
        paper = "" if stand_in else dataset
        return Entry(point, dataset, model, attack, epsilon, stand_in, published_on=paper)

    groups = [[entry(dataset, model) for model in models] for dataset in datasets]
    worst_case = any(point.worst_case for point in run)
    metrics = _WORST_METRICS if worst_case else TABLE_METRICS
    beside_auto = {AUTO, attack} if run and has_worst_case(points) else set()
    columns = [metric_cells(entries, metrics) for entries in groups]
    rows = [Row(Label(model_name(model)), tuple(row)) for model, *row in zip(models, *columns, strict=True)]
    behind = cells[(cells["attack"] == attack) & (cells["epsilon"] == epsilon)]
    known = any(entry.published("srocc") is not None for entries in groups for entry in entries)
    options = "" if attack == "none" else f" --attacks {attack} --epsilons {epsilon:g}"
    return Table(
        number=number,
        title=f"{capitalised(under(attack, epsilon, attack_name))}, with clean training",
        caption=wording.caption(
            wording.READING_GUIDE,
            wording.logistic(selection.results.frame["logistic"]),
            wording.MSE_OF_REFLECTION if worst_case else "",
            wording.doubted(point.audit for point in run),
            wording.which_to_believe(beside_auto, controls(run)),
            wording.PAPER_BELOW if known else "",
            wording.several_seeds(behind["seed"]),
            wording.run_with(attack, behind["attack_params"]),
            wording.stand_ins(name for name in datasets if name in stand_ins),
        ),
        heading="Model",
        groups=tuple(
            Group(metric_columns(metrics), Label(dataset_name(name), name in stand_ins)) for name in datasets
        ),
        blocks=(Block(tuple(rows)),) if run else (),
        advice="" if run else wording.NOT_FILLED.format(options),
    )
