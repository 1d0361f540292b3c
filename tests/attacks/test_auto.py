import pytest
import torch
from torch import nn

from iqabench.attacks import create_attack
from iqabench.attacks.apgd import APGD
from iqabench.attacks.auto import BUDGETS, Auto, _End
from iqabench.attacks.pgd import PGD
from iqabench.attacks.tools.objectives import ascend, descend
from iqabench.attacks.tools.victim import SearchRecord, Victim

from .conftest import Around, Batch, Counted, Jolted

EPSILONS = [2 / 255, 8 / 255]
ATTACKS = 2  # directions


def scored(model, images):
    with torch.inference_mode():
        return model(images)


def passes(counted):
    """Forward passes, and backward passes as two of them."""
    return counted.forwards + 2 * counted.backwards


def test_quick_costs_at_most_two_and_a_half_times_pgd_10_in_both_directions(counted, batch):
    for objective in (ascend, descend):
        list(PGD(steps=10).perturb(counted, *batch, EPSILONS, objective=objective))
    pgd = passes(counted)
    assert pgd == ATTACKS * len(EPSILONS) * 10 * 3
    list(Auto(budget="quick").interval(counted, batch.images, EPSILONS))
    assert passes(counted) - pgd <= 2.5 * pgd


@pytest.mark.parametrize(("budget", "expected"), [("quick", 62), ("standard", 2 * 302 + 201)])
def test_a_budget_spends_the_passes_that_the_documentation_states(counted, batch, budget, expected):
    def spent(epsilons):
        before = passes(counted)
        list(Auto(budget=budget).interval(counted, batch.images, epsilons))
        return passes(counted) - before

    once = spent(EPSILONS[:1]) - spent([0.0])
    # The random start of `standard` is for what Auto-PGD found; Square may have found it for an image.
    assert once == ATTACKS * expected


def ends(attack, model, batch, epsilons):
    low, high = (
        torch.stack([scored(model, x) for x in attack.perturb(model, *batch, epsilons, objective=objective)])
        for objective in (descend, ascend)
    )
    return low, high


def test_goes_at_least_as_far_as_its_members_and_pgd_both_ways(smooth_or_relu_model, batch):
    model, batch = smooth_or_relu_model, Batch(batch.images[:2], batch.labels[:2])
    intervals = list(Auto().interval(model, batch.images, EPSILONS))
    low = torch.stack([interval.low_scores for interval in intervals])
    high = torch.stack([interval.high_scores for interval in intervals])
    for attack in (PGD(), APGD(steps=50)):
        their_low, their_high = ends(attack, model, batch, EPSILONS)
        assert (low <= their_low + 2e-6).all()
        assert (high >= their_high - 2e-6).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_yields_scores_that_its_images_have_and_intervals_that_grow(model, batch, norm):
    epsilons = EPSILONS if norm == "linf" else [0.2, 1.0]
    clean = scored(model, batch.images)
    before_low, before_high = clean, clean
    attack = Auto(budget="quick", norm=norm)
    for epsilon, interval in zip(epsilons, attack.interval(model, batch.images, epsilons), strict=True):
        for images, scores in (
            (interval.low_images, interval.low_scores),
            (interval.high_images, interval.high_scores),
        ):
            torch.testing.assert_close(scored(model, images), scores)
            difference = (images - batch.images).double()
            size = difference.abs().max() if norm == "linf" else difference.flatten(1).norm(dim=1).max()
            assert size <= epsilon
            assert 0 <= images.min() <= images.max() <= 1
        assert (interval.low_scores < before_low).all()
        assert (interval.high_scores > before_high).all()
        before_low, before_high = interval.low_scores, interval.high_scores
        assert set(interval.low_by + interval.high_by) == {"apgd"}


def test_finds_the_exact_interval_of_a_linear_model_that_meets_the_pixel_range(batch):
    weights = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    class Linear(nn.Module):
        def forward(self, images):
            return (images * weights).sum(dim=(1, 2, 3))

    images, epsilon = batch.images.double(), 0.05
    (interval,) = Auto(budget="quick").interval(Linear(), images, [epsilon])
    up, down = (images + epsilon).clamp(max=1), (images - epsilon).clamp(min=0)
    exact_high = Linear()(torch.where(weights > 0, up, down))
    exact_low = Linear()(torch.where(weights > 0, down, up))
    torch.testing.assert_close(interval.high_scores, exact_high)
    torch.testing.assert_close(interval.low_scores, exact_low)


class Misleading(Around):
    """A random model whose own gradient is one of noise; of five backward passes only "true" is its own."""

    def backward_passes(self):
        return ("noise 1", "noise 2", "true", "noise 3", "noise 4")

    def forward(self, images):
        scores = self.honest(images)
        if self.backward != "true":
            noise = (torch.randn_like(images) * images).sum(dim=(1, 2, 3))
            scores = scores.detach() + (noise - noise.detach()) * 1e-3
        return scores + 2e-4 * torch.randn_like(scores)  # a fifth of the width


class CountedViews(Counted):
    """A counted model that offers its backward passes on."""

    def backward_passes(self):
        return self.model.backward_passes()

    def backward_through(self, name):
        return self.model.backward_through(name)


class Shaken(Around):
    """A random model whose mean is honest, and whose gradient is mostly that of the draw."""

    def __init__(self, honest, images, strength):
        super().__init__(honest)
        self.clean, self.strength = images, strength

    def forward(self, images):
        draw = torch.randn_like(images)
        clean = self.clean[torch.cdist(images.flatten(1), self.clean.flatten(1)).argmin(1)]
        shaken = (draw * (images - clean)).sum(dim=(1, 2, 3))
        return self.honest(images) + self.strength * shaken + 1e-5 * torch.randn(len(images))


def test_draws_that_hide_the_gradient_of_their_mean_do_not_stop_the_search(model, batch):
    torch.manual_seed(0)
    slope = Victim(model, batch.images, batch.labels, ascend).gradient(batch.images).square().mean().sqrt()
    shaken = Shaken(model, batch.images, 8 * slope)
    (known,) = Auto(budget="quick").interval(model, batch.images, EPSILONS[:1])
    shares = []
    for seed in range(4):
        (interval,) = Auto(budget="quick", seed=seed).interval(shaken, batch.images, EPSILONS[:1])
        width = scored(model, interval.high_images) - scored(model, interval.low_images)
        shares.append(width.mean() / (known.high_scores - known.low_scores).mean())
    assert min(shares) > 0.78  # Auto-PGD: 0.6; images compared by the draws that they were found with: 0.5


@pytest.mark.parametrize("chosen", [[True] * 6, [True, False, True, True, False, True]])
def test_of_two_images_the_one_with_the_further_mean_is_kept_though_a_draw_moves_scores_more(chosen):
    chosen = torch.tensor(chosen)
    images = torch.full((6, 3, 8, 8), 0.5)
    victim = Victim(Jolted(lambda x: x.mean((1, 2, 3))), images, torch.zeros(6), ascend, eot_samples=2)
    for trial in range(20):
        torch.manual_seed(trial)
        end = _End(victim, [], 2, 0)
        end.offer("worse", chosen, images[chosen] - 1e-3)
        assert set(end.by) == {"clean"}
        end.offer("better", chosen, images[chosen] + 1e-3)
        end.offer("worse", chosen.logical_not(), images[~chosen] - 1e-3)
        assert [by == "better" for by in end.by] == chosen.tolist()
        torch.testing.assert_close(end.images[chosen], images[chosen] + 1e-3)


def test_quick_costs_at_most_two_and_a_half_times_pgd_10_on_a_random_model(model, batch):
    counted = CountedViews(Misleading(model))
    for objective in (ascend, descend):
        list(PGD(steps=10, eot_samples=2).perturb(counted, *batch, EPSILONS, objective=objective))
    pgd = passes(counted)
    list(Auto(budget="quick").interval(counted, batch.images, EPSILONS))
    assert passes(counted) - pgd <= 2.5 * pgd


def test_quick_spends_its_steps_on_the_view_that_moves_an_image_most(model, batch):
    (interval,) = Auto(budget="quick").interval(Misleading(model), batch.images, EPSILONS[1:])
    (known,) = Auto(budget="quick").interval(model, batch.images, EPSILONS[1:])
    width = scored(model, interval.high_images) - scored(model, interval.low_images)
    known_width = known.high_scores - known.low_scores
    assert width.mean() > 0.95 * known_width.mean()


class Table(Around):
    """Scores without any gradient."""

    def forward(self, images):
        return torch.tensor(self.honest(images).tolist())


class Rounded(Around):
    def forward(self, images):
        return self.honest((images * 255).round() / 255)


class Cast(Around):
    def forward(self, images):
        return self.honest((images * 255 + 0.5).to(torch.uint8).float() / 255)


class Detached(Around):
    def forward(self, images):
        return self.honest(images.detach())


class WithoutGradient(Around):
    def forward(self, images):
        with torch.no_grad():
            return self.honest(images)


class Watchful(Around):
    """Gives a false gradient to whoever asks for one."""

    def forward(self, images):
        return images.mean(dim=(1, 2, 3)) if images.requires_grad else self.honest(images)


class Random(Around):
    def forward(self, images):
        return self.honest(images) + 1e-5 * torch.randn(len(images))


def width(model, batch, honest):
    (interval,) = Auto(budget="quick").interval(model, batch.images, EPSILONS[1:])
    return scored(honest, interval.high_images) - scored(honest, interval.low_images)


@pytest.mark.parametrize("hiding", [Rounded, Cast, Detached, WithoutGradient, Watchful, Random])
def test_a_gradient_that_is_hidden_is_found(model, batch, hiding):
    expected = width(model, batch, model)
    assert (width(hiding(model), batch, model) > 0.9 * expected).all()


def test_a_saturated_score_is_attacked_through_its_logit(batch):
    weights = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(3))

    class Saturated(nn.Module):
        def logit(self, images):
            return 25 + ((images - batch.images) * weights).sum(dim=(1, 2, 3)) * 4

        def forward(self, images):
            return torch.sigmoid(self.logit(images))

    model = Saturated()
    assert (scored(model, batch.images) == 1).all()  # in float32, and flat around there
    plain, _ = ends(PGD(random_start=False), model, batch, [0.05])
    assert (plain == 1).all()
    (interval,) = Auto(budget="quick").interval(model, batch.images, [0.05])
    assert (interval.low_scores < 0.1).all()
    assert set(interval.low_by) == {"apgd (logit)"}


def test_where_no_view_shows_a_gradient_scores_alone_are_searched(batch):
    table = Table(lambda images: images.mean(dim=(1, 2, 3)).round(decimals=4))
    (interval,) = Auto(budget="quick").interval(table, batch.images, [16 / 255])
    assert (interval.low_scores < scored(table, batch.images) - 0.004).all()
    assert set(interval.low_by + interval.high_by) == {"square"}


def test_without_a_gradient_the_standard_budget_climbs_finite_differences_of_the_score(
    model, batch, monkeypatch
):
    monkeypatch.setitem(BUDGETS, "standard", BUDGETS["standard"]._replace(blind_queries=2))

    (found,) = Auto().interval(Table(model), batch.images, EPSILONS[1:])
    (known,) = Auto(budget="quick").interval(model, batch.images, EPSILONS[1:])
    assert set(found.low_by + found.high_by) == {"apgd (finite differences)"}
    shares = (found.high_scores - found.low_scores) / (known.high_scores - known.low_scores)
    assert (shares > 0.2).all()


def test_nan_is_counted_and_does_not_pass_for_a_robust_image(model, batch):
    class Diverged(nn.Module):
        def forward(self, images):
            return model(images) * torch.where(images[:, 0, 6, 6] > 0.95, torch.nan, 1.0)

    batch.images[:, 0, 6, 6] = torch.tensor([1.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    record = SearchRecord()
    (interval,) = Auto(budget="quick").interval(Diverged(), batch.images, EPSILONS[1:], record=record)
    assert record.nonfinite > 0
    assert interval.low_scores.isnan().tolist() == [True] + [False] * 5
    assert (interval.low_scores[1:] < scored(model, batch.images)[1:]).all()


class Quantised(Around):
    """Score steps that hide the gradient, and two stand-ins for it: one useless, one good."""

    def backward_passes(self):
        return ["against", "along"]

    def forward(self, images):
        score = self.honest(images)
        value = torch.tensor([round(one, 5) for one in score.tolist()])
        sign = {None: 0, "against": -1, "along": 1}[self.backward]
        return value + sign * (score - score.detach())


def test_of_the_backward_passes_that_a_model_offers_the_one_that_works_is_kept(model, batch):
    record = SearchRecord()
    quantised = Quantised(model)
    attack = Auto(budget="quick")
    (interval,) = attack.interval(quantised, batch.images, EPSILONS[1:], record=record)
    assert set(interval.low_by + interval.high_by) == {"apgd (along)"}
    assert {"against", "along"} <= record.views
    (honest,) = attack.interval(model, batch.images, EPSILONS[1:])
    torch.testing.assert_close(interval.low_scores, honest.low_scores, atol=1e-4, rtol=0)


def test_perturb_gives_the_end_of_the_interval_that_the_objective_asks_for(model, batch):
    attack = create_attack("auto", budget="quick")
    (interval,) = attack.interval(model, batch.images, EPSILONS[1:])
    for objective, expected in ((descend, interval.low_images), (ascend, interval.high_images)):
        (found,) = attack.perturb(model, *batch, EPSILONS[1:], objective=objective)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_epsilons_out_of_order_are_refused(model, batch):
    with pytest.raises(ValueError, match="ascending"):
        Auto().interval(model, batch.images, [0.2, 0.1])
