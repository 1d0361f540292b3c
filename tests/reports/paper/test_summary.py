"""The summary says what the numbers say."""

from iqabench.reports.paper.figure6 import caption, figure6
from iqabench.reports.paper.selection import select
from iqabench.reports.paper.summary import findings, overview

from ...fabricated import under_auto


def bounds(value, width=0.01):
    return {"srocc": value, "srocc_low": value - width, "srocc_high": value + width}


def sentences(table):
    (finding,) = findings(select(table).points)
    return tuple(sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in finding.sentences)


def clean_and_attacked(clean, attacked, epsilon=1.0):
    """Rows of models with their SROCC before and under FGSM."""
    rows = [{"model": model, **bounds(value)} for model, value in clean.items()]
    fgsm = {"attack": "fgsm", "epsilon": epsilon}
    return rows + [{"model": model, **fgsm, **bounds(value)} for model, value in attacked.items()]


def test_the_overview_says_what_was_run_and_what_is_a_stand_in(results):
    rows = [
        {"dataset": "live"},
        {"dataset": "synthetic", "stand_in": True, "model": "cprl"},
        {"attack": "pgd", "epsilon": 0.5},
        {"attack": "fgsm", "epsilon": 2.0},
        {"attack": "noise", "epsilon": 8.0},
    ]
    text = " ".join(overview(select(results(*rows)).points))
    assert text.startswith("The results are of 2 models on LIVE and synthetic.")
    assert "attacked by FGSM and PGD, which changed a pixel by at most 0.5 and 2/255." in text
    assert "As a control they were changed as much by noise" in text
    assert "synthetic stands in for a database" in text


def test_the_leader_is_named_and_whom_it_cannot_be_told_from(results):
    rows = clean_and_attacked({"cprl": 0.90, "resnet": 0.92, "sat": 0.5}, {})
    assert sentences(results(*rows)) == (
        "Without attack, ResNet has the highest SROCC, 0.92 [0.91, 0.93] (its interval overlaps with CPRL).",
    )


def test_no_model_stands_out_where_the_intervals_of_all_overlap(results):
    rows = clean_and_attacked({"cprl": 0.90, "resnet": 0.91, "sat": 0.905}, {})
    assert sentences(results(*rows)) == (
        "Without attack, no model stands out: the highest SROCC is that of ResNet, 0.91 [0.90, 0.92], and "
        "its interval overlaps with those of all others.",
    )


def test_losses_are_counted_and_reversals_named(results):
    clean, attacked = {"cprl": 0.90, "resnet": 0.92, "sat": 0.5}, {"cprl": 0.80, "resnet": -0.30, "sat": 0.20}
    strong = {"model": "cprl", "attack": "fgsm", "epsilon": 8.0, **bounds(0.10)}
    assert sentences(results(*clean_and_attacked(clean, attacked), strong))[1] == (
        "Under FGSM at 1/255, 2 of 3 models keep less than half of the clean SROCC; images are ranked in "
        "reverse by ResNet; CPRL has the highest SROCC, 0.80 [0.79, 0.81]. "
        "At 8/255, CPRL has an SROCC of 0.10 [0.09, 0.11]."
    )


def test_the_least_reversed_model_is_not_praised(results):
    rows = clean_and_attacked({"cprl": 0.90, "lwta": 0.92}, {"cprl": -0.7, "lwta": -0.56})
    assert sentences(results(*rows))[1] == (
        "Under FGSM at 1/255, 2 of 2 models keep less than half of the clean SROCC; no model keeps a "
        "positive correlation."
    )


def test_the_first_strength_at_which_nothing_is_left_is_named(results):
    rows = clean_and_attacked({"cprl": 0.9, "sat": 0.9}, {"cprl": 0.8, "sat": 0.7})
    for epsilon, value in ((2.0, 0.3), (4.0, -0.1), (8.0, -0.5)):
        rows += clean_and_attacked({}, {"cprl": value, "sat": value}, epsilon)
    assert sentences(results(*rows))[1].endswith(" At 4/255, no model keeps a positive correlation.")


def test_a_correlation_whose_interval_reaches_0_is_not_called_positive(results):
    (sentence,) = sentences(results(*clean_and_attacked({}, {"cprl": 0.004, "sat": -0.2})))
    assert sentence == (
        "Under FGSM at 1/255, no model's correlation can be told from 0: the largest SROCC is "
        "0.00 [−0.01, 0.01]."
    )


def test_of_a_control_the_greatest_loss_is_told_and_nobody_is_praised(results):
    rows = clean_and_attacked({"cprl": 0.90, "resnet": 0.92}, {})
    noise = [
        {"model": model, "attack": "noise", "epsilon": epsilon, **bounds(value)}
        for model, epsilon, value in (("cprl", 1.0, 0.901), ("cprl", 2.0, 0.893), ("resnet", 2.0, 0.918))
    ]
    assert sentences(results(*rows, *noise))[1] == (
        "Under noise of up to 2/255, no model loses more than 0.01 of its SROCC."
    )
    noise[1] |= bounds(0.5)
    assert sentences(results(*rows, *noise))[1] == "Under noise, CPRL loses most: 0.40 of its SROCC at 2/255."


def test_a_diverged_model_is_named(results):
    assert sentences(results({"model": "nima", "status": "constant scores"})) == (
        "NIMA gave no usable numbers under 1 condition: constant scores.",
    )


def test_a_store_of_another_regime_says_that_there_is_nothing_to_show(results):
    points = select(results({"regime": "adversarial"})).points
    assert overview(points)[0].startswith("The store holds no cell of a model with clean training")
    assert findings(points) == ()


def test_of_auto_the_worst_case_is_told_and_how_far_an_attack_of_the_paper_is_above_it(results):
    rows = clean_and_attacked({"cprl": 0.90, "resnet": 0.92}, {"cprl": 0.5, "resnet": 0.35})
    rows += [{**row, "attack": "pgd", "srocc": 0.3} for row in rows if row.get("attack")]
    worst = [("cprl", 1.0, 0.1), ("resnet", 1.0, -0.25), ("cprl", 2.0, -0.4), ("resnet", 2.0, -0.6)]
    table = results(*rows, *(under_auto(*place) for place in worst))
    assert sentences(table)[1:3] == (
        "Under auto, no model keeps a positive worst-case SROCC at 2/255. At 1/255, 2 of 2 models keep less "
        "than half of the clean SROCC; images are ranked in reverse by ResNet; no model's worst-case SROCC "
        "can be told from 0: the largest worst-case SROCC is 0.10 [0.00, 0.20].",
        "FGSM overstates ResNet by 0.60 at 1/255: it leaves an SROCC of 0.35, the worst case is −0.25.",
    )
    assert "the number to believe" in " ".join(overview(select(table).points))


def test_an_attack_of_the_paper_near_the_worst_case_overstates_nothing(results):
    rows = clean_and_attacked({"cprl": 0.90}, {"cprl": 0.6})
    table = results(*rows, under_auto("cprl", 1.0, 0.5), under_auto("cprl", 2.0, 0.3))
    assert sentences(table)[1] == (
        "Under auto at 1/255, CPRL has a worst-case SROCC of 0.50 [0.40, 0.60]. "
        "At 2/255, CPRL has a worst-case SROCC of 0.30 [0.20, 0.40]."
    )
    assert "overstates" not in " ".join(sentences(table))


def test_models_that_the_audit_doubts_are_named(results):
    doubtful = under_auto("cprl", 1.0, 0.5, audit="doubtful", red_flags="None moves.")
    table = results(doubtful, under_auto("sat", 1.0, 0.4, audit="sound"))
    assert sentences(table)[1] == "The audit finds CPRL doubtful: the numbers under auto may be too high."
    blind = {"model": "sat", "attack": "fgsm", "epsilon": 1.0, "srocc": 0.9, "audit": "doubtful"}
    found = sentences(results(under_auto("sat", 1.0, 0.4, audit="sound"), blind))
    assert not any("doubtful" in sentence for sentence in found)


def test_a_control_of_any_name_is_told_from_the_attacks(results):
    rows = clean_and_attacked({"cprl": 0.90}, {"cprl": 0.80})
    control = {"model": "cprl", "attack": "noise2", "epsilon": 1.0, "control": True, **bounds(0.895)}
    table = results(*rows, control)
    text = " ".join(overview(select(table).points))
    assert "attacked by FGSM, which" in text
    assert "As a control they were changed as much by noise2" in text
    assert sentences(table)[-1] == "Under noise2 of up to 1/255, no model loses more than 0.01 of its SROCC."
    worst = under_auto("cprl", 1.0, 0.1)
    assert caption(figure6(select(results(*rows, control, worst)).points)).endswith("noise2 is a control.")
