"""Known labels of each version of a dataset, so that all models are measured against the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from ....bench.store.cell_file import read_cell
from .scores import ScoreFile, labels_of
from .verify import contradicting_label


class KnownLabels:
    """Quality by image for each version of a dataset, from the store or the first entry that has it."""

    def __init__(self) -> None:
        self._quality: Mapping[str, dict[str, float]] = defaultdict(dict)
        self._told: set[tuple[str, str]] = set()  # version, digest of images and labels that were read

    def learn_from_store(self, results: pd.DataFrame, root: Path) -> None:
        """Learn the labels of a store, from one cell of each set of test images."""
        for row in results.drop_duplicates(["dataset_digest", "split_digest", "limit"]).to_dict("records"):
            with suppress(ValueError):  # the file was replaced since it was evaluated
                self._quality[row["dataset_digest"]].update(labels_of(read_cell(root / row["file"])))

    def learn(self, files: Iterable[ScoreFile]) -> list[str]:
        """Learn the labels of an entry, unless they contradict what is known: then return a sentence on each
        file that labels an image otherwise.
        """
        new = {(file.cell["dataset_digest"], file.scored_on): file for file in files}
        new = {version: file for version, file in new.items() if version not in self._told}
        contradictions = []
        for (version, _), file in new.items():
            labels, known = file.labels, self._quality[version]
            image = contradicting_label(labels, known)
            if image is not None:
                contradictions.append(
                    f"{file.where} labels image {image!r} of {file.cell['dataset']} {labels[image]:g}, "
                    f"and the store or another entry {known[image]:g}"
                )
        if not contradictions:
            for (version, _), file in new.items():
                self._quality[version].update(file.labels)
            self._told |= new.keys()
        return contradictions
