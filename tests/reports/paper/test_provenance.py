"""What a report knows of where its numbers come from: of all of them, and of each cell."""

import json

from iqabench.reports.paper.provenance import cell_facts, headings, provenance

from ...fabricated import behind


def facts_of(found):
    return {fact.name: fact for facts in cell_facts(found.frame).values() for fact in facts}


def texts_of(fact, cells):
    """The text of each cell, whether it is shared, indexed or its own."""
    if fact.indices:
        return [fact.texts[index] for index in fact.indices]
    return list(fact.texts) if len(fact.texts) > 1 else [*fact.texts] * cells


def test_a_cell_is_headed_by_what_was_measured(results):
    variant = {"model": "cprl", "variant": "b=0.3", "dataset": "synthetic", "attack": "pgd", "epsilon": 0.5}
    found = headings(results({}, variant).frame)
    resnet, cprl = "ResNet on LIVE without attack", "CPRL (b=0.3) on synthetic under PGD at 0.5/255"
    assert texts_of(found, 2) == [resnet, cprl]


def test_each_cell_has_its_own_facts_whether_shared_or_not(results):
    commands, checkpoints = ["run --seed 1", "run --seed 2", "run --seed 1"], ["a", "b", "c"]
    pairs = zip(commands, checkpoints, strict=True)
    facts = facts_of(results(*({"command": one, "checkpoint": card, "device": "cpu"} for one, card in pairs)))
    for name, texts in {"Command": commands, "Checkpoint": checkpoints, "Device": ["cpu"] * 3}.items():
        assert texts_of(facts[name], 3) == texts
    assert facts["Command"].texts == ("run --seed 1", "run --seed 2")
    assert facts["Device"].texts == ("cpu",)


def test_facts_read_as_in_the_report_and_what_is_not_known_is_left_out(results):
    params = json.dumps({"steps": 10})
    attacked = {"attack": "pgd", "epsilon": 2.0, "attack_params": params}
    stand_in = {"dataset": "synthetic", "stand_in": True, **attacked}
    facts = facts_of(results(stand_in, {"seconds": None, "limit": 64}))
    assert {name: texts_of(fact, 2) for name, fact in facts.items()}.items() >= {
        "Dataset": ["synthetic (stands in for a database)", "LIVE"],
        "Attack": ["PGD", "no attack"],
        "ε": ["2/255", "0/255"],
        "Attack's parameters": [params, "{}"],
        "Limit": ["", "64"],
        "Time": ["1.0 s", ""],
    }.items()
    assert facts["Attack's parameters"].code
    assert not facts["Dataset"].code
    assert "Profile" not in facts


def test_what_tells_apart_cells_of_one_heading_is_said(results):
    defended = {"attack": "auto", "epsilon": 1.0, **behind("jpeg")}
    rows = [
        {**defended, "knowledge": "adaptive", "precision": "bf16"}, {**defended, "knowledge": "static"},
        {"trained_on": "vcl", "variant": "trained on vcl"},
    ]  # fmt: skip
    facts = facts_of(results(*rows))
    assert {name: texts_of(fact, 3) for name, fact in facts.items()}.items() >= {
        "Defence": ['"jpeg"', '"jpeg"', ""],
        "Knowledge of the defence": ["adaptive", "static", ""],
        "Precision of the search": ["bf16", "", ""],
        "Trained on": ["", "", "vcl"],
    }.items()


def test_all_cells_together_name_each_value_and_each_checkpoint_once(results):
    rows = [{"device": "cpu"}, {"device": "cpu", "attack": "fgsm"}, {"device": "cuda", "seed": 1}]
    found = provenance(results(*rows).frame)
    facts = dict(found.facts)
    assert facts["Device"] == ("cpu", "cuda")
    shown = [[cell.text for cell in row.all_cells][:4] for row in found.checkpoints.rows]
    assert shown == [["ResNet", "0", "", "w-resnet-0"], ["ResNet", "1", "", "w-resnet-1"]]
