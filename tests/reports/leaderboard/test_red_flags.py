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


@pytest.mark.parametrize(
    ("numbers", "flags"),
    [
        # Sound numbers, and none.
        (SOUND, []),
        ([], []),
        # SROCC rises with epsilon beyond the interval; a reported number has none, and may rise by 0.02.
        ([*SOUND, measured(0.26, "fgsm", 4), measured(0.30, "fgsm", 8)], []),
        (
            [*SOUND, measured(0.26, "fgsm", 4), measured(0.34, "fgsm", 8)],
            ["LIVE, measured: SROCC under FGSM rises with ε, from 0.2600 at 4/255 to 0.3400 at 8/255."],
        ),
        ([*REPORTED, reported(0.52, "fgsm", 2)], []),
        (
            [*REPORTED, reported(0.53, "fgsm", 2)],
            ["LIVE, reported: SROCC under FGSM rises with ε, from 0.5000 at 1/255 to 0.5300 at 2/255."],
        ),
        # PGD leaves more than FGSM at the same strength.
        ([CLEAN, measured(-0.3, "fgsm"), measured(-0.26)], []),
        ([CLEAN, measured(-0.3, "fgsm", 2), measured(-0.2)], []),
        (
            [CLEAN, measured(-0.3, "fgsm"), measured(-0.2)],
            [
                "LIVE, measured: PGD leaves more than FGSM of one step, SROCC −0.2000 under PGD and −0.3000 "
                "under FGSM at 1/255; this may be a sign of masked gradients (Athalye et al. 2018)."
            ],
        ),
        # BPDA through a soft mask takes much more than PGD.
        ([*MASKED, measured(0.5, "pgd_soft")], []),
        (
            [*MASKED, measured(0.13, "pgd_soft")],
            [
                "LIVE, measured: PGD by BPDA through a soft mask leaves less than PGD, SROCC 0.1300 against "
                "0.5400 at 1/255; this may be a sign of masked gradients (Athalye et al. 2018)."
            ],
        ),
        # SROCC is higher under attack than without; noise is not an attack.
        (
            [measured(0.5, "none", 0), measured(0.58, "fgsm"), measured(0.5)],
            [
                "LIVE, measured: SROCC is higher under attack, 0.5800 under FGSM at 1/255, than without, "
                "0.5000."
            ],
        ),
        ([measured(0.5, "none", 0), NOISE, measured(0.3, "fgsm"), measured(0.2)], []),
        (
            [measured(0.5, "none", 0), measured(0.3, "fgsm"), NOISE],
            ["LIVE, measured: attacked by FGSM only."],
        ),
        # Only a part of the images was scored.
        (
            [*SOUND, measured(0.1, "pgd", 4, limited=True, images=50)],
            ["LIVE, measured: on 50 images, a part of the test images."],
        ),
        # What is reported differs from what was measured.
        (
            [*SOUND, *UNLIKE],
            ["LIVE: reported and measured SROCC differ: 0.5600 and 0.5000 under FGSM at 1/255."],
        ),
        # Numbers on another dataset are not compared.
        (
            [
                *SOUND,
                *(measured(0.1, name, epsilon, dataset="vcl") for name, epsilon in (("fgsm", 1), ("pgd", 1))),
            ],
            [],
        ),
        # A worst case is the lowest of all at its strength, and enough as the only attack.
        ([CLEAN, measured(0.1, "auto", worst_case=True)], []),
        (
            [CLEAN, measured(0.4, "auto", worst_case=True), measured(0.3), measured(0.1, "pgd", 2)],
            [
                "LIVE, measured: the worst case is above SROCC under a single attack, 0.4000 against 0.3000 "
                "under PGD at 1/255: the intervals are too short."
            ],
        ),
    ],
)
def test_each_sign_that_a_number_misleads_is_stated_and_nothing_else(numbers, flags):
    assert red_flags(numbers) == flags
