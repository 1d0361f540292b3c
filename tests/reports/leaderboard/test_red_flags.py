"""Red flags of numbers made up by hand: each states its numbers, and sound numbers have none."""

import pytest

from iqabench.reports.leaderboard import red_flags as computed

from .boards import measured, reported


def red_flags(numbers):
    return [sentence for _, sentence in computed.red_flags(numbers)]


CLEAN, NOISE = measured(0.9, "none", 0), measured(0.58, "noise")
REPORTED = [reported(0.9, "none", 0), reported(0.5, "fgsm"), reported(0.4)]
SOUND = [CLEAN, measured(0.5, "fgsm"), measured(0.3, "fgsm", 2), measured(0.4), measured(0.2, "pgd", 2)]
MASKED = [CLEAN, measured(0.6, "fgsm"), measured(0.54)]
UNLIKE = [reported(0.9, "none", 0), reported(0.56, "fgsm"), reported(0.45)]


MASKING = "this may be a sign of masked gradients (Athalye et al. 2018)"
MEASURED = {
    "sound numbers": (SOUND, ""),
    "no numbers": ([], ""),
    "a rise with epsilon inside the interval": (
        [*SOUND, measured(0.26, "fgsm", 4), measured(0.30, "fgsm", 8)], ""),
    "a rise with epsilon beyond the interval": (
        [*SOUND, measured(0.26, "fgsm", 4), measured(0.34, "fgsm", 8)],
        "SROCC under FGSM rises with ε, from 0.2600 at 4/255 to 0.3400 at 8/255"),
    "PGD a little above FGSM": ([CLEAN, measured(-0.3, "fgsm"), measured(-0.26)], ""),
    "PGD above FGSM of another strength": ([CLEAN, measured(-0.3, "fgsm", 2), measured(-0.2)], ""),
    "PGD above FGSM": (
        [CLEAN, measured(-0.3, "fgsm"), measured(-0.2)],
        "PGD leaves more than FGSM of one step, SROCC −0.2000 under PGD and −0.3000 under FGSM at 1/255; "
        + MASKING),
    "BPDA through a soft mask takes as much as PGD": ([*MASKED, measured(0.5, "pgd_soft")], ""),
    "BPDA through a soft mask takes much more than PGD": (
        [*MASKED, measured(0.13, "pgd_soft")],
        "PGD by BPDA through a soft mask leaves less than PGD, SROCC 0.1300 against 0.5400 at 1/255; "
        + MASKING),
    "SROCC is higher under attack than without": (
        [measured(0.5, "none", 0), measured(0.58, "fgsm"), measured(0.5)],
        "SROCC is higher under attack, 0.5800 under FGSM at 1/255, than without, 0.5000"),
    "noise is not an attack": ([measured(0.5, "none", 0), NOISE, measured(0.3, "fgsm"), measured(0.2)], ""),
    "noise is not a second attack": (
        [measured(0.5, "none", 0), measured(0.3, "fgsm"), NOISE], "attacked by FGSM only"),
    "a control of another name is not an attack": (
        [measured(0.5, "none", 0), measured(0.58, "noise2", control=True), measured(0.3, "fgsm")],
        "attacked by FGSM only"),
    "what is called noise and is an attack is one": (
        [measured(0.5, "none", 0), measured(0.58, "noise", control=False), measured(0.3, "fgsm")],
        "SROCC is higher under attack, 0.5800 under noise at 1/255, than without, 0.5000"),
    "a part of the images": (
        [*SOUND, measured(0.1, "pgd", 4, limited=True, images=50)],
        "on 50 images, a part of the test images"),
    "numbers on another dataset are not compared": (
        [*SOUND, *(measured(0.1, name, 1, dataset="vcl") for name in ("fgsm", "pgd"))], ""),
    "a worst case is enough as the only attack": ([CLEAN, measured(0.1, "auto", worst_case=True)], ""),
    "a worst case in an L2 ball above an attack in the L-inf ball of that radius, which holds it": (
        [CLEAN, measured(0.4, "auto", worst_case=True, parameters="budget quick, norm l2"), measured(0.3)],
        ""),
    "a worst case above a single attack at its strength": (
        [CLEAN, measured(0.4, "auto", worst_case=True), measured(0.3), measured(0.1, "pgd", 2)],
        "the worst case is above SROCC under a single attack, 0.4000 against 0.3000 under PGD at 1/255: "
        "the intervals are too short"),
}  # fmt: skip


@pytest.mark.parametrize(("numbers", "flag"), MEASURED.values(), ids=MEASURED)
def test_each_sign_that_a_measured_number_misleads_is_stated_and_nothing_else(numbers, flag):
    assert red_flags(numbers) == ([f"LIVE, measured: {flag}."] if flag else [])


def test_a_reported_number_has_no_interval_and_may_rise_a_little_and_differ_a_little():
    assert red_flags([*REPORTED, reported(0.52, "fgsm", 2)]) == []
    (rises,) = red_flags([*REPORTED, reported(0.53, "fgsm", 2)])
    assert rises == "LIVE, reported: SROCC under FGSM rises with ε, from 0.5000 at 1/255 to 0.5300 at 2/255."
    (differs,) = red_flags([*SOUND, *UNLIKE])
    assert differs == "LIVE: reported and measured SROCC differ: 0.5600 and 0.5000 under FGSM at 1/255."
