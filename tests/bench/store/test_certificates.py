"""Files of certificates: what is damaged, or is another file, ends a command with its name."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.certificates.files import ALIKE, Certificate
from iqabench.bench.store.certificates.noisy_scores import NoisyScores
from iqabench.bench.store.certificates.score_bounds import ScoreBounds
from iqabench.bench.store.sealed_parquet import write_sealed_table

from ...flips import flipped

ABOUT = {**dict.fromkeys(ALIKE, "x"), "limit": None, "seed": 0, "variant": ""}
IMAGES, QUALITY = ("a.png", "b.png", "c.png"), np.array([0.1, 0.5, 0.9])
NOISY = NoisyScores(ABOUT, IMAGES, QUALITY, 0.05, 25, np.linspace(0, 1, 300).reshape(3, 100))
REACH = np.array([[0.1, 0.2]])
LOW, HIGH = QUALITY[:, None] - REACH, QUALITY[:, None] + REACH
BOUNDS = ScoreBounds(ABOUT, IMAGES, QUALITY, (0.25, 1.0), QUALITY, LOW, HIGH)
KINDS = pytest.mark.parametrize("certificate", [NOISY, BOUNDS])


@KINDS
def test_what_is_written_is_read_back(certificate: Certificate, tmp_path: Path) -> None:
    certificate.write(tmp_path)
    (found,) = certificate.read(tmp_path)
    for name, value in vars(certificate).items():
        np.testing.assert_array_equal(getattr(found, name), value)


@KINDS
def test_a_flipped_bit_of_a_certificate_is_noticed(certificate: Certificate, tmp_path: Path) -> None:
    path = certificate.write(tmp_path)
    for _ in flipped(path):
        with pytest.raises(UserError, match=f"{path}: cannot be used: .*; remove it, and certify again"):
            list(certificate.read(tmp_path))


@KINDS
@pytest.mark.parametrize("change", ["no image", "another column", "other facts", "no facts"])
def test_another_table_with_a_fitting_checksum_is_refused(
    certificate: Certificate, tmp_path: Path, change: str
) -> None:
    path = certificate.write(tmp_path)
    table = pq.read_table(path)
    ((key, text),) = [(k, t) for k, t in table.schema.metadata.items() if b"checksum" not in k]
    changed = {
        "no image": table.slice(0, 0),
        "another column": table.rename_columns([f"{name}2" for name in table.column_names]),
        "other facts": table.replace_schema_metadata({key: text.replace(b"weights", b"wights")}),
        "no facts": table.replace_schema_metadata({key: b"[" * 3000}),
    }[change]
    write_sealed_table(
        changed.replace_schema_metadata({key: (changed.schema.metadata or {key: text})[key]}), path
    )
    with pytest.raises(UserError, match=f"{path}: cannot be used: .*; remove it, and certify again"):
        list(certificate.read(tmp_path))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = NOISY.write(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="not a regular file"):
        list(NoisyScores.read(tmp_path))
