"""Scores one model on one dataset under one attack: the loop over batches, and how it is resumed."""

from collections.abc import Mapping

import torch

from ...core.errors import UserError
from ...core.interrupts import finishing
from ...core.progress import Progress
from ...datasets.pixels import to_float
from ...datasets.prefetch import prefetched
from ...training.precision import tf32_where
from .data import TestData
from .door import Witness
from .partial import Partial
from .pictures import Pictures
from .search import HIGH, LOW, Search


@tf32_where("fp32")
@finishing("the batch")
def measure(
    search: Search,
    data: TestData,
    partial: Partial,
    progress: Progress,
    *,
    batch_size: int,
    smaller_batches: bool,
    pictures: Mapping[int, Pictures],
) -> None:
    """Attack the images of `partial` within each epsilon, score them, and keep the results in `partial`.

    An interval attack is run upwards and downwards. The stored scores come from plain inference passes over
    the final images, not from the search. So a model that behaves differently while it is searched gains
    nothing.

    Args:
        search: What is attacked, and how.
        data: N images and their labels.
        partial: Where to keep the columns, and what is already there.
        progress: Advanced by the images scored, once for each epsilon.
        batch_size: Images at once, if they are of one shape and not larger than the paper's.
        smaller_batches: Whether to halve a batch that a GPU's memory does not hold, and the batches after it.
        pictures: Where to write adversarial images, by the number of the epsilon.

    Raises:
        UserError: the attack returns images outside its ball or [0, 1], or of another shape or type, or
            changes the model; or the memory of the GPU does not hold a batch that may not be smaller.
    """
    progress.skip((partial.done - partial.part.start) * len(search.epsilons))
    stop = int(partial.part.stop)
    witness = None
    while partial.done < stop:
        at_once = min(batch_size, partial.fitting or batch_size)
        batches = [
            slice(batch.start, min(batch.stop, stop))
            for batch in data.batches(at_once, partial.done)
            if batch.start < stop
        ]
        crops = (data.cache.test_batch(data.rows[batch].tolist()) for batch in batches)
        for batch, crop in zip(batches, prefetched(crops, search.device), strict=True):
            told = []
            try:
                images = to_float(crop, search.device)
                first = witness is None
                if witness is None:
                    what = f"attack {search.name!r}" if search.attack else "clean images"
                    witness = Witness(search.model, images, what)
                    partial.before_saving = witness.check
                for index, found in enumerate(
                    search.measured(batch.start, images, data.labels(batch, images), pictures)
                ):
                    partial.put(index, batch.start, found.columns)
                    told.append(found.told)
                    if LOW in found.images:
                        partial.ends.put(index, batch.start, images, found.images[LOW], found.images[HIGH])
                    progress.advance(len(images))
                if first and search.attack is None:
                    witness.check_batch(partial.columns["score"][0, batch])
            except torch.cuda.OutOfMemoryError:
                if not smaller_batches or len(crop) == 1:
                    why = (
                        "one image and its gradient: --device cpu may"
                        if len(crop) == 1
                        else f"a batch of {len(crop)}, and what the attack or a stochastic model draws "
                        "depends on the batch, so it was not made smaller: set `batch_size` of [run]"
                    )
                    raise UserError(f"{search.name}: the GPU's memory does not hold {why}") from None
                partial.fitting = len(crop) // 2
                break
            except SystemExit as error:
                who = f"attack {search.name!r}, or the model"
                raise UserError(f"{who}: calls sys.exit({error.code!r})") from error
            partial.batch_done(batch, told)
    if witness is not None:
        witness.check()
