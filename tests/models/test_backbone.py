import pickle
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from iqabench.bench.core.errors import UserError
from iqabench.models.backbone import create_backbone

HALF_RESNET10 = {"layers": [1, 1, 1, 1], "channels": [32, 64, 128, 256]}
TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}


def tiny_timm_model(seed: int = 0, **changes: Any) -> Any:
    torch.manual_seed(seed)
    return timm.create_model("resnet18", **{"layers": (1, 1, 1, 1), "channels": (8, 8, 8, 8), **changes})


def test_lists_in_backbone_args_make_a_half_width_resnet_10() -> None:
    backbone: Any = create_backbone("resnet18", backbone_args=HALF_RESNET10)
    assert backbone(torch.rand(2, 3, 96, 96)).shape == (2, 256, 3, 3)
    assert backbone.num_features == 256
    assert [len(stage) for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4)] == [
        1
    ] * 4


@pytest.mark.parametrize(
    ("name", "max_stride", "shape"),
    [
        ("resnet50", 32, (1, 2048, 3, 3)),
        ("resnet50", 16, (1, 1024, 6, 6)),
        ("resnet50", 8, (1, 512, 12, 12)),
        ("vgg16", 32, (1, 512, 3, 3)),
        ("vgg16", 16, (1, 512, 6, 6)),
        ("vgg16", 4, (1, 256, 24, 24)),
        ("convnext_atto", 32, (1, 320, 3, 3)),
    ],
)
def test_features_are_the_deepest_no_coarser_than_asked(
    name: str, max_stride: int, shape: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        backbone: Any = create_backbone(name, max_stride=max_stride)
        assert backbone(torch.rand(1, 3, 96, 96)).shape == shape
        assert backbone.num_features == shape[1]


def test_features_equal_those_of_timms_own_extractor() -> None:
    whole = tiny_timm_model()
    extractor = tiny_timm_model(features_only=True)
    extractor.load_state_dict(whole.state_dict(), strict=False)
    backbone = create_backbone("resnet18", backbone_args=TINY, max_stride=16)
    backbone.load_state_dict(whole.state_dict(), strict=False)
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(backbone.eval()(images), extractor.eval()(images)[3])


def test_what_comes_after_the_features_takes_no_memory() -> None:
    with torch.device("meta"):
        backbone = create_backbone("vgg16")
    assert sum(weight.numel() for weight in backbone.parameters()) == 14_714_688  # its 13 convolutions


RESERVED = [
    "checkpoint_path",
    "pretrained",
    "pretrained_cfg_overlay",
    "num_classes",
]  # a pickle, the contract


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("resnt50", {}, r"'resnt50'.*'resnet50'"),
        ("resnet50.no_such_tag", {}, "no_such_tag"),
        ("resnet18", {"backbone_args": {"widht": 3}}, r"'resnet18'.*'widht'"),
        ("convnext_atto", {"max_stride": 2}, "1/2 of the image"),
        ("resnet18", {"weights_file": "nowhere.safetensors"}, "no such file"),
        *(("resnet18", {"backbone_args": {key: "x"}}, key) for key in RESERVED),
    ],
)
def test_a_backbone_that_cannot_be_had_is_refused_by_what_is_wrong(
    name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        create_backbone(name, **arguments)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tmp_path / "weights.safetensors"


def test_a_weights_file_is_loaded(weights: Path) -> None:
    whole = tiny_timm_model(seed=1)
    save_file(whole.state_dict(), weights)
    backbone = create_backbone("resnet18", backbone_args=TINY, weights_file=str(weights))
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, whole.state_dict()[key]), key


@pytest.mark.parametrize(
    ("missing", "channels", "message"),
    [
        ("layer4.0.conv1.weight", 8, r"weights\.safetensors.*layer4.0.conv1.weight"),
        ("fc.weight", 8, r"weights\.safetensors.*fc.weight"),
        (None, 16, r"does not fit backbone 'resnet18'.*size mismatch"),
    ],
)
def test_a_weights_file_of_another_model_is_refused(
    weights: Path, missing: str | None, channels: int, message: str
) -> None:
    state = tiny_timm_model(channels=(8, 8, 8, channels)).state_dict()
    save_file({key: tensor for key, tensor in state.items() if key != missing}, weights)
    with pytest.raises(UserError, match=message):
        create_backbone("resnet18", backbone_args=TINY, weights_file=str(weights))


def test_a_damaged_weights_file_is_refused(weights: Path) -> None:
    weights.write_bytes(b"not weights at all")
    with pytest.raises(UserError, match=r"weights\.safetensors"):
        create_backbone("resnet18", backbone_args=TINY, weights_file=str(weights))


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_is_never_loaded_and_the_message_says_how_to_convert_it(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match=r"weights\.pth.*safetensors\.torch\.save_file"):
        create_backbone("resnet18", weights_file=str(tmp_path / "weights.pth"))


def test_imagenet_weights_are_asked_for_as_safetensors_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = timm.create_model("resnet18")
    save_file(published.state_dict(), tmp_path / "model.safetensors")
    asked = []

    def download(repo_id: str, filename: str, **options: Any) -> str:
        asked.append((repo_id, filename))
        return str(tmp_path / filename)

    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    backbone: Any = create_backbone("resnet18", pretrained=True)
    assert asked == [("timm/resnet18.a1_in1k", "model.safetensors")]
    assert torch.equal(backbone.layer4[1].conv2.weight, published.layer4[1].conv2.weight)


def test_imagenet_weights_that_are_kept_here_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = timm.create_model("resnet18")
    save_file(published.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr("timm.models._hub.hf_hub_download", lambda **request: pytest.fail("asked the hub"))
    monkeypatch.setattr(
        "iqabench.models.backbone.try_to_load_from_cache", lambda repo, file: str(tmp_path / file)
    )
    backbone: Any = create_backbone("resnet18", pretrained=True)
    assert torch.equal(backbone.layer4[1].conv2.weight, published.layer4[1].conv2.weight)


def test_without_a_network_the_hub_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("timm.models._hub.hf_hub_download", lambda **request: pytest.fail("asked the hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("iqabench.models.backbone.getproxies", dict)
    monkeypatch.setattr("socket.getaddrinfo", look_up)
    with pytest.raises(UserError, match=r"'resnet18': its host is not reached from here.*weights_file"):
        create_backbone("resnet18", pretrained=True)


def test_a_hub_without_safetensors_is_an_error_and_not_a_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = pytest.importorskip("huggingface_hub.errors")
    asked = []

    def download(repo_id: str, filename: str, **options: Any) -> str:
        asked.append(filename)
        raise errors.LocalEntryNotFoundError("no such file on the hub")

    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    with pytest.raises(UserError, match=r"'resnet18': no such file on the hub.*--from-scratch"):
        create_backbone("resnet18", pretrained=True)
    assert asked == ["model.safetensors"]


def test_imagenet_weights_that_do_not_fit_changed_arguments_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file(timm.create_model("resnet18").state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(
        "timm.models._hub.hf_hub_download", lambda **request: str(tmp_path / request["filename"])
    )
    with pytest.raises(UserError, match="no ImageNet weights for backbone 'resnet18'"):
        create_backbone("resnet18", pretrained=True, backbone_args={"layers": [3, 2, 2, 2]})


def test_a_model_for_which_nothing_is_published_is_an_error() -> None:
    published = {name.split(".")[0] for name in timm.list_pretrained()}
    unpublished = sorted(set(timm.list_models("resnet*")) - published)
    with pytest.raises(UserError, match=f"'{unpublished[0]}': timm publishes none"):
        create_backbone(unpublished[0], pretrained=True)
