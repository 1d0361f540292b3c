"""A control says so in its class, whatever its name; its cells keep that outside their keys."""

from iqabench.bench.store.results import read_results
from iqabench.bench.store.store import Store

PLUGIN = """

@iqabench.register_attack("brighter")
class Brighter(iqabench.Attack):
    control = True
    needs_gradient = False

    def run(self, victim, epsilons):
        for epsilon in epsilons:
            yield (victim.images + epsilon).clamp(0, 1)
"""


TABLES = "\n[attacks.noise2]\nlike = 'noise'\n"


def test_a_control_of_another_name_and_one_of_a_plugin_are_told_from_attacks(sweep, tmp_path):
    sweep("--models", "linear", "--attacks", "fgsm,noise,noise2,brighter", "--epsilons", "2")
    store = Store(tmp_path / "results")
    frame = read_results(store, resamples=0).frame
    controls = dict(zip(frame["attack"], frame["control"], strict=True))
    assert controls == {"none": False, "fgsm": False, "noise": True, "noise2": True, "brighter": True}
    assert all("control" not in stored.provenance["cell"] for stored in store.cells())
