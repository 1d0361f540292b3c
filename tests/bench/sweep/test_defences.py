"""Models behind defences in a sweep: attacks that know of the defence, attacks that do not, and the flag."""

import numpy as np
import pytest

from iqabench.bench.core.config import load_settings
from iqabench.bench.core.errors import UserError
from iqabench.bench.store.cell_file import StoredCell, read_scores
from iqabench.bench.store.results import read_results
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.plan import check_tables, plan_models
from iqabench.bench.training.checkpoints import Checkpoint

PLUGIN = """

from iqabench.models.defences.base import Defence


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, images):
        return images.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


@iqabench.register_defence("reversing")
class Reversing(Defence):
    '''Changes nothing, and shows the opposite of its gradient.'''

    def forward(self, images):
        return Reversed.apply(images)


@iqabench.register_defence("fading")
class Fading(Defence):
    '''Halves the contrast.'''

    def __init__(self, factor: float = 0.5) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images):
        return 0.5 + self.factor * (images - 0.5)


@iqabench.register_defence("shaking")
class Shaking(Defence):
    def __init__(self):
        super().__init__()
        self.stochastic = True

    def forward(self, images):
        return (images + 0.01 * torch.randn_like(images)).clamp(0, 1)
"""

TABLES = """

[attacks.auto]
budget = "quick"

[models.faded]
like = "linear"
defence = "fading"
"""


@pytest.fixture
def swept(sweep, tmp_path):
    """Run a sweep with defences; return the console, the cells, and the results."""

    def run(*options, tables=""):
        done, _ = sweep("--models", "linear", "--epsilons", "2", *options, tables=tables)
        return done, list(Store(tmp_path / "results").cells()), tmp_path / "results"

    return run


def of(cells: list[StoredCell], attack: str, defence: str, knowledge: str | None) -> StoredCell:
    for stored in cells:
        cell = stored.provenance["cell"]
        name = "+".join(step["name"] for step in cell["defence"] or ())
        if (cell["attack"], name, cell["knowledge"]) == (attack, defence, knowledge):
            return stored
    raise AssertionError(f"no cell of {attack}, {defence}, {knowledge}")


def test_the_static_attack_is_that_of_the_bare_model_scored_behind_the_defence(swept):
    """On a linear model the interval of a defence that halves the contrast is half as wide, either way."""
    _, cells, store = swept("--defences", "none,fading", "--attacks", "auto")
    bare, adaptive, static = (
        read_scores(of(cells, "auto", *case)).further
        for case in (("", None), ("fading", "adaptive"), ("fading", "static"))
    )
    width = bare["high"] - bare["low"]
    for found in (adaptive, static):
        np.testing.assert_allclose(found["high"] - found["low"], width / 2, rtol=1e-3)
    results = read_results(store)
    assert set(results.frame["knowledge"]) == {"", "adaptive"}
    assert list(results.static["knowledge"]) == ["static"]
    assert list(results.static["variant"]) == ["defence=fading"]


def test_keys_of_cells_without_a_defence_stay_what_they_are(swept):
    _, cells, _ = swept("--attacks", "fgsm")
    keys = {cell.provenance["key"] for cell in cells}
    done, cells, _ = swept("--attacks", "fgsm", "--defences", "none,fading,jpeg+flip")
    assert keys < {cell.provenance["key"] for cell in cells}
    assert "2 found done" in done.output
    assert len(cells) == 2 + 2 * 3


def test_an_attack_with_knowledge_that_is_weaker_than_one_without_is_flagged(swept):
    done, _, store = swept("--defences", "reversing,fading,median", "--attacks", "auto")
    frame = read_results(store).frame
    attacked = frame[frame["attack"] == "auto"].set_index("defence")
    assert attacked.loc["reversing", "audit"] == "doubtful"
    assert "the gradient of the defence misleads the attack" in attacked.loc["reversing", "red_flags"]
    assert "misleads" not in "".join(attacked.loc[["fading", "median"], "red_flags"])
    assert "doubtful" in done.output


def test_a_models_own_table_may_name_its_defence_and_one_of_the_sweep_goes_before(swept):
    _, cells, store = swept("--models", "faded", "--defences", "none,flip", "--attacks", "fgsm")
    assert of(cells, "fgsm", "fading", "adaptive")
    assert of(cells, "fgsm", "flip+fading", "static")
    frame = read_results(store).frame
    assert {*frame["variant"]} == {"", "defence=flip"}


def test_a_random_defence_makes_scores_means_over_draws(swept):
    _, cells, _ = swept("--defences", "noise", "--attacks", "auto")
    cell = of(cells, "auto", "noise", "adaptive")
    assert cell.provenance["diagnostics"]["draws"] > 1
    assert cell.provenance["cell"]["batch_size"] is not None


def test_parameters_of_a_defence_are_part_of_the_key(swept):
    _, before, _ = swept("--defences", "fading", "--attacks", "fgsm")
    _, after, _ = swept(
        "--defences", "fading", "--attacks", "fgsm", tables="[defences.fading]\nfactor = 0.25"
    )
    assert len(after) == 2 * len(before)


def test_a_defence_that_learns_is_trained_once_on_the_training_images_and_its_weights_are_in_the_key(
    swept, tiny_config
):
    tiny_config.write_text(tiny_config.read_text() + "\n[defences.denoiser]\ndepth = 2\nwidth = 4\n")
    options = ("--defences", "denoiser,flip+denoiser", "--attacks", "fgsm", "--models", "linear,faded")
    done, cells, store = swept(*options)
    (path,) = store.rglob("denoiser-*.safetensors")
    card = Checkpoint(path).card()
    assert card is not None
    assert (card["recipe"], card["seed"], len(card["curve"])) == ("denoising", 0, 3)
    (step,) = of(cells, "fgsm", "denoiser", "adaptive").provenance["cell"]["defence"]
    assert step["weights"] == card["weights"]
    assert "1 model trained" in done.output
    again, _, _ = swept(*options)
    assert "0 computed" in again.output
    path.unlink()
    swept(*options)
    card_again = Checkpoint(path).card()
    assert card_again is not None
    assert card_again["weights"] == card["weights"]


def test_a_defence_that_learns_needs_a_batch_of_training_images(sweep, tiny_config):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 4", "batch_size = 400"))
    done, _ = sweep("--models", "linear", "--defences", "denoiser", exits=2)
    assert "fewer than one batch of 400, to train 'denoiser' with" in done.output


def test_images_of_both_kinds_of_attack_are_saved_apart(swept, tmp_path):
    options = ("--defences", "fading", "--attacks", "fgsm", "--save-images", str(tmp_path / "images"))
    swept(*options)
    folders = {path.parent.parent.name for path in (tmp_path / "images").rglob("scores.csv")}
    assert len(folders) == 2
    done, _, _ = swept(*options)
    assert "0 computed" in done.output


def test_results_print_both_kinds_of_attack(swept, iqabench, rows):
    *_, store = swept("--defences", "fading", "--attacks", "fgsm")
    attacked = [row for row in rows() if row["attack"] == "fgsm"]
    assert [row["defence"] for row in attacked] == ["fading", "fading"]
    assert {row["knowledge"] for row in attacked} == {"adaptive", "static"}
    assert "static" in iqabench("results", "--results", str(store)).output


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[run]\ndefences = ["medain"]', "unknown defence 'medain'"),
        ('[run]\ndefences = ["median++flip"]', "names joined by"),
        ("[models.resnet]\ndefence = 3", "[models.resnet]: key 'defence': found 3"),
        ("[defences.jpeg]\nquality = 200", "[defences.jpeg]: key 'quality'"),
        ("[defences.jpeg]\nlevel = 2", "unknown key 'level'"),
    ],
)
def test_a_mistake_is_told_with_its_table(tmp_path, toml, message):
    config = tmp_path / "bench.toml"
    config.write_text(toml)
    settings = load_settings(config, overrides={"run": {"models": ["resnet"]}})
    with pytest.raises(UserError) as error:
        print(check_tables(settings), plan_models(settings))
    assert message in str(error.value)


def test_all_stands_for_the_bare_model_and_every_defence():
    settings = load_settings(overrides={"run": {"models": ["resnet"], "defences": "all"}})
    models = plan_models(settings)
    names = [model.defence.name if model.defence else "none" for model in models]
    assert names[0] == "none"
    assert {"jpeg", "median", "noise"} < {*names}
    assert all(model.point == "" for model in models)


def test_a_defence_that_says_in_its_init_that_it_draws_is_refused(sweep):
    done, _ = sweep("--models", "linear", "--attacks", "fgsm", "--defences", "shaking", exits=2)
    message = "defence 'shaking': it says `stochastic = True` in its __init__; say it in the class"
    assert message in " ".join(done.output.split())


def test_the_defence_of_a_source_model_and_its_parameters_are_part_of_the_key_of_transfer(swept):
    transfer = "[attacks.transfer]\nsource = 'faded'\nsteps = 2\n"
    swept("--attacks", "transfer", tables=transfer)
    other = transfer + "[defences.fading]\nfactor = 0.25\n"
    done, cells, _ = swept("--attacks", "transfer", tables=other)
    assert "1 computed, 1 found done" in done.output
    found = [one.provenance["cell"] for one in cells if one.provenance["cell"]["attack"] == "transfer"]
    defences = [cell["attack_params"]["source_model"]["defence"] for cell in found]
    assert {defence["params"]["factor"] for (defence,) in defences} == {0.5, 0.25}
    assert [cell["defence"] for cell in found] == [None, None]
