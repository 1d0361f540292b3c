"""What the labels of each version of a dataset are, so that nobody is measured against others."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from ....bench.store.cell_file import read_cell
from .scores import labels_of
from .verify import File, contradicting_label


class KnownLabels:
    """Quality by image, of each version of a dataset; whoever comes first tells."""

    def __init__(self) -> None:
        self._quality: Mapping[str, dict[str, float]] = defaultdict(dict)
        self._told: set[tuple[str, str]] = (
            set()
        )  # version, digest of images and labels: no need to read again

    def learn_from_store(self, results: pd.DataFrame, root: Path) -> None:
        """Those of the datasets of a results table, from one cell of each set of test images."""
        for row in results.drop_duplicates(["dataset_digest", "split_digest", "limit"]).to_dict("records"):
            with suppress(ValueError):  # the file was replaced since it was evaluated
                self._quality[row["dataset_digest"]].update(labels_of(read_cell(root / row["file"])))

    def contradictions(self, files: Iterable[File]) -> Iterator[str]:
        """In which files of an entry an image has another label than is known, in sentences."""
        for file in self._untold(files):
            cell, labels = file.scores.scored, file.scores.labels
            known = self._quality[cell.dataset_digest]
            image = contradicting_label(labels, known)
            if image is not None:
                yield (
                    f"{file.where} labels image {image!r} of {cell.dataset} {labels[image]:g}, and the store "
                    f"or another entry {known[image]:g}"
                )

    def learn(self, files: Iterable[File]) -> None:
        """Those of an entry that contradicts nothing known."""
        for file in self._untold(files):
            self._quality[file.scores.scored.dataset_digest].update(file.scores.labels)
            self._told.add(_version(file))

    def _untold(self, files: Iterable[File]) -> list[File]:
        by_version = {_version(file): file for file in files}
        return [file for version, file in by_version.items() if version not in self._told]


def _version(file: File) -> tuple[str, str]:
    return file.scores.scored.dataset_digest, file.scores.scored_on
