"""What an attack returns is checked before it is scored."""

import re

import pytest
import torch

from iqabench import UserError
from iqabench.bench.sweep.measuring.door import distances

IMAGES = torch.full((2, 3, 4, 4), 0.5)
EPSILON = 4 / 255


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        (1 - IMAGES * 0.2, "outside its ball: 102/255 from the original in the L-inf norm, where 4/255 is"),
        (IMAGES + 4.1 / 255, "outside its ball: 4.1/255"),
        (IMAGES[:1], "returned shape (1, 3, 4, 4) for images of (2, 3, 4, 4)"),
        (IMAGES.half(), "type torch.float16"),
        (IMAGES * float("nan"), "pixels from nan to nan"),
        (IMAGES + 0.6, "pixels from 1.1 to 1.1, outside [0, 1]"),
        (None, "returned None"),
    ],
)
def test_a_batch_that_breaks_the_contract_is_refused_with_the_attacks_name(returned, fault):
    with pytest.raises(UserError, match=r"^attack 'odd': .*" + re.escape(fault)):
        distances(IMAGES, returned, EPSILON, norm="linf", attack="odd")


def test_the_largest_distance_is_measured_in_both_norms():
    moved = IMAGES.clone()
    moved[1, 0, 0, 0] += 3 / 255
    moved[1, 0, 0, 1] += 4 / 255
    found = distances(IMAGES, moved, EPSILON, norm="linf", attack="honest")
    assert found.linf == pytest.approx(4, abs=1e-4)
    assert found.l2 == pytest.approx(5 / 255, rel=1e-5)


def test_an_l2_attack_is_held_to_its_own_ball():
    moved = IMAGES.clone()
    moved[:, 0, 0, 0] += 0.3
    assert distances(IMAGES, moved, 0.31, norm="l2", attack="honest").linf > 70
    with pytest.raises(UserError, match="L2 norm"):
        distances(IMAGES, moved, 0.29, norm="l2", attack="odd")
