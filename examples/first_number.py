"""Measure how much of BRISQUE's ranking an attack leaves: a sweep from Python, and its table."""

import tempfile
from pathlib import Path

from drawn import draw

import iqabench

with tempfile.TemporaryDirectory() as folder:
    scores = draw(Path(folder))
    settings = iqabench.load_settings(
        overrides={
            "run": {
                "datasets": [str(scores)],
                "models": ["brisque"],
                "attacks": ["auto"],
                "epsilons": [1, 2],  # in units of 1/255
            },
        }
    )
    store = Path(folder) / "results"
    iqabench.run_sweep(settings, store, show=False)
    table = iqabench.results_table(store)

print(table[["model", "attack", "epsilon", "n", "srocc", "worst_srocc", "audit"]].to_string(index=False))
