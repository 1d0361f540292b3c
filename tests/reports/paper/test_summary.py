"""The summary says what the numbers say."""

from iqabench.reports.paper.selection import select
from iqabench.reports.paper.summary import findings, overview


def bounds(value, width=0.01):
    return {"srocc": value, "srocc_low": value - width, "srocc_high": value + width}


def sentences(table):
    (finding,) = findings(select(table).points)
    return tuple(sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in finding.sentences)


def test_the_overview_says_what_was_run_and_what_is_a_stand_in(results):
    text = " ".join(
        overview(
            select(
                results(
                    {"dataset": "live"},
                    {"dataset": "synthetic", "stand_in": True, "model": "cprl"},
                    {"attack": "pgd", "epsilon": 0.5},
                    {"attack": "fgsm", "epsilon": 2.0},
                )
            ).points
        )
    )
    assert text.startswith("2 models were scored on LIVE and synthetic.")
    assert "attacked by FGSM and PGD, which changed a pixel by at most 0.5 and 2/255." in text
    assert "synthetic stands in for a database" in text


def test_the_leader_is_named_and_whom_it_cannot_be_told_from(results):
    clean, *_ = sentences(
        results(
            {"model": "cprl", **bounds(0.90)},
            {"model": "resnet", **bounds(0.92)},
            {"model": "sat", **bounds(0.5)},
        )
    )
    assert clean == (
        "Without attack, ResNet has the highest SROCC, 0.92 [0.91, 0.93], too close to tell from CPRL, "
        "whose interval overlaps its own."
    )


def test_losses_are_counted_and_reversals_named(results):
    fgsm = {"attack": "fgsm", "epsilon": 1.0}
    _, attacked = sentences(
        results(
            {"model": "cprl", **bounds(0.90)},
            {"model": "resnet", **bounds(0.92)},
            {"model": "sat", **bounds(0.50)},
            {"model": "cprl", **fgsm, **bounds(0.80)},
            {"model": "resnet", **fgsm, **bounds(-0.30)},
            {"model": "sat", **fgsm, **bounds(0.20)},
            {"model": "cprl", **fgsm, "epsilon": 8.0, **bounds(0.10)},
        )
    )
    assert attacked == (
        "Under FGSM at 1/255, 2 of 3 models lose more than half of the clean SROCC (ResNet ranks images in "
        "reverse); CPRL has the highest SROCC, 0.80 [0.79, 0.81]. "
        "At 8/255, CPRL has an SROCC of 0.10 [0.09, 0.11]."
    )


def test_a_diverged_model_is_named(results):
    assert sentences(results({"model": "nima", "status": "constant scores"})) == (
        "NIMA gave no usable numbers under 1 condition: constant scores.",
    )


def test_a_store_of_another_regime_says_that_there_is_nothing_to_show(results):
    points = select(results({"regime": "adversarial"})).points
    assert overview(points)[0].startswith("The store holds no cell of a model with clean training")
    assert findings(points) == ()
