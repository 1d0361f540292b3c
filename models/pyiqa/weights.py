"""Where the files of pyiqa's weights are found, and how they are read: nothing in them runs."""

import hashlib
import http.client
import io
import logging
import pickle
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlparse

import huggingface_hub.constants
import timm.models._builder
import torch
import torchvision.models._api
from torch import Tensor, nn

from ...bench.core.errors import UserError
from ...bench.core.text import heading
from .archive import ArchivedTensors


class WeightFiles:
    """The files of weights that one metric asks for while it is built.

    Args:
        metric: Name of the metric, for messages.
        folder: Where the user put files, if anywhere; looked at before the caches of pyiqa and torch.
        download: Whether to fetch what is missing, into the folder or else into pyiqa's cache.
    """

    def __init__(self, metric: str, folder: Path | None, download: bool) -> None:
        self.metric = metric
        self.folder = folder
        self.download = download
        self.asked: dict[str, Path | None] = {}

    @property
    def folders(self) -> list[Path]:
        """Return the folders that are searched, in order."""
        hub = Path(torch.hub.get_dir())
        caches = [hub / "pyiqa", hub / "checkpoints", hub / "clip", Path("~/.cache/clip").expanduser()]
        return [*([self.folder] if self.folder else []), *caches]

    def look_up(self, url: str) -> Path | None:
        """Return the file that pyiqa would fetch from an address, or None where it is in no folder."""
        name = Path(urlparse(url).path).name
        found = next((folder / name for folder in self.folders if (folder / name).is_file()), None)
        if found is None and self.download:
            found = self.folders[0] / name
            self._fetch(url, found)
        self.asked[url] = found
        return found

    def _fetch(self, url: str, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path))
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            raise UserError(
                f"pyiqa:{self.metric}: {url} cannot be downloaded to {path}: {error}. Fetch it on a machine "
                f"that can, and put it into {path.parent}"
            ) from None

    def find(self, url: str) -> Path:
        """Return the file that pyiqa would fetch from an address; a UserError says where to put it."""
        return self.look_up(url) or self.refuse(url)

    def refuse(self, url: str) -> Any:
        """Raise the error that names a missing file, and those of backbones that are missing too."""
        backbones = [
            f"{Path(urlparse(other).path).name!r} (from {other})"
            for other, found in self.asked.items()
            if found is None and other != url and urlparse(other).scheme
        ]
        more = f" Its backbone's {' and '.join(backbones)} may be needed, too." if backbones else ""
        raise UserError(
            f"pyiqa:{self.metric} needs the file {Path(urlparse(url).path).name!r}, which is not there. "
            f"pyiqa would fetch it from {url}. Put it into {self.folders[0]}, or into a folder named by "
            f"`weights_dir` in its table; or say `download = true` there. A model's table in bench.toml is "
            f"{heading('models', f'pyiqa:{self.metric}')}.{more}"
        )

    def digest(self) -> Tensor:
        """Return a digest of pyiqa's version and the bytes of all files that were read: (32,) uint8."""
        running = hashlib.sha256(version("pyiqa").encode())
        for path in sorted({path for path in self.asked.values() if path}):
            with path.open("rb") as stream:
                running.update(hashlib.file_digest(stream, "sha256").digest())
        return torch.frombuffer(bytearray(running.digest()), dtype=torch.uint8)


class _Absent(dict[str, Any]):
    """Stands for the tensors of a backbone whose file is missing."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url


@contextmanager
def reading(files: WeightFiles, arch: str) -> Iterator[None]:
    """Make pyiqa read the weights of a class silently from files at hand, by loaders that run nothing.

    Missing ImageNet weights of a backbone are not an error at this point: pyiqa asks for them also where the
    metric's own file replaces them. They are set to NaN, and what is left of them is found by `check_filled`.
    """
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(_quiet_logs())
        _import_architecture(arch)
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        for target, attribute, value in _replacements(files, scratch):
            stack.enter_context(patch.object(target, attribute, value))
        yield


def check_filled(net: nn.Module, files: WeightFiles) -> None:
    """Raise a UserError with the name of a file of weights that a missing backbone leaves unfilled."""
    absent = [url for url, path in files.asked.items() if path is None]
    if absent and any(tensor.is_floating_point() and tensor.isnan().any() for tensor in _tensors(net)):
        files.refuse(absent[0])


def _tensors(net: nn.Module) -> Iterator[Tensor]:
    yield from net.parameters()
    yield from net.buffers()


def _import_architecture(arch: str) -> None:
    """Import the module of an architecture, before what it imports is replaced."""
    from pyiqa.archs import _lazy_import_arch
    from pyiqa.utils.registry import ARCH_REGISTRY

    if arch not in ARCH_REGISTRY:
        _lazy_import_arch(arch)
    if arch not in ARCH_REGISTRY:
        raise UserError(
            f"pyiqa's architecture {arch!r} cannot be imported; is pyiqa installed with all it asks for?"
        )


def _replacements(files: WeightFiles, scratch: str) -> Iterator[tuple[Any, str, Any]]:
    """Yield what is replaced while a metric is built: the object, its attribute, and the new value."""
    load, load_into = torch.load, nn.Module.load_state_dict

    def load_tensors(file: Any, *_: Any, **__: Any) -> Any:
        try:
            return load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError) as error:
            name = getattr(file, "name", file)
            raise UserError(
                f"{name}: is refused, because it holds more than tensors and could run code. Convert it on a "
                f"machine where you trust it ({str(error).splitlines()[0]})"
            ) from None
        except Exception as error:  # a damaged pickle fails in as many ways as it has bytes
            name = getattr(file, "name", file)
            raise UserError(f"{name}: is not a file of weights that torch reads ({error!r:.160})") from None

    def load_archive(file: Any, *_: Any, **__: Any) -> Any:
        archive = ArchivedTensors(Path(getattr(file, "name", file)))
        return archive.linear() or archive

    def load_file(url: str, *_: Any, **__: Any) -> str:
        return str(files.find(url))

    def load_from(url: str, *_: Any, **__: Any) -> Any:
        return load_tensors(files.find(url))

    def load_backbone(url: str, *_: Any, **__: Any) -> Any:
        found = files.look_up(url)
        return _Absent(url) if found is None else load_tensors(found)

    def load_state_dict(module: nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(state, _Absent):
            return _fill(module)
        return load_into(module, state, *args, **kwargs)

    def load_timm(model: nn.Module, *_: Any, **__: Any) -> None:
        files.asked.setdefault(f"timm/{model.__class__.__name__}", None)
        _fill(model)

    def connect(*_: Any) -> Any:
        raise UserError(f"pyiqa:{files.metric} asks for the network while it is built; say `download = true`")

    yield torch, "load", load_tensors
    yield torch.jit, "load", load_archive
    yield torch.hub, "load_state_dict_from_url", load_from
    yield nn.Module, "load_state_dict", load_state_dict
    yield torchvision.models._api, "load_state_dict_from_url", load_backbone
    if not files.download:
        yield huggingface_hub.constants, "HF_HUB_OFFLINE", True
        yield timm.models._builder, "load_pretrained", load_timm
        yield socket.socket, "connect", connect
        yield socket, "getaddrinfo", connect
    by_name = {
        "load_file_from_url": load_file,
        "load_state_dict_from_url": load_from,
        "_download": load_file,
        "DEFAULT_CACHE_DIR": scratch,  # liqe keeps features of its text there, whatever weights made them
    }
    for name, module in list(sys.modules.items()):
        if name.startswith("pyiqa.") or name == "clip.clip":
            for attribute in by_name.keys() & vars(module).keys():
                yield module, attribute, by_name[attribute]


def _fill(module: nn.Module) -> None:
    with torch.no_grad():
        for tensor in _tensors(module):
            if tensor.is_floating_point():
                tensor.fill_(float("nan"))


@contextmanager
def _quiet_logs() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
