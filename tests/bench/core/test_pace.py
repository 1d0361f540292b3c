"""The time left is told from what images took, on a clock that the test moves."""

import pytest

from iqabench.bench.core.pace import Pace, Stage


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(clock)


def work(pace, clock, stage, images, seconds, batch=10):
    """Work through images of a stage at so many seconds each."""
    pace.begin(stage)
    for _ in range(0, images, batch):
        clock.now += batch * seconds
        pace.advance(batch)


def test_images_left_take_what_those_done_took(pace, clock):
    training = Stage("training", "resnet", "live / resnet")
    pace.expect(training.job, {training: 100})
    assert pace.seconds_left() is None
    work(pace, clock, training, 30, 2.0)
    assert pace.seconds_left() == pytest.approx(70 * 2.0)
    assert (pace.done, pace.total) == (30, 100)


def test_time_between_stages_counts_for_none(pace, clock):
    first, second = Stage("training", "resnet", "a"), Stage("fgsm", "resnet", "a")
    pace.expect("a", {first: 10, second: 20})
    work(pace, clock, first, 10, 1.0)
    clock.now += 1000
    work(pace, clock, second, 10, 3.0)
    assert pace.seconds_left() == pytest.approx(10 * 3.0)


def test_what_has_not_begun_takes_as_much_longer_than_rehearsed_as_the_work_so_far(pace, clock):
    training, fgsm, pgd = (Stage(kind, "resnet", "a") for kind in ("training", "fgsm", "pgd"))
    pace.expect("a", {training: 10, fgsm: 10, pgd: 10})
    for stage, seconds in ((training, 2.0), (fgsm, 4.0), (pgd, 40.0)):
        pace.rehearsed(stage, seconds)
    assert pace.seconds_left() == pytest.approx(10 * (2 + 4 + 40))
    work(pace, clock, training, 10, 1.0)  # half of what was rehearsed
    assert pace.seconds_left() == pytest.approx(10 * (2 + 20))
    work(pace, clock, fgsm, 10, 6.0)  # half as much again; the two together leave the rehearsals nearly right
    assert pace.seconds_left() == pytest.approx(10 * 40 * (0.5 * 1.5) ** 0.5)


def test_a_kind_is_corrected_by_its_own_rehearsals_with_other_models(pace, clock):
    stages = {
        (kind, model): Stage(kind, model, model) for kind in ("training", "pgd") for model in ("a", "b")
    }
    for model in ("a", "b"):
        pace.expect(model, {stages["training", model]: 10, stages["pgd", model]: 10})
    for (kind, model), stage in stages.items():
        pace.rehearsed(stage, {"training": 1.0, "pgd": 10.0}[kind] * {"a": 1, "b": 3}[model])
    work(pace, clock, stages["training", "a"], 10, 2.0)
    work(pace, clock, stages["pgd", "a"], 10, 5.0)
    assert pace.seconds_left() == pytest.approx(10 * (3 * 2.0) + 10 * (30 * 0.5))


def test_without_a_rehearsal_a_model_is_taken_for_one_like_the_others(pace, clock):
    for model, seconds in (("a", 1.0), ("b", 3.0)):
        stage = Stage("pgd", model, model)
        pace.expect(model, {stage: 10})
        work(pace, clock, stage, 10, seconds)
    pace.expect("c", {Stage("pgd", "c", "c"): 10})
    assert pace.seconds_left() == pytest.approx(10 * 2.0)


def test_two_jobs_of_one_model_share_what_was_learnt(pace, clock):
    pace.expect("seed 0", {Stage("pgd", "cprl", "seed 0"): 10})
    pace.expect("seed 1", {Stage("pgd", "cprl", "seed 1"): 50})
    work(pace, clock, Stage("pgd", "cprl", "seed 0"), 10, 4.0)
    assert pace.seconds_left() == pytest.approx(50 * 4.0)
    assert pace.unknown("seed 1") == {}


def test_images_that_an_earlier_run_did_take_no_time(pace, clock):
    stage = Stage("pgd", "cprl", "a")
    pace.expect("a", {stage: 100})
    pace.begin(stage)
    pace.skip(60)
    clock.now += 20
    pace.advance(10)
    assert pace.done == 70
    assert pace.seconds_left() == pytest.approx(30 * 2.0)


def test_what_another_process_does_is_no_longer_expected(pace, clock):
    mine, other = Stage("pgd", "cprl", "mine"), Stage("pgd", "cprl", "other")
    pace.expect("mine", {mine: 10})
    pace.expect("other", {other: 90})
    work(pace, clock, mine, 5, 1.0, batch=5)
    assert pace.seconds_left() == pytest.approx(95.0)
    pace.expect("other", {})
    assert pace.seconds_left() == pytest.approx(5.0)
    assert pace.total == 10


MODELS = {"resnet": (1.0, 1.0, 30.0), "lwta": (1.5, 1.5, 90.0), "cprl": (4.0, 1.2, 40.0)}
"""Seconds per image of training, scoring and PGD; for each model its own, as with real ones."""


@pytest.mark.parametrize("order", [list(MODELS), list(MODELS)[::-1]])
def test_from_a_tenth_of_the_time_on_the_estimate_is_within_a_factor_of_two(pace, clock, order):
    images = {"training": 2400, "scoring": 300, "pgd": 1200}
    for model in order:
        pace.expect(model, {Stage(kind, model, model): count for kind, count in images.items()})
        for kind, seconds in zip(images, MODELS[model], strict=True):
            pace.rehearsed(Stage(kind, model, model), 2.5 * seconds)  # two images cost more than two of fifty
    told = []
    for model in order:
        for (kind, count), seconds in zip(images.items(), MODELS[model], strict=True):
            pace.begin(Stage(kind, model, model))
            for _ in range(0, count, 50):
                clock.now += 50 * seconds
                pace.advance(50)
                told.append((clock.now, pace.seconds_left()))
    began, ended = 100.0, clock.now
    late = [(at, left) for at, left in told if at >= began + 0.1 * (ended - began) and at < ended]
    ratios = [left / (ended - at) for at, left in late]
    assert min(ratios) > 0.5
    assert max(ratios) < 2


def test_images_of_other_processes_count_and_can_be_taken_back(pace):
    stage = Stage("fgsm", "resnet", "a")
    pace.expect("a", {stage: 100})
    pace.workers = 2
    pace.elsewhere(stage, 40, 30, 60.0)  # ten of them were done by an earlier run
    assert (pace.done, pace.total) == (40, 100)
    assert pace.seconds_left() == pytest.approx(60 * 2.0 / 2)
    pace.elsewhere(stage, -20)
    assert (pace.done, pace.total) == (20, 100)
    assert pace.seconds_left() == pytest.approx(80 * 2.0 / 2)
