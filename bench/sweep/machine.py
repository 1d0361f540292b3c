"""The machine that a sweep computes on: its device, what suits it, and the versions of the software."""

import datetime
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch

from ..core.config import Settings
from ..core.errors import UserError
from ..core.version import __version__
from ..training.precision import precision_on

if TYPE_CHECKING:
    from .job import Job

LARGEST_BATCH = 512
"""Images that a batch of size "auto" begins with on a GPU; it is halved until the memory holds it."""


def choose_device(name: str) -> torch.device:
    """Return the device to compute on: `cpu`, `cuda`, `cuda:N`, or for `auto` a GPU where there is one.

    Raises:
        UserError: a GPU was asked for and there is none, or none of that number.
    """
    if name.startswith("cuda"):
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not found:
            raise UserError(f"--device {name}: torch finds no CUDA GPU here; use --device cpu or auto")
        if int(name.partition(":")[2] or 0) >= found:
            raise UserError(f"--device {name}: there is no such GPU; the last one is cuda:{found - 1}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def suited(settings: Settings, device: torch.device) -> tuple[Settings, list[str]]:
    """Return the settings with a precision and a batch size for the device, and notes on what differs."""
    run, notes = settings.run, []
    precision = precision_on(device, run.precision)
    if precision != run.precision:
        notes.append(
            f"attacks search in {precision}, because this machine has no instructions for {run.precision}"
        )
    batch_size = run.batch_size
    if batch_size == "auto" and device.type == "cuda":
        batch_size = LARGEST_BATCH
    run = run.model_copy(update={"precision": precision, "batch_size": batch_size})
    return settings.model_copy(update={"run": run}), notes


def context_of(job: "Job", device: torch.device) -> dict[str, Any]:
    """Return what does not determine a result but tells how it came about."""
    dataset = job.data.dataset
    trained = job.model.fitted_by != "none"
    gpu = device.type == "cuda"
    where = job.checkpoint.path.relative_to(job.results) if trained else job.model.weights or ""
    return {
        "versions": dict(versions()),
        "created": datetime.datetime.now(datetime.UTC).isoformat(),
        "command": job.settings.command,
        "profile": job.settings.profile,
        "device": torch.cuda.get_device_name(device) if gpu else f"cpu ({platform.machine()})",
        "checkpoint": str(where),
        "stand_in": dataset.stand_in,
        "bounds": [dataset.low, dataset.high],
        "lower_is_better": dataset.lower_is_better,
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the libraries that decide a score."""
    found = {"python": platform.python_version(), "iqabench": __version__}
    for package in ("torch", "timm", "numpy", "pillow"):
        try:
            found[package] = version(package) or "unknown"  # None while it is being installed anew
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
