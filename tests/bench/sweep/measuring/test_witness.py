"""An attack that changes its images or the model, and a model that changes by being used, end the sweep."""

import pandas as pd
import pytest

PLUGIN = """

import sys


def attack(function):
    def perturb(self, model, images, labels, epsilons):
        return function(model, images, epsilons)

    body = {"perturb": perturb, "run": None, "__module__": __name__}
    named = type(function.__name__, (iqabench.Attack,), body)
    return iqabench.register_attack(function.__name__)(named)


@attack
def inplace(model, images, epsilons):
    for _ in epsilons:
        yield images.copy_(1 - images)


@attack
def trained(model, images, epsilons):
    with torch.no_grad():
        for weight in model.parameters():
            weight.data.mul_(0.9)
    yield from [images.clone() for _ in epsilons]


@attack
def hooked(model, images, epsilons):
    model.register_forward_hook(lambda module, given, scores: scores / 2)
    yield from [images.clone() for _ in epsilons]


@attack
def fewer(model, images, epsilons):
    yield from [images.clone() for _ in epsilons[1:]]


@attack
def widened(model, images, epsilons):
    for number, epsilon in enumerate([*epsilons]):
        epsilons[:] = [1.0] * len(epsilons)
        yield 1 - images if number else images.clone()


@attack
def nothing(model, images, epsilons):
    return None


@attack
def sparse(model, images, epsilons):
    yield from [images.to_sparse() for _ in epsilons]


@attack
def still(model, images, epsilons):
    yield from [images.requires_grad_() for _ in epsilons]


@iqabench.register_attack("stops")
class Stops(iqabench.Attack):
    def run(self, victim, epsilons):
        yield victim.images.clone()


@iqabench.register_attack("plain_search")
class PlainSearch(iqabench.Attack):
    intervals = True

    def run(self, victim, epsilons):
        gradient = victim.gradient(victim.images)
        for epsilon in epsilons:
            yield (victim.images + 0.999 * epsilon * gradient.sign()).clamp(0, 1)


@iqabench.register_attack("listing_search")
class ListingSearch(PlainSearch):
    def run(self, victim, epsilons):
        assert not any(weight.requires_grad for weight in victim.model.parameters())
        return list(super().run(victim, epsilons))


@iqabench.register_attack("one_number")
class OneNumber(PlainSearch):
    def run(self, victim, epsilons):
        return 3


@iqabench.register_attack("keeping_search")
class KeepingSearch(PlainSearch):
    '''Keeps its gradient in an attribute, and gives every batch in one tensor.'''

    given = {}

    def run(self, victim, epsilons):
        self.gradient = victim.gradient(victim.images)
        buffer = self.given.setdefault(victim.images.shape, torch.empty_like(victim.images))
        for epsilon in epsilons:
            torch.add(victim.images, self.gradient.sign(), alpha=0.999 * epsilon, out=buffer)
            yield buffer.clamp_(0, 1)


@iqabench.register_attack("oddly_normed")
class OddlyNormed(PlainSearch):
    norm = "l7"


@iqabench.register_attack("unversioned")
class Unversioned(PlainSearch):
    version = "two"


@iqabench.register_attack("three")
def three():
    return 3


@attack
def quits(model, images, epsilons):
    sys.exit(0)


@attack
def listed(model, images, epsilons):
    return [images.clone() for _ in epsilons]


@iqabench.register_model("tired")
class Tired(Linear):
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(images) * (1 if self.calls < 14 else 0.5)


@iqabench.register_model("dropping")
class Dropping(Linear):
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(images if self.calls < 14 else images[1:])
"""


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("inplace", "attack 'inplace': returned an image outside its ball"),
        ("trained", "attack 'trained': the model gives one image the score"),
        ("hooked", "attack 'hooked': the model gives one image the score"),
        ("fewer", "attack 'fewer': gives fewer batches than there are epsilons"),
        ("widened", "attack 'widened': returned an image outside its ball"),
        ("nothing", "attack nothing cannot be run: 'NoneType' object is not iterable"),
        ("sparse", "attack 'sparse': returned a torch.sparse_coo tensor on cpu for one of torch.strided"),
        ("one_number", "OneNumber: `run` gives a int; it yields a batch for each epsilon"),
        ("stops", "Stops yields fewer batches than there are epsilons"),
        ("oddly_normed", "attack 'oddly_normed': `norm` is 'l7', accepted is linf or l2"),
        ("unversioned", "Unversioned: its `version` is 'two', accepted is a whole number"),
        ("three", "attack 'three' is a int without a method `perturb`"),
        ("quits", "attack 'quits', or the model: calls sys.exit(0)"),
    ],
)
def test_what_an_attack_may_not_do_ends_the_sweep_and_nothing_of_it_is_kept(sweep, attack, told, tmp_path):
    done, cells = sweep("--models", "linear", "--attacks", f"{attack},listed", "--epsilons", "4,8", exits=2)
    assert told in done.output
    assert attack not in {name for name, _ in cells}
    assert not list((tmp_path / "results" / "partial").rglob(f"{attack}*"))


def test_an_attack_that_returns_its_images_as_they_were_is_said_to_and_flagged(sweep):
    done, cells = sweep("--models", "linear", "--attacks", "still", "--epsilons", "4,8")
    assert done.output.count("still is doubtful: The attack returned 100% of the images as they were.") == 1
    for epsilon in (4.0, 8.0):
        (flag,) = cells["still", epsilon].provenance["diagnostics"]["flags"]
        assert flag["indicator"] == "images unchanged"


def test_a_run_that_gives_a_list_computes_it_on_a_model_in_evaluation_mode(sweep):
    attacks = "plain_search", "listing_search"
    done, cells = sweep("--models", "linear", "--attacks", ",".join(attacks), "--epsilons", "4")
    assert done.exit_code == 0, done.output
    one, other = (pd.read_parquet(cells[name, 4.0].path)[["low", "high"]] for name in attacks)
    pd.testing.assert_frame_equal(one, other)


def test_what_an_attack_keeps_of_one_direction_does_not_reach_the_other(sweep):
    attacks = "plain_search", "keeping_search"
    _, cells = sweep("--models", "linear", "--attacks", ",".join(attacks), "--epsilons", "4,8")
    for epsilon in (4.0, 8.0):
        plain, keeping = (pd.read_parquet(cells[name, epsilon].path) for name in attacks)
        assert (plain["low"] < plain["score"]).all()
        pd.testing.assert_frame_equal(plain[["low", "high"]], keeping[["low", "high"]])


def test_an_attack_may_give_a_list(sweep):
    _, cells = sweep("--models", "linear", "--attacks", "listed", "--epsilons", "4,8")
    assert {epsilon for name, epsilon in cells if name == "listed"} == {4.0, 8.0}


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("tired", "the model gives one image the score"),
        ("dropping", "scores of shape (1,) for 2 images; a model gives one real score for each"),
    ],
)
def test_a_model_that_changes_by_being_used_ends_the_sweep(sweep, model, told):
    done, cells = sweep("--models", model, "--attacks", "listed", "--epsilons", "4", exits=2)
    assert told in done.output
    assert ("listed", 4.0) not in cells
