"""A support vector regression read from libsvm's text file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...bench.core.errors import UserError


@dataclass(frozen=True)
class SupportVectors:
    """f(x) = sum_i c_i exp(-gamma ||x - v_i||^2) - rho."""

    gamma: float  # of the radial basis functions
    rho: float  # the offset
    coefficients: np.ndarray  # (M,) c_i
    vectors: np.ndarray  # (M, K) v_i


def read_svr(path: Path, features: int) -> SupportVectors:
    """Read libsvm's file of a regression of K features with radial basis functions; else a UserError."""
    try:
        text = path.read_text(encoding="ascii")
        head, _, body = text.partition("\nSV\n")
        fields = dict(line.split(" ", 1) for line in head.splitlines())
        if (fields["svm_type"], fields["kernel_type"]) != ("epsilon_svr", "rbf"):
            raise ValueError(f"a {fields['svm_type']} with kernel {fields['kernel_type']}")
        lines = [line.split() for line in body.splitlines()]
        vectors = np.zeros((int(fields["total_sv"]), features))
        for row, (_, *entries) in zip(vectors, lines, strict=True):
            for entry in entries:
                number, value = entry.split(":")
                row[int(number) - 1] = float(value)
        coefficients = np.array([float(line[0]) for line in lines])
        return SupportVectors(float(fields["gamma"]), float(fields["rho"]), coefficients, vectors)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path}: not a regression with radial basis functions by libsvm: {error}") from error
