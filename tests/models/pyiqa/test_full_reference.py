"""Full-reference metrics of pyiqa that have weights, in the files that pyiqa fetches."""

import pytest
import torch
from pyiqa.default_model_configs import DEFAULT_CONFIGS
from pyiqa.models.inference_model import InferenceModel

from iqabench import UserError
from iqabench.attacks import create_attack
from iqabench.benchmarks.pyiqa_metrics import pictures
from iqabench.models import create_model
from iqabench.models.adapted.referenced import Referenced
from iqabench.models.pyiqa.weights import WeightFiles, reading
from iqabench.tests.perceptual_weights import (
    FILES,
    names_what_is_missing,
    no_initial_values,
    write_perceptual_weights,
)


@pytest.fixture(autouse=True)
def no_time_for_initial_values():
    with no_initial_values():
        yield


@pytest.mark.parametrize("name", FILES)
def test_missing_files_are_named_with_their_address_and_where_to_put_them(name, tmp_path):
    with pytest.raises(UserError) as raised:
        create_model(f"pyiqa:{name}", weights_dir=str(tmp_path))
    assert names_what_is_missing(str(raised.value), name, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_scores_are_pyiqas_own_and_the_distorted_image_is_attacked(name, tmp_path):
    files = write_perceptual_weights(name, tmp_path)
    options = DEFAULT_CONFIGS[name]["metric_opts"]
    with reading(WeightFiles(name, tmp_path, download=False), options["type"]):
        theirs = InferenceModel(name, device="cpu")
    model = create_model(f"pyiqa:{name}", weights_dir=str(tmp_path)).eval()
    images = pictures(64)
    references = images.flip(0)
    with torch.no_grad():
        expected = torch.stack(
            [theirs(*pair).reshape(()) for pair in zip(images.split(1), references.split(1), strict=True)]
        )
        torch.testing.assert_close(model.raw(images, references), expected.float(), rtol=1e-5, atol=1e-5)

    known = Referenced(model, images.split(1), ["a", "b"], lambda number: references[number, None])
    clean = known(images).detach()
    (attacked,) = create_attack("fgsm").perturb(known, images, torch.zeros(2), [2 / 255])
    assert (attacked - images).abs().max() <= 2 / 255 + 1e-6
    assert (known(attacked) != clean).all()

    (tmp_path / files.backbone).unlink()
    with pytest.raises(UserError, match=f"needs the file '{files.backbone}'"):
        create_model(f"pyiqa:{name}", weights_dir=str(tmp_path))
