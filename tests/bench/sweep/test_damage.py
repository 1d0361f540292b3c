"""A sweep finds what is damaged in its store, says so once, and computes it again."""

import pandas as pd
import pytest

from iqabench.bench.store.store import Store

from ...flips import flipped

OPTIONS = ("--models", "linear", "--attacks", "fgsm")


def test_a_damaged_cell_is_computed_again_and_named_once(sweep):
    _, cells = sweep(*OPTIONS)
    path = cells["none", 0.0].path
    sound = pd.read_parquet(path)
    for _ in flipped(path, flips=1):
        again, _ = sweep(*OPTIONS)
        assert again.output.count(f"{path}: computed again, as it cannot be used: ") == 1
        pd.testing.assert_frame_equal(pd.read_parquet(path), sound, check_exact=True)
        assert "computed again" not in sweep(*OPTIONS)[0].output


@pytest.mark.parametrize(
    ("pattern", "places", "message"),
    [
        ("*.safetensors", slice(-2, None), "damaged: its weights do not have the digest on its card"),
        ("*.pixels", slice(0, None, 300), "the pixel cache is damaged in image"),
    ],
)
def test_nothing_is_computed_from_damaged_weights_or_pixels(
    iqabench, tiny_sweep, tmp_path, pattern, places, message
):
    results = tmp_path / "results"
    assert iqabench("run", *tiny_sweep, "--epsilons", "1", "--results", str(results)).exit_code == 0
    before = {cell.path: cell.content for cell in Store(results).cells()}
    (file,) = results.rglob(pattern)
    content = bytearray(file.read_bytes())
    content[places] = bytes(byte ^ 1 for byte in content[places])
    file.write_bytes(content)
    done = iqabench("run", *tiny_sweep, "--epsilons", "1,2", "--results", str(results), exits=2)
    assert f"{file}: {message}" in done.output
    assert {cell.path: cell.content for cell in Store(results).cells()} == before
