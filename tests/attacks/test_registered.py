import pytest

from iqabench.attacks import create_attack
from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.noise import Noise
from iqabench.attacks.pgd import PGD
from iqabench.bench.core.errors import UserError


def test_the_packages_own_attacks_are_registered_with_their_defaults():
    assert create_attack("fgsm") == FGSM(eot_samples=1)
    assert create_attack("pgd") == PGD(steps=10, step_size=None, random_start=True, seed=0, eot_samples=1)
    assert create_attack("noise") == Noise(kind="sign", seed=0)


def test_an_unknown_attack_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'fgsm'"):
        create_attack("fgms")
