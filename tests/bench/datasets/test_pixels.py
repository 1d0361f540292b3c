import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from iqabench.bench.core.errors import UserError
from iqabench.bench.datasets import pixels as images
from iqabench.bench.datasets.framing import FramedPixels, Framing
from iqabench.bench.datasets.pixels import PixelCache, to_float

from ...flips import flipped

SIZE = 24
SHAPES = [(40, 30), (30, 41), (24, 24), (90, 31), (25, 24), (16, 20), (37, 100)]  # height, width


def write_images(root: Path, shapes=SHAPES) -> None:
    for number, (height, width) in enumerate(shapes):
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"{number:03d}.png")


def dataset_of(root: Path):
    paths = sorted(file.name for file in root.glob("*.*"))
    return SimpleNamespace(largest_image=10**6, name="drawn", root=root, table=pd.DataFrame({"path": paths}))


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    write_images(root)
    return dataset_of(root)


def opened(dataset, tmp_path, size=SIZE):
    """Squares of the dataset's images, from a cache in the test's folder."""
    return FramedPixels.open(dataset, Framing.of("resize", size), tmp_path / "cache")


@pytest.fixture
def squares(dataset, tmp_path):
    return opened(dataset, tmp_path)


@pytest.fixture
def builds(monkeypatch):
    """The number of times that a cache was built."""
    count = []
    original = images._build
    monkeypatch.setattr(images, "_build", lambda *args: count.append(1) or original(*args))
    return count


def original(dataset, row):
    with Image.open(dataset.root / dataset.table["path"][row]) as image:
        return image.convert("RGB")


def resized(dataset, row):
    return v2.functional.pil_to_tensor(v2.Resize(SIZE, antialias=True)(original(dataset, row)))


def test_centre_crops_are_those_of_torchvision_in_the_order_asked_for(squares, dataset):
    transform = v2.Compose([v2.Resize(SIZE, antialias=True), v2.CenterCrop(SIZE), v2.PILToTensor()])
    expected = torch.stack([transform(original(dataset, row)) for row in range(len(SHAPES))])
    batch = squares.test_batch(range(len(SHAPES)))
    assert len(squares.cache) == len(SHAPES)
    assert batch.dtype == torch.uint8
    assert torch.equal(batch, expected)
    assert torch.equal(squares.test_batch([5, 0, 5]), expected[[5, 0, 5]])


def crop_places(picture, crop):
    """Offsets along the longer side at which the crop is found, and at which its mirror image is."""
    long = 1 if picture.shape[1] >= picture.shape[2] else 2
    starts = range(picture.shape[long] - SIZE + 1)
    windows = [picture.narrow(long, start, SIZE) for start in starts]
    return (
        [start for start in starts if torch.equal(windows[start], crop)],
        [start for start in starts if torch.equal(windows[start].flip(2), crop)],
    )


def test_random_crops_are_parts_of_the_image_and_reach_every_place(squares, dataset):
    row = 3  # 90 x 31 becomes 69 x 24: 46 places
    batch = squares.train_batch([row] * 400, np.random.default_rng(0))
    found = [crop_places(resized(dataset, row), crop) for crop in batch]
    assert all(len(plain) == 1 for plain, _ in found)
    assert {plain[0] for plain, _ in found} == set(range(46))


def test_a_line_of_pixels_is_not_resized_to_gigabytes(tmp_path):
    Image.new("RGB", (2, 4000)).save(tmp_path / "line.png")
    line = dataset_of(tmp_path)
    told = r"line\.png: .* 2 x 4000 pixels; with its shorter side resized to 24 it would have 1 million"
    with pytest.raises(UserError, match=told):
        PixelCache.open(line, 24, tmp_path / "cache")
    assert PixelCache.open(line, 20, tmp_path / "cache").shape(0) == (40_000, 20)


def test_flips_mirror_about_half_of_the_crops(squares, dataset):
    picture = resized(dataset, 1)
    batch = squares.train_batch([1] * 200, np.random.default_rng(0), flip=True)
    found = [crop_places(picture, crop) for crop in batch]
    assert all(len(plain) + len(mirrored) == 1 for plain, mirrored in found)
    assert 70 < sum(len(mirrored) for _, mirrored in found) < 130


def test_random_crops_are_drawn_from_the_generator_and_for_each_image_by_itself(squares):
    rows = [0, 1, 3, 3, 6, 6]
    first, second, other = (
        squares.train_batch(rows, np.random.default_rng(seed), flip=True) for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    repeated = squares.train_batch([3] * 20, np.random.default_rng(0))
    assert len({crop.numpy().tobytes() for crop in repeated}) > 5


def test_float_images_are_in_0_to_1_and_channels_last():
    batch = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 3, 16, 16)
    converted = to_float(torch.from_numpy(batch), "cpu")
    assert converted.dtype == torch.float32
    assert converted.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(converted.numpy(), (batch / 255).astype(np.float32))


def test_a_cache_is_reused_while_the_files_are_the_same(dataset, tmp_path, builds):
    first, second = (opened(dataset, tmp_path) for _ in range(2))
    assert len(builds) == 1
    assert first.digest == second.digest
    assert torch.equal(first.test_batch([0, 1]), second.test_batch([0, 1]))


def test_a_changed_image_is_decoded_again(dataset, tmp_path, builds):
    before = opened(dataset, tmp_path)
    old = before.test_batch([0])
    Image.new("RGB", (30, 40), "red").save(dataset.root / "000.png")
    after = opened(dataset, tmp_path)
    assert len(builds) == 2
    assert after.digest != before.digest
    assert torch.equal(after.test_batch([0])[0, :, 3, 3], torch.tensor([255, 0, 0], dtype=torch.uint8))
    if os.name == "posix":
        assert torch.equal(before.test_batch([0]), old)  # a sweep under way goes on with what it opened


def test_a_touched_but_equal_image_keeps_the_digest_and_what_a_killed_process_left_is_cleared_away(
    dataset, tmp_path, builds
):
    before = opened(dataset, tmp_path).digest
    (pixels,) = (tmp_path / "cache").glob("*.pixels")
    leftover = pixels.with_name(f".{pixels.name}.abc.part")
    leftover.write_bytes(b"half")
    os.utime(dataset.root / "000.png", (1, 1))
    assert opened(dataset, tmp_path).digest == before
    assert len(builds) == 2
    assert not leftover.exists()


def test_sizes_lists_of_images_and_datasets_of_one_name_have_caches_of_their_own(dataset, tmp_path):
    other_root = tmp_path / "other"
    other_root.mkdir()
    write_images(other_root, SHAPES[:2])
    caches = [
        opened(dataset, tmp_path),
        opened(dataset, tmp_path, 16),
        opened(dataset_of(other_root), tmp_path),
    ]
    assert len(list((tmp_path / "cache").glob("*.pixels"))) == 3
    assert caches[1].test_batch([0]).shape == (1, 3, 16, 16)
    dataset.table = dataset.table.iloc[::2]
    caches.append(opened(dataset, tmp_path))
    assert len(caches[-1].cache) == 4
    assert len({cache.digest for cache in caches}) == 4


def test_the_name_of_a_csv_file_serves_as_a_dataset_name(dataset, tmp_path):
    dataset.name = str(tmp_path / "some where" / "labels.csv")
    opened(dataset, tmp_path)
    suffixes = sorted(file.suffix for file in (tmp_path / "cache").iterdir())
    assert [suffix for suffix in suffixes if suffix != ".lock"] == [".json", ".pixels"]


@pytest.mark.parametrize("damage", ["index", "cut", "missing", "version", "half-written"])
def test_a_damaged_cache_is_built_again(dataset, tmp_path, builds, damage):
    digest = opened(dataset, tmp_path).digest
    (index,), (pixels,) = (list((tmp_path / "cache").glob(f"*.{kind}")) for kind in ("json", "pixels"))
    if damage == "index":
        index.write_text('{"files": 3')
    elif damage == "cut":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "missing":
        pixels.unlink()
    elif damage == "version":
        index.write_text(json.dumps({**json.loads(index.read_text()), "format": -1}))
    else:  # killed between the two renames
        index.unlink()
        pixels.write_bytes(b"other pixels")
    assert opened(dataset, tmp_path).digest == digest
    assert len(builds) == 2


@pytest.mark.parametrize("workers", [1, 4])
def test_it_is_built_once_by_many_at_a_time_whatever_the_number_of_workers(
    dataset, tmp_path, builds, workers
):
    def digest(_):
        return PixelCache.open(dataset, SIZE, tmp_path / "cache", workers=workers).digest

    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(digest, range(4)))
    assert len(builds) == 1
    assert digests == {PixelCache.open(dataset, SIZE, tmp_path / "other").digest}


def test_threads_read_each_their_own_rows(squares):
    whole = squares.test_batch(range(len(SHAPES)))
    rows = [row % len(SHAPES) for row in range(400)]
    with ThreadPoolExecutor(8) as pool:
        crops = list(pool.map(lambda row: squares.test_batch([row])[0], rows))
    assert all(torch.equal(crop, whole[row]) for crop, row in zip(crops, rows, strict=True))


def test_all_images_are_looked_at_before_the_error_which_names_one(dataset, tmp_path):
    (dataset.root / "001.png").write_bytes(b"")
    (dataset.root / "004.png").write_bytes(b"these are words")
    (dataset.root / "006.png").unlink()
    with pytest.raises(UserError, match=r"001\.png: cannot be decoded: the file is empty\. 2 more .*verify"):
        opened(dataset, tmp_path)
    assert list((tmp_path / "cache").glob("*.pixels")) == []
    assert list((tmp_path / "cache").glob("*.part")) == []


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*pixel cache cannot be written"):
        PixelCache.open(dataset, SIZE, tmp_path / "file")


def test_pixels_cut_short_while_in_use_are_an_error(squares, tmp_path):
    (pixels,) = (tmp_path / "cache").glob("*.pixels")
    os.truncate(pixels, 100)
    with pytest.raises(UserError, match=r"\.pixels: the pixel cache was cut short; delete this file"):
        squares.test_batch([3])


@pytest.mark.parametrize("kind", ["pixels", "json"])
def test_a_flipped_bit_changes_no_pixel_in_silence(tmp_path, kind):
    write_images(tmp_path, [(13, 12), (12, 14)])
    dataset = dataset_of(tmp_path)
    whole = opened(dataset, tmp_path, 12).test_batch([0, 1])
    (file,) = (tmp_path / "cache").glob(f"*.{kind}")
    refused = 0
    for bit in flipped(file):
        try:
            assert torch.equal(opened(dataset, tmp_path, 12).test_batch([0, 1]), whole), bit
        except UserError as error:
            assert "the pixel cache is damaged in image" in str(error)  # noqa: PT017
            refused += 1
    assert refused == 0 if kind == "json" else refused > 0  # an index is built again


SWEEP = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
import pandas as pd
from iqabench.bench.datasets.pixels import PixelCache

root, folder = Path(sys.argv[1]), Path(sys.argv[2])
paths = sorted(file.name for file in root.iterdir())
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
def sweep(paths):
    table = pd.DataFrame({"path": paths})
    dataset = SimpleNamespace(largest_image=10**9, name="drawn", root=root, table=table)
    cache = PixelCache.open(dataset, 320, folder, workers=2)
    for row in range(len(cache)):
        cache.image(row)
sweep(paths[:20])
before = peak()
sweep(paths)
print(peak() - before)
"""


@pytest.mark.skipif(os.name != "posix", reason="peak memory is read from getrusage")
def test_memory_does_not_grow_with_the_dataset(tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    Image.new("RGB", (427, 320), "grey").save(root / "000.png")
    for number in range(1, 400):
        os.link(root / "000.png", root / f"{number:03d}.png")
    command = [sys.executable, "-c", SWEEP, str(root), str(tmp_path / "cache")]
    growth = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (pixels,) = (tmp_path / "cache").glob("*.pixels")
    assert pixels.stat().st_size == 400 * 320 * 427 * 3  # 164 MB
    assert growth < 20e6
