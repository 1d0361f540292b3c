"""Compute a worst-case SROCC from scores alone: no model, no image, as for results of another tool."""

import numpy as np

from iqabench.bench.statistics.intervals import evaluate_intervals
from iqabench.bench.statistics.worst_case import worst_case_srocc

generator = np.random.default_rng(0)
quality = generator.uniform(0, 1, 200)  # labels
score = np.clip(quality + generator.normal(0, 0.1, 200), 0, 1)  # what the metric answers
reach = generator.uniform(0, 0.3, 200)  # how far an attack moved each score, down and up
low, high = np.clip(score - reach, 0, 1), np.clip(score + reach, 0, 1)

measures = evaluate_intervals(quality, score, low, high)
for name in ("worst_srocc", "reflection_srocc", "r_zhang", "median_width"):
    measure = measures[name]
    print(f"{name:17} {measure.value:z7.3f}  [{measure.low:z.3f}, {measure.high:z.3f}]")

worst = worst_case_srocc(quality, low, high)
print("the ranking that gives it:", np.argsort(worst.scores)[:10], "...")
