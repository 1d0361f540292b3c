"""`iqabench compare` on stores of drawn numbers: a planted difference, a planted equal pair, two stores."""

import io
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from iqabench.bench.store.store import Store
from iqabench.reports.compare.pairs import compare
from iqabench.reports.compare.words import render_comparison

from ...fabricated import drawn_auto, drawn_cell, labels, noisy


@pytest.fixture
def store(tmp_path):
    """`steady` is as good as `loose` clean and has narrower intervals; `twin` is `loose` again."""
    store, scores = Store(tmp_path / "results"), noisy(0.15, 120)
    for model, reach in {"loose": 0.4, "steady": 0.05, "twin": 0.4}.items():
        drawn_cell(store, scores, model=model)
        ends = {"low": scores - reach, "high": scores + reach}
        drawn_cell(store, scores, more=ends, model=model, attack="auto", epsilon=1.0)
    return store


@pytest.fixture
def told(iqabench, store):
    def run(*arguments):
        done = iqabench("compare", *arguments, "--results", str(store.root), exits=0)
        return done.output

    return run


def test_the_more_robust_model_is_named_for_each_condition(told):
    text = told("loose", "steady")
    assert text.startswith("Is steady more robust than loose, on the same images?")
    assert "Of 3 comparisons, steady is better in 2 and loose in 0; 1 cannot be told apart" in text
    assert "Without attack on live, they cannot be told apart" in text
    assert "Under auto at 1/255 on live, steady is more robust: worst-case SROCC" in text
    assert "median width 0.100 against 0.800, difference −0.700 [−0.700, −0.700], p 0.001" in text


def test_under_a_control_a_model_ranks_better_and_is_not_called_more_robust(told, store):
    for model, noise in {"loose": 0.15, "twin": 0.6}.items():
        drawn_cell(store, noisy(noise, 120), model=model, attack="noise", epsilon=1.0)
        named = {"attack": "mine", "epsilon": 2.0, "context": {"control": True}}
        drawn_cell(store, noisy(noise, 120), model=model, **named)
    text = told("loose", "twin")
    assert "Under noise at 1/255 on live, loose ranks images better: SROCC" in text
    assert "Under mine at 2/255 on live, loose ranks images better: SROCC" in text


@pytest.mark.parametrize(
    ("p", "printed", "verdict"),
    [
        (0.04996, "p <0.05", "is more robust"),
        (math.nextafter(0.05, 0), "p <0.05", "is more robust"),
        (0.0494, "p 0.049", "is more robust"),
        (0.05, "p 0.050", "cannot be told apart"),
        (0.0500001, "p 0.050", "cannot be told apart"),
        (0.0004, "p <0.001", "is more robust"),
    ],
)
def test_a_printed_p_value_never_contradicts_the_verdict(store, p, printed, verdict):
    found = compare("loose", "steady", store.root)
    one = next(one for one in found.compared if one.metric == "worst_srocc")
    text = render_comparison(replace(found, compared=(replace(one, p=p),)), "table")
    (sentence,) = (line for line in text.splitlines() if line.startswith("Under auto"))
    assert verdict in sentence
    assert sentence.endswith(f"{printed}.")
    (row,) = (line for line in text.splitlines() if "worst-case SROCC" in line and "Under" not in line)
    assert row.split()[-2:] == [printed.removeprefix("p "), "–" if "cannot" in verdict else "steady"]


def test_equal_models_cannot_be_told_apart(told):
    frame = pd.read_csv(io.StringIO(told("loose", "twin", "--format", "csv")))
    assert frame["better"].isna().all()
    assert (frame["p_holm"] == 1).all()
    assert frame["metric"].tolist() == ["srocc", "worst_srocc", "median_width"]
    assert (frame["difference"] == 0).all()


def test_the_order_of_the_models_turns_the_sign_and_not_the_verdict(told):
    one, other = (json.loads(told(*names, "--format", "json")) for names in
                  (("loose", "steady"), ("steady", "loose")))  # fmt: skip
    assert [row["better"] for row in one] == [row["better"] for row in other] == ["", "steady", "steady"]
    for row, turned in zip(one, other, strict=True):
        assert row["difference"] == pytest.approx(-turned["difference"])
        assert row["p"] == pytest.approx(turned["p"])


def test_a_model_is_compared_with_itself_in_another_store(iqabench, store, tmp_path):
    other = Store(tmp_path / "other")
    scores = noisy(0.15, 120)
    drawn_cell(other, scores, more={"low": scores - 0.01, "high": scores + 0.01},
               model="loose", attack="auto", epsilon=1.0)  # fmt: skip
    arguments = ("compare", "loose", "loose", "--results", str(store.root))
    done = iqabench(*arguments, "--against", str(other.root), exits=0)
    assert f"loose of {other.root} is more robust: worst-case SROCC" in done.output
    done = iqabench(*arguments, exits=2)
    assert "are the same cells" in done.output


def test_only_common_images_with_the_same_labels_are_compared(store):
    drawn_cell(store, noisy(0.15, 60), model="short")
    found = compare("loose", "short", store.root)
    assert [one.images for one in found.compared] == [60]
    assert "compared are the common ones" in found.notes[0]
    drawn_cell(store, noisy(0.1, 120), more={"quality": 1 - labels(120)}, model="relabelled")
    drawn_cell(store, noisy(0.1, 5), model="few")
    for model, reason in (("relabelled", "other labels"), ("few", "5 images in common")):
        with pytest.raises(Exception, match=reason):
            compare("loose", model, store.root)


def test_seeds_are_averaged(store):
    for seed in (0, 1):
        drawn_cell(store, noisy(0.1 + seed, 120), model="seeded", seed=seed)
    (clean,) = compare("loose", "seeded", store.root).compared
    each = [pd.Series(labels(120)).corr(pd.Series(noisy(0.1 + s, 120)), "spearman") for s in (0, 1)]
    assert clean.difference.second == pytest.approx(np.mean(each))


def test_intervals_beside_single_scores_are_compared_by_what_srocc_is_of(store):
    """Scores that others measured are intervals, of FGSM, too."""
    scores, reached = noisy(0.01, 120), noisy(0.5, 120)
    drawn_cell(store, reached, model="own", attack="fgsm", epsilon=2.0)
    ends = {"low": scores - 0.4, "high": scores + 0.4}
    drawn_cell(store, scores, more=ends, model="theirs", attack="fgsm", epsilon=2.0)
    (found,) = compare("own", "theirs", store.root).compared
    quality = labels(120)
    moved = np.where(quality > np.median(quality), scores - 0.4, scores + 0.4)
    sroccs = [pd.Series(quality).corr(pd.Series(of_model), "spearman") for of_model in (reached, moved)]
    assert found.metric == "srocc"
    assert [found.difference.first, found.difference.second] == pytest.approx(sroccs)
    assert found.ahead == 1


def test_an_unknown_model_is_answered_with_the_nearest(iqabench, store):
    done = iqabench("compare", "loose", "stedy", "--results", str(store.root), exits=2)
    assert "did you mean 'steady'" in done.output


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"attack_version": 0}, "auto at 1/255 on live was run by several versions"),
        ({"attack_source": "0123456789abcdef"}, "auto at 1/255 on live was run by several versions"),
        ({"precision": "bf16"}, "auto at 1/255 on live searched in several precisions"),
        (
            {"pixels_digest": "p1"},
            "The images of live have the same names and labels, but not",
        ),
        (
            {"pixels_digest": "p2", "image_size": 128},
            "The models are given the images of live at different",
        ),
        (
            {"attack_params": {"budget": "standard"}},
            "auto at 1/255 on live was run with different",
        ),
    ],
)
def test_what_differs_besides_the_model_is_told(store, other, told):
    assert compare("loose", "steady", store.root).notes == ()
    drawn_auto(store, "other", 1.0, **other)
    (note,) = compare("loose", "other", store.root).notes
    assert note.startswith(told)
