"""Metrics of pyiqa give pyiqa's scores, from files that are read without running anything."""

import pickle
from urllib.error import URLError

import pytest
import torch
from pyiqa.default_model_configs import DEFAULT_CONFIGS
from pyiqa.models.inference_model import InferenceModel

from iqabench import UserError
from iqabench.benchmarks.pyiqa_metrics import pictures
from iqabench.models import create_model
from iqabench.models.pyiqa.facts import facts_of
from iqabench.models.pyiqa.weights import WeightFiles, reading

QUICK = ["cnniqa", "entropy", "piqe", "niqe", "brisque", "metaiqa", "arniqa-live"]
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of pyiqa's files


@pytest.mark.parametrize("name", QUICK)
def test_scores_are_pyiqas_own_one_for_each_image_and_mapped_by_its_range(name, metric, weights):
    images = pictures(96)
    with reading(
        WeightFiles(name, weights(name), download=False), DEFAULT_CONFIGS[name]["metric_opts"]["type"]
    ):
        theirs = InferenceModel(name, device="cpu")
    expected = torch.stack([theirs(image).reshape(()) for image in images.split(1)]).float()
    ours = metric(name)
    with torch.no_grad():
        torch.testing.assert_close(ours.raw(images), expected, rtol=1e-5, atol=1e-5)
        low, high = (float(part.strip(" ~")) for part in DEFAULT_CONFIGS[name]["score_range"].split(","))
        share = (expected - low) / (high - low)
        lower_is_better = DEFAULT_CONFIGS[name].get("lower_better", False)
        torch.testing.assert_close(
            ours(images), 1 - share if lower_is_better else share, rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("name", ["cnniqa", "entropy", "piqe", "brisque"])
def test_the_gradient_is_what_the_facts_say(name, metric):
    pixels = pictures(96)[:1].requires_grad_()
    score = metric(name)(pixels).sum()
    if facts_of(name).gradient == "none":
        assert not score.requires_grad
        return
    (gradient,) = torch.autograd.grad(score, pixels)
    assert bool((gradient != 0).any()) is (facts_of(name).gradient == "yes")
    assert gradient.isfinite().all()
    assert metric(name).black_box is (facts_of(name).gradient != "yes")


def test_the_weights_are_those_of_the_file(metric, weights):
    ours = metric("cnniqa")
    content = torch.load(weights("cnniqa") / facts_of("cnniqa").files[0], weights_only=True)["params"]
    for tensor_name, tensor in content.items():
        torch.testing.assert_close(ours.net.state_dict()[tensor_name], tensor, rtol=0, atol=0)


def test_the_state_dictionary_tells_files_apart_that_pyiqa_keeps_outside_of_it(metric, weights, tmp_path):
    before = metric("brisque").state_dict()
    coefficients, vectors = torch.load(weights("brisque") / facts_of("brisque").files[0], weights_only=True)
    torch.save((2 * coefficients, vectors), tmp_path / facts_of("brisque").files[0])
    after = create_model("pyiqa:brisque", weights_dir=str(tmp_path)).state_dict()
    assert not torch.equal(before["files"], after["files"])


@pytest.mark.parametrize("name", ["musiq", "liqe"])
def test_a_missing_file_is_named_with_its_address_and_where_to_put_it(name, tmp_path):
    with pytest.raises(UserError) as raised:
        create_model(f"pyiqa:{name}", weights_dir=str(tmp_path))
    message = str(raised.value)
    assert any(repr(file) in message for file in facts_of(name).files)
    assert "would fetch it from" in message
    assert str(tmp_path) in message


def test_a_download_that_fails_is_told_with_the_address_and_the_folder(tmp_path, monkeypatch):
    def unreachable(*_):
        raise URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = (
        r"pyiqa:musiq: https://.*\.pth cannot be downloaded to .*: .*Name or service not known.*put it into"
    )
    with pytest.raises(UserError, match=told):
        create_model("pyiqa:musiq", weights_dir=str(tmp_path), download=True)


def test_a_file_that_could_run_code_is_refused_and_runs_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    file = tmp_path / facts_of("cnniqa").files[0]
    file.write_bytes(pickle.dumps({"params": Evil()}))
    with pytest.raises(UserError, match="could run code"):
        create_model("pyiqa:cnniqa", weights_dir=str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_a_metrics_own_file_may_stand_for_the_weights_of_its_backbone(weights, tmp_path):
    whole = torch.load(weights("metaiqa") / facts_of("metaiqa").files[0], weights_only=True)
    torch.save(whole, tmp_path / facts_of("metaiqa").files[0])
    filled = create_model("pyiqa:metaiqa", weights_dir=str(tmp_path)).state_dict().values()
    assert all(tensor.isfinite().all() for tensor in filled if tensor.is_floating_point())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fid", "compares two sets of images"),
        ("clipscore", "caption"),
        ("qalign", "language model"),
        ("musik", "did you mean 'musiq'"),
    ],
)
def test_what_cannot_be_a_model_says_why(name, message):
    with pytest.raises(UserError, match=message):
        create_model(f"pyiqa:{name}")


def test_a_missing_folder_is_named():
    with pytest.raises(UserError, match="no such folder"):
        create_model("pyiqa:cnniqa", weights_dir="nowhere")


def test_the_listing_says_what_each_metric_needs(iqabench):
    listed = iqabench("list", "models", "--library", "pyiqa").output
    musiq = next(line for line in listed.splitlines() if line.startswith("pyiqa:musiq "))
    assert "[~0, ~100] higher is better" in musiq
    assert "; gradient; " in musiq
    assert facts_of("musiq").files[0] in musiq
    tres = next(line for line in listed.splitlines() if line.startswith("pyiqa:tres "))
    assert "gradient not measured" in tres
    assert next(line for line in listed.splitlines() if "pyiqa:fid " in line).endswith("no score")
    assert "Noncommercial" in listed.splitlines()[-1]


def test_a_sweep_attacks_a_metric_by_name_and_one_without_gradient_only_by_black_box(
    iqabench, drawn_database, weights, tmp_path
):
    config = tmp_path / "mine.toml"
    config.write_text(
        f"""
        [models.patches]
        like = "pyiqa:cnniqa"
        weights_dir = "{weights("cnniqa")}"

        [attacks.square]
        queries = 5
        """
    )
    done = iqabench(
        *("run", "--config", str(config), "--datasets", str(drawn_database), "--limit", "4"),
        *("--models", "patches,pyiqa:piqe", "--attacks", "fgsm,square", "--epsilons", "4"),
        exits=0,
    )
    assert "pyiqa:piqe: left out fgsm, which needs a gradient" in done.output
    rows = iqabench("results", "--format", "csv").output.splitlines()
    assert sum(",patches," in row or row.startswith("patches") for row in rows) == 3
    assert sum("pyiqa:piqe" in row for row in rows) == 2
