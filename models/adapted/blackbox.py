"""A metric that only answers: a Python function or a command, from a picture to a number."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor, nn

from ...bench.core import registry
from ...bench.core.errors import UserError
from ...bench.core.parameters import UNCOUNTED

_NUMBER = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\b(?:nan|inf|infinity)\b)", re.IGNORECASE)
_WITH_COMMA = re.compile(r"\d[\d.]*,\d[\d.,]*(?=\D*$)")  # the last number, if a comma is in it


class BlackBox(nn.Module):
    """A metric without a gradient, asked for one picture at a time, which it gets in 8 bits.

    Args:
        function: `FILE.py:NAME` or `package.module:NAME` of a Python function from a uint8 array (H, W, 3),
            RGB, to a number.
        command: Program and arguments; `{image}` in them stands for the path of a PNG file. The last number
            that it prints is the score.
        timeout: Seconds that the command may take for a picture.

    Attributes:
        queries: How often the metric was asked.
    """

    version: ClassVar[int] = 1
    recipe: ClassVar[str] = "none"
    black_box: ClassVar[bool] = True
    pixels: ClassVar[str] = "native"

    def __init__(
        self,
        function: str | None = None,
        command: Annotated[list[str], Field(min_length=1)] | None = None,
        timeout: Annotated[float, Field(gt=0), UNCOUNTED] = 60.0,
    ) -> None:
        super().__init__()
        if (function is None) == (command is None):
            raise UserError("a black box has either `function` or `command`")
        self.queries = 0
        self._ask, contents = _function(function) if function else _command(command or [], timeout)
        digest = hashlib.sha256(repr((function, command)).encode())
        for content in contents:
            digest.update(content)
        self.register_buffer("source", torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8))

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (N,) of images (N, 3, H, W) in [0, 1], each rounded to 256 grey levels."""
        pictures = (images.detach() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        scores = [self._score(picture) for picture in pictures]
        return torch.tensor(scores, dtype=images.dtype, device=images.device)

    def _score(self, picture: np.ndarray) -> float:
        self.queries += 1
        return self._ask(np.ascontiguousarray(picture))


def queries_of(model: nn.Module) -> int:
    """Return how often the black boxes in a model were asked."""
    return sum(module.queries for module in model.modules() if isinstance(module, BlackBox))


def _function(name: str) -> tuple[Callable[[np.ndarray], float], list[bytes]]:
    function = registry.by_path(name)

    def ask(picture: np.ndarray) -> float:
        try:
            return float(function(picture))
        except Exception as error:
            shape = tuple(picture.shape)
            raise UserError(
                f"the function {name} failed for a picture {shape}: {type(error).__name__}: {error}"
            ) from error

    return ask, [*registry.source_files(function).values()]


def _command(command: list[str], timeout: float) -> tuple[Callable[[np.ndarray], float], list[bytes]]:
    program = shutil.which(command[0])
    if program is None:
        raise UserError(f"key 'command': no program {command[0]!r} that can be run")
    if not any("{image}" in part for part in command):
        raise UserError("key 'command': no {image}, which stands for the path of the picture")

    def ask(picture: np.ndarray) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "image.png")
            Image.fromarray(picture).save(path, compress_level=1)
            return _number(
                _printed([part.replace("{image}", str(path)) for part in command], timeout), command
            )

    files = [Path(program), *(Path(part) for part in command[1:] if Path(part).is_file())]
    return ask, [file.read_bytes() for file in files]


def _printed(command: list[str], timeout: float) -> str:
    try:
        done: Any = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"the command {command[0]} took longer than {timeout:g} s; see key 'timeout'"
        ) from None
    except OSError as error:
        raise UserError(f"the command {command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it printed no reason"]
        raise UserError(f"the command {command[0]} ended with status {done.returncode}: {said[0]}")
    return str(done.stdout)


def _number(printed: str, command: list[str]) -> float:
    numbers = _NUMBER.findall(printed)
    if not numbers:
        raise UserError(f"the command {command[0]} printed no number: {printed[:80]!r}")
    if found := _WITH_COMMA.search(printed):
        raise UserError(
            f"the command {command[0]} printed {found[0]!r}, which may be one number or several: it is to "
            "print the score last, with a decimal point"
        )
    return float(numbers[-1])
