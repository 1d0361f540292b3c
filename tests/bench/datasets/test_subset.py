"""Under a limit every scene, distortion and level has its share of the images, whatever their order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqabench.bench.datasets.subset import balanced_subset


def table_of(scenes=12, distortions=5, levels=5):
    rows = [
        (f"{kind}/{scene}-{level}.png", f"scene{scene}", f"kind{kind}", level, 1 - (level - kind / 9) / 6)
        for scene in range(scenes)
        for kind in range(distortions)
        for level in range(1, levels + 1)
    ]
    return pd.DataFrame(rows, columns=["path", "scene", "distortion", "level", "quality"])


def spread(values):
    counts = values.value_counts()
    return counts.max() - counts.min()


@pytest.mark.parametrize("count", [25, 50, 60, 100, 120, 299])
def test_levels_distortions_and_scenes_have_equal_shares(count):
    table = table_of()
    chosen = table.iloc[balanced_subset(table, count, seed=0)]
    assert len(set(chosen["path"])) == count
    for respect in ("level", "distortion", "scene"):
        assert set(chosen[respect]) == set(table[respect])
        assert spread(chosen[respect]) <= 2, respect
    assert spread(chosen["distortion"] + chosen["level"].astype(str)) <= 2


def test_sixty_images_weigh_five_levels_equally_and_another_seed_chooses_others():
    table = table_of()
    assert table.iloc[balanced_subset(table, 60, seed=0)]["level"].value_counts().tolist() == [12] * 5
    assert set(balanced_subset(table, 60, seed=0)) != set(balanced_subset(table, 60, seed=1))


def test_photographs_without_scenes_and_kinds_are_drawn_evenly_from_the_scale():
    quality = np.random.default_rng(0).random(500)
    paths = [f"{number}.jpg" for number in range(500)]
    table = pd.DataFrame({"path": paths, "scene": paths, "distortion": "Authentic", "quality": quality})
    chosen = balanced_subset(table, 100, seed=0)
    edges = np.quantile(quality, [0, 0.2, 0.4, 0.6, 0.8, 1])
    assert np.abs(np.histogram(quality[chosen], edges)[0] - 20).max() <= 1


@given(st.integers(1, 60), st.integers(0, 2**32), st.randoms())
def test_neither_the_order_of_the_table_nor_the_count_changes_which_come_first(count, seed, random):
    table = table_of(scenes=3, distortions=4)
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table.iloc[order].reset_index(drop=True)
    chosen = set(table["path"].iloc[balanced_subset(table, count, seed)])
    assert chosen == set(shuffled["path"].iloc[balanced_subset(shuffled, count, seed)])
    assert chosen <= set(table["path"].iloc[balanced_subset(table, min(60, count + 7), seed)])
