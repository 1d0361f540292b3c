"""A sweep finds what is damaged in its store, says so once, and computes it again."""

import pandas as pd

from ...flips import flipped

OPTIONS = ("--models", "linear", "--attacks", "fgsm")


def test_a_damaged_cell_is_computed_again_and_named_once(sweep):
    first, cells = sweep(*OPTIONS)
    assert first.exit_code == 0, first.output
    path = cells["none", 0.0].path
    sound = pd.read_parquet(path)
    for _ in flipped(path, flips=1):
        again, _ = sweep(*OPTIONS)
        assert again.exit_code == 0, again.output
        assert again.output.count(f"{path}: computed again, as it cannot be used: ") == 1
        pd.testing.assert_frame_equal(pd.read_parquet(path), sound, check_exact=True)
        assert "computed again" not in sweep(*OPTIONS)[0].output
