"""Files of random weights in the formats of pyiqa's own, so that its architectures run without a network."""

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.io
import torch
import torchvision
from torch import Tensor, nn

from iqabench.models.pyiqa.weights import WeightFiles, reading

_LOAD = torch.load

CLIP_SIZES: dict[str, tuple[Any, ...]] = {
    # embedding, side, vision layers, width, patch, context, vocabulary, text width, heads, text layers
    "RN50.pt": (1024, 224, (3, 4, 6, 3), 64, None, 77, 49408, 512, 8, 12),
    "ViT-B-32.pt": (512, 224, 12, 768, 32, 77, 49408, 512, 8, 12),
    "ViT-L-14.pt": (768, 224, 24, 1024, 14, 77, 49408, 768, 12, 12),
}


def write_random_weights(metric: str, options: dict[str, Any], folder: Path) -> list[str]:
    """Write all files that pyiqa asks for to build a metric; return their names.

    A file's tensors are those of the module that pyiqa loads it into, as its constructor leaves them, with
    other draws for what it leaves at zero or one; the file has the format and envelope that pyiqa expects.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = _Drawn(metric, folder)
    torch.manual_seed(0)
    with reading(files, options["type"]), _recording(), torch.no_grad():
        from pyiqa.archs import build_network

        build_network(options)
    return sorted(path.name for path in files.asked.values() if path)


class _Drawn(WeightFiles):
    """Makes a file of weights where one is asked for, or says that the module it is for will."""

    def __init__(self, metric: str, folder: Path) -> None:
        super().__init__(metric, folder, download=False)

    @property
    def folders(self) -> list[Path]:
        return [self.folder] if self.folder else []

    def find(self, url: str) -> Path:
        """Return a path in the folder; a file that is not a state dictionary is written at once."""
        found = self.look_up(url)
        if found is None:
            found = self.folders[0] / Path(url).name
            self.asked[url] = found
            for part, write in _WRITERS.items():
                if part in found.name:
                    write(found)
        return found


class _Expected(dict[str, Any]):
    """Stands for what a missing file holds, and remembers which part of it is asked for."""

    def __init__(self, path: Path, keys: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.path, self.keys_asked = path, keys

    def __getitem__(self, key: str) -> "_Expected":
        return _Expected(self.path, (*self.keys_asked, key))

    def write(self, module: nn.Module) -> None:
        """Write the file, from the module that its tensors are for."""
        content: Any = {name: _drawn(name, tensor) for name, tensor in module.state_dict().items()}
        for key in reversed(self.keys_asked):
            content = {key: content}
        if self.path.is_file():
            content = {**_LOAD(self.path, weights_only=True), **content}
        torch.save(content, self.path)


def _drawn(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().clone()
    generator = torch.Generator().manual_seed(sum(name.encode()))
    if name.endswith("running_var"):
        return torch.empty_like(tensor).uniform_(0.5, 1.5, generator=generator)
    noise = torch.empty_like(tensor).normal_(std=0.02, generator=generator)
    return noise + (torch.zeros_like(tensor) if tensor.isnan().any() else tensor.detach())


@contextmanager
def _recording() -> Iterator[None]:
    """Within `reading`, write a file where a module loads its tensors from one that is not there."""
    load, load_into = torch.load, nn.Module.load_state_dict
    expected: list[_Expected] = []

    def load_tensors(file: Any, *args: Any, **kwargs: Any) -> Any:
        path = Path(getattr(file, "name", file))
        if path.is_file() and path not in {one.path for one in expected}:
            return load(file, *args, **kwargs)
        expected.append(_Expected(path))
        return expected[-1]

    def load_state_dict(module: nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
        if not state and expected:  # the last file's own entries, or what was made of them
            _replace_nan(module)
            (state if isinstance(state, _Expected) else expected[-1]).write(module)
            return None
        return load_into(module, state, *args, **kwargs)

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "load", load_tensors))
        stack.enter_context(patch.object(nn.Module, "load_state_dict", load_state_dict))
        for name, module in list(sys.modules.items()):
            if name.startswith("pyiqa.archs.") and hasattr(module, "clean_state_dict"):
                stack.enter_context(patch.object(module, "clean_state_dict", lambda state: state))
        yield


def _replace_nan(module: nn.Module) -> None:
    """Draw what a missing backbone would have filled, by the size of its fan-in."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point() and tensor.isnan().any():
                if name.endswith(("running_var",)) or (tensor.ndim == 1 and name.endswith("weight")):
                    tensor.fill_(1)
                elif tensor.ndim < 2:
                    tensor.zero_()
                else:
                    tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5)


def _write_clip(path: Path) -> None:
    clip = importlib.import_module("pyiqa.archs.clip_model")
    network = clip.CLIP(*CLIP_SIZES[path.name])
    save_torchscript({name: _drawn(name, tensor) for name, tensor in network.state_dict().items()}, path)


def save_torchscript(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors as a TorchScript archive, as CLIP's own files are."""

    class Node(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    top = Node()
    for name, tensor in tensors.items():
        *parents, leaf = name.split(".")
        node = top
        for part in parents:
            if part not in node._modules:
                node.add_module(part, Node())
            child = node._modules[part]
            assert isinstance(child, Node)
            node = child
        node.register_buffer(leaf, tensor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and what these files are in
        torch.jit.save(torch.jit.trace(top, torch.zeros(1)), path)  # type: ignore[no-untyped-call]


def _write_prompts(path: Path) -> None:
    torch.save(torch.empty(16, 512).normal_(std=0.02, generator=torch.Generator().manual_seed(2)), path)


def _write_qualiclip(path: Path) -> None:
    clip = importlib.import_module("pyiqa.archs.clip_model")
    network = clip.CLIP(*CLIP_SIZES["RN50.pt"])
    tensors = {f"clip_model.{name}": _drawn(name, value) for name, value in network.state_dict().items()}
    features = torch.empty(14, 1024).normal_(generator=torch.Generator().manual_seed(3))
    torch.save({**tensors, "prompts_features": nn.functional.normalize(features, dim=1)}, path)


def _write_encoder(path: Path) -> None:
    network = nn.Sequential(*list(torchvision.models.resnet50().children())[:-1])
    torch.save({f"model.{name}": _drawn(name, value) for name, value in network.state_dict().items()}, path)


def _write_arniqa(path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    weights = torch.empty(1, 4096).normal_(std=1, generator=generator)
    save_torchscript({"weights": weights, "biases": torch.tensor([3.0])}, path)


def _write_matrices(size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        draw = np.random.default_rng(0)
        factor = draw.normal(size=(size, size))
        mean, covariance = draw.normal(size=(1, size)), factor @ factor.T / size + np.eye(size)
        scipy.io.savemat(path, {"mu_prisparam": mean, "cov_prisparam": covariance})

    return write


def _write_brisque(path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.empty(770, 36, dtype=torch.float64).uniform_(-1, 1, generator=generator)
    coefficients = torch.empty(770, 1, dtype=torch.float64).normal_(generator=generator)
    torch.save((coefficients, vectors), path)


def _write_brisque_matlab(path: Path) -> None:
    draw = np.random.default_rng(0)
    scipy.io.savemat(path, {"sv": draw.uniform(-0.3, 0.3, (774, 36)), "sv_coef": draw.normal(size=(774, 1))})


_WRITERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(CLIP_SIZES, _write_clip),
    "ARNIQA": _write_encoder,
    "regressor_": _write_arniqa,
    "learned_prompts": _write_prompts,
    "QualiCLIP.pth": _write_qualiclip,
    "niqe_": _write_matrices(36),
    "brisque_svm": _write_brisque,
    "brisque_matlab": _write_brisque_matlab,
}
