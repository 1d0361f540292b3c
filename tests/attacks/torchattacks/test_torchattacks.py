"""Attacks of torchattacks climb the objective of a score, inside the ball, in either direction."""

import inspect

import pytest
import torch
import torchattacks
from torch import nn

from iqabench import UserError
from iqabench.attacks import create_attack
from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.pgd import PGD
from iqabench.attacks.tools.objectives import ascend, descend
from iqabench.attacks.tools.victim import SearchRecord
from iqabench.attacks.torchattacks.catalogue import OFFERED, REFUSED
from iqabench.attacks.torchattacks.library import lines, resolve
from iqabench.bench.sweep.measuring.check_attack import check_attack
from iqabench.bench.sweep.measuring.door import distances

FEWER = {
    "SPSA": {"nb_sample": 64},
    "PGDRS": {"noise_sd": 0.05},
    "PGDRSL2": {"noise_sd": 0.05},
    "DIFGSM": {"steps": 5},
    "TIFGSM": {"len_kernel": 3},
}
RADII = {"linf": 4 / 255, "l2": 100 / 255}


def build(name, **params):
    return create_attack(f"torchattacks:{name}", **{**FEWER.get(name, {}), **params})


@pytest.mark.parametrize("objective", [ascend, descend])
@pytest.mark.parametrize("name", OFFERED)
def test_each_moves_scores_in_the_wanted_direction_inside_the_ball(name, objective, model, batch):
    attack, record = build(name), SearchRecord()
    epsilon = RADII[attack.norm]
    (found,) = attack.perturb(model, *batch, [epsilon], objective=objective, record=record)
    distances(batch.images, found, epsilon, norm=attack.norm, attack=name)
    with torch.no_grad():
        before, after = (objective(model(images), batch.labels) for images in (batch.images, found))
    assert (after >= before).all()
    assert (after > before).sum() > len(before) / 2
    assert record.returned == len(before)
    assert record.risen > len(before) / 2
    assert record.unmoved == 0


@pytest.mark.parametrize("name", OFFERED)
def test_each_keeps_to_the_contract(name):
    fewer = {"nb_sample": 4, "max_batch_size": 4} if name == "SPSA" else {}
    if "steps" in OFFERED[name].parameters:
        fewer["steps"] = 3
    check_attack(lambda: build(name, **fewer))


def test_every_name_of_torchattacks_is_offered_or_refused_with_parameters_that_it_has():
    assert {*OFFERED, *REFUSED} == {*torchattacks.__all__} | {"MultiAttack", "LGV"}
    for name, offered in OFFERED.items():
        known = inspect.signature(getattr(torchattacks, name)).parameters
        wanted = {*offered.parameters, offered.radius} | ({offered.step} if offered.step else set())
        assert wanted <= known.keys()


@pytest.mark.parametrize(("objective"), [ascend, descend])
def test_fgsm_and_pgd_of_torchattacks_are_ours(objective, model, batch):
    epsilon = 4 / 255
    (ours,) = FGSM().perturb(model, *batch, [epsilon], objective=objective)
    (theirs,) = build("FGSM").perturb(model, *batch, [epsilon], objective=objective)
    assert ((ours - theirs).abs() > 1e-6).float().mean() <= 1e-3
    ours_attack = PGD(steps=5, step_size=1 / 255, random_start=False)
    (ours,) = ours_attack.perturb(model, *batch, [epsilon], objective=objective)
    theirs_attack = build("PGD", steps=5, alpha=1 / 255, random_start=False)
    (theirs,) = theirs_attack.perturb(model, *batch, [epsilon], objective=objective)
    assert ((ours - theirs).abs() > 1e-6).float().mean() <= 1e-3


@pytest.mark.parametrize("objective", [ascend, descend])
def test_scores_on_a_scale_without_bounds_leave_a_gradient(objective, model, batch):
    class Unbounded(nn.Module):
        def forward(self, images):
            return 500 * model(images) + 1000

    for name in ("FGSM", "MIFGSM"):
        record = SearchRecord()
        list(build(name).perturb(Unbounded(), *batch, [1 / 255], objective=objective, record=record))
        assert record.zero == 0
        assert record.risen == len(batch.images)


def test_a_model_without_a_gradient_that_can_be_used_returns_images_as_they_were_and_is_counted(batch):
    class Steps(nn.Module):
        def forward(self, images):
            return images.mean((1, 2, 3)).mul(2).round().div(2)

    record = SearchRecord()
    (found,) = build("MIFGSM").perturb(Steps(), *batch, [1 / 255], record=record)
    assert torch.equal(found, batch.images)
    assert record.unmoved == record.zero / 10 == len(batch.images)
    assert record.risen == 0


def test_scores_without_a_graph_are_refused_but_by_spsa(batch, model):
    class Closed(nn.Module):
        def forward(self, images):
            with torch.no_grad():
                return model(images)

    with pytest.raises(UserError, match="no gradient to the pixels"):
        list(build("BIM").perturb(Closed(), *batch, [1 / 255]))
    (found,) = build("SPSA").perturb(Closed(), *batch, [4 / 255], objective=ascend)
    assert (model(found) > model(batch.images)).float().mean() > 0.5


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_nothing_for_a_score_is_refused_with_what_to_use(name):
    with pytest.raises(UserError, match=f"torchattacks:{name} is not an attack on a score: it .*; .+"):
        resolve(name)


def test_unknown_names_and_parameters_are_answered_with_the_nearest():
    with pytest.raises(UserError, match="MIFGSM"):
        resolve("MFGSM")
    with pytest.raises(UserError, match=r"unknown key 'step': did you mean 'steps'"):
        build("PGD", step=3)
    with pytest.raises(UserError, match="greater than or equal to 1"):
        build("PGD", steps=0)


def test_the_list_has_a_line_for_each_and_the_licence():
    told = list(lines())
    assert len(told) == len(OFFERED) + len(REFUSED) + 1
    assert "MIT" in told[-1]


def test_two_attacks_are_two_classes_whose_parameters_compare():
    assert build("PGD") == build("PGD") != build("PGD", seed=1)
    assert build("BIM") != build("MIFGSM")


def test_gradients_of_a_model_whose_passes_differ_are_means_of_ten():
    class Shaken(nn.Module):
        stochastic = True

        def forward(self, images):
            return (images * (1 + 2 * torch.randn(images.shape))).mean((1, 2, 3))

    middle = 0.25 + torch.rand((12, 3, 16, 16), generator=torch.Generator().manual_seed(0)) / 2
    (found,) = build("FGSM").perturb(Shaken(), middle, torch.full((12,), 0.5), [4 / 255], objective=ascend)
    right = (found > middle)[found != middle].double().mean()
    expected = torch.special.ndtr(torch.tensor(10**0.5 / 2))  # 0.94; of one pass 0.69
    torch.testing.assert_close(right, expected.double(), atol=0.02, rtol=0)
