"""Red flags of numbers made up by hand: each states its numbers, and sound numbers have none."""

import pytest

from iqabench.reports.leaderboard import red_flags as computed


def red_flags(numbers):
    return tuple(sentence for _, sentence in computed.red_flags(numbers))


@pytest.fixture
def sound(number):
    """Falls with epsilon, and more under PGD."""
    return [
        number(0.9),
        *(number(srocc, "fgsm", epsilon) for srocc, epsilon in ((0.5, 1), (0.3, 2))),
        *(number(srocc, "pgd", epsilon) for srocc, epsilon in ((0.4, 1), (0.2, 2))),
    ]


def test_sound_numbers_raise_no_red_flag(sound):
    assert red_flags(sound) == ()


def test_a_rise_with_epsilon_beyond_the_interval(sound, number):
    assert red_flags([*sound, number(0.26, "fgsm", 4), number(0.34, "fgsm", 8)]) == (
        "LIVE, measured: SROCC under FGSM rises with ε, from 0.2600 at 4/255 to 0.3400 at 8/255.",
    )
    assert red_flags([*sound, number(0.26, "fgsm", 4), number(0.30, "fgsm", 8)]) == ()


def test_a_reported_rise_has_no_interval_and_counts_from_two_hundredths(number):
    def rise(to):
        clean, first = number(0.9, kind="reported"), number(0.5, "fgsm", 1, kind="reported")
        pgd = number(0.4, "pgd", 1, kind="reported")
        return red_flags([clean, first, pgd, number(to, "fgsm", 2, kind="reported")])

    assert rise(0.52) == ()
    assert rise(0.53) == (
        "LIVE, reported: SROCC under FGSM rises with ε, from 0.5000 at 1/255 to 0.5300 at 2/255.",
    )


def test_more_left_by_pgd_than_by_fgsm_may_be_a_masked_gradient(number):
    found = red_flags([number(0.9), number(-0.3, "fgsm", 1), number(-0.2, "pgd", 1)])
    assert found == (
        "LIVE, measured: PGD leaves more than FGSM of one step, SROCC −0.2000 under PGD and −0.3000 under "
        "FGSM at 1/255; this may be a sign of masked gradients (Athalye et al. 2018).",
    )
    assert red_flags([number(0.9), number(-0.3, "fgsm", 1), number(-0.26, "pgd", 1)]) == ()
    assert red_flags([number(0.9), number(-0.3, "fgsm", 2), number(-0.2, "pgd", 1)]) == ()


def test_bpda_through_a_soft_mask_that_takes_much_more_than_pgd(number):
    with_pgd = [number(0.9), number(0.6, "fgsm", 1), number(0.54, "pgd", 1)]
    (found,) = red_flags([*with_pgd, number(0.13, "pgd_soft", 1)])
    assert "soft mask leaves less than PGD, SROCC 0.1300 against 0.5400 at 1/255" in found
    assert red_flags([*with_pgd, number(0.5, "pgd_soft", 1)]) == ()


def test_robust_above_clean(number):
    found = red_flags([number(0.5), number(0.58, "fgsm", 1), number(0.5, "pgd", 1)])
    assert found == (
        "LIVE, measured: SROCC is higher under attack, 0.5800 under FGSM at 1/255, than without, 0.5000.",
    )


def test_noise_is_no_attack(number):
    attacked = [number(0.3, "fgsm", 1), number(0.2, "pgd", 1)]
    assert red_flags([number(0.5), number(0.58, "noise", 1), *attacked]) == ()
    assert red_flags([number(0.5), number(0.3, "fgsm", 1), number(0.5, "noise", 1)]) == (
        "LIVE, measured: attacked by FGSM only.",
    )


def test_a_part_of_the_images(sound, number):
    limited = number(0.1, "pgd", 4, limited=True, images=50)
    assert red_flags([*sound, limited]) == ("LIVE, measured: on 50 images, a part of the test images.",)


def test_reported_unlike_measured(sound, number):
    reported = [number(0.9, kind="reported"), number(0.56, "fgsm", 1, kind="reported")]
    assert red_flags([*sound, *reported, number(0.45, "pgd", 1, kind="reported")]) == (
        "LIVE: reported and measured SROCC differ: 0.5600 and 0.5000 under FGSM at 1/255.",
    )


def test_numbers_of_one_kind_and_dataset_are_not_held_against_another(sound, number):
    places = [(0.2, "none", 0), (0.1, "fgsm", 1), (0.1, "pgd", 1)]
    assert red_flags([*sound, *(number(*place, dataset="vcl") for place in places)]) == ()


def test_a_worst_case_must_be_the_lowest_and_is_enough_as_the_only_attack(number):
    assert red_flags([number(0.9), number(0.1, "auto", 1, worst_case=True)]) == ()
    (found,) = red_flags(
        [number(0.9), number(0.4, "auto", 1, worst_case=True), number(0.3, "pgd", 1), number(0.1, "pgd", 2)]
    )
    assert (
        "worst case is above SROCC under a single attack, 0.4000 against 0.3000 under PGD at 1/255" in found
    )
