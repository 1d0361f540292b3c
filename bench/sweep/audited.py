"""Audits a model of the sweep on some of the test images."""

from pathlib import Path

import numpy as np

from ..audit.audit import FEWEST_IMAGES, audit
from ..audit.finding import Report
from ..core.config import Settings
from ..core.errors import UserError
from ..datasets.pixels import to_float
from ..training.precision import tf32_where
from .machine import choose_device
from .measuring.data import label_tensor
from .runner import trained_models


@tf32_where("fp32")
def audit_model(settings: Settings, results: Path, count: int) -> Report:
    """Audit the first model of the settings; a second one is the source of perturbations tried on it.

    The test images are evenly spread over their quality. Of whole pictures the centres are taken, as large as
    the smallest and no larger than 320 pixels.
    """
    jobs = trained_models(settings, results, check=False)
    job, model = jobs[0]
    if job.model.full_reference:
        raise UserError(f"model {job.model.name!r}: an audit takes no full-reference metric")
    others = [other for other_job, other in jobs if other_job.model.name != job.model.name]
    rows = job.data.test_rows
    if len(rows) < FEWEST_IMAGES:
        raise UserError(
            f"dataset {job.data.dataset.name!r}: an audit needs at least {FEWEST_IMAGES} test images, "
            f"found {len(rows)}"
        )
    quality = job.data.quality_of(rows)
    spread = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    chosen = np.argsort(quality, kind="stable")[spread]
    device = choose_device(settings.run.device)
    images = to_float(job.data.cache.centres(rows[chosen].tolist()), device)
    labels = label_tensor(quality[chosen], images)
    return audit(model, images, labels, stochastic=job.model.stochastic, source=next(iter(others), None))
