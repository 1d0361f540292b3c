import subprocess
import sys
from pathlib import Path

import pytest

from iqabench import UserError
from iqabench.bench.core import registry


def test_the_package_registers_its_own_through_entry_points():
    assert set(registry.names("models")) >= {"resnet", "cprl", "dbcnn", "nima", "lwta", "denoise", "sat"}
    assert set(registry.names("attacks")) >= {"fgsm", "pgd", "noise"}
    assert set(registry.names("datasets")) >= {"synthetic", "live", "vcl", "livec", "koniq", "csv"}


@pytest.mark.parametrize("kind", ["models", "attacks", "datasets"])
def test_every_registered_name_resolves(kind):
    assert all(callable(registry.resolve(kind, name)) for name in registry.names(kind))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="unknown model 'resnt': did you mean 'resnet'"):
        registry.resolve("models", "resnt")


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        ("models", ["pyiqa:NAME", "`network`, `function` or `command` in [models.NAME]", "--plugin FILE.py"]),
        ("attacks", ["torchattacks:NAME", "--plugin FILE.py"]),
        ("datasets", ["the path of a CSV file or of a folder of images", "--plugin FILE.py"]),
    ],
)
def test_an_unknown_name_is_answered_with_the_ways_to_another_method(kind, ways):
    with pytest.raises(UserError) as raised:
        registry.resolve(kind, "musiq")
    assert [way for way in ways if way not in str(raised.value)] == []


def test_importing_the_package_does_not_import_torch():
    code = "import sys, iqabench; dir(iqabench); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_plugin_file_is_listed_with_its_path(iqabench, tiny_plugin):
    done = iqabench("list", "models", "--plugin", str(tiny_plugin))
    assert f"tiny     {tiny_plugin}" in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"bad\.py: no such file"),
        ("", "registers nothing"),
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("import iqabench\n@iqabench.register_model('resnet')\nclass A: pass", "already registered"),
    ],
)
def test_a_bad_plugin_is_explained(tmp_path, text, message):
    if text is not None:
        (tmp_path / "bad.py").write_text(text)
    with pytest.raises(UserError, match=message):
        registry.load_plugin(tmp_path / "bad.py")


PLUGIN = "import iqabench\n@iqabench.register_model({0!r})\nclass Mine: pass\n"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a plugin file and load it; what it registers is forgotten after the test."""
    for kind in registry._PLUGINS:
        monkeypatch.setitem(registry._PLUGINS, kind, {})

    def load(file, text):
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        registry.load_plugin(path)
        return path

    return load


def test_two_plugins_of_one_file_name_have_each_its_own_source(plugin):
    files = [plugin(f"{name}/model.py", PLUGIN.format(name)) for name in "ab"]
    factories = [registry.resolve("models", name) for name in "ab"]
    assert [registry.origin("models", name) for name in "ab"] == [str(file) for file in files]
    first, second = (registry.source_digest(factory) for factory in factories)
    assert first != second
    assert registry.source_digest(registry.resolve("attacks", "fgsm")) is None  # whose version says it
    files[0].write_text(files[0].read_text() + "# changed\n")
    assert registry.source_digest(factories[0]) == first  # the code that is in memory
    registry.load_plugin(files[0])
    assert registry.source_digest(registry.resolve("models", "a")) not in (first, second)
    assert registry.source_digest(factories[1]) == second


def test_a_plugin_that_changes_the_working_folder_changes_it_for_itself(plugin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    plugin("a.py", "import os\nos.chdir('elsewhere')\n" + PLUGIN.format("mine"))
    assert Path.cwd() == tmp_path
    (tmp_path / "net.py").write_text("import os\nos.chdir('elsewhere')\ndef net(): pass\n")
    registry.by_path(f"{tmp_path}/net.py:net")
    assert Path.cwd() == tmp_path


def test_files_of_one_name_and_content_each_read_what_lies_beside_them(tmp_path):
    text = "from pathlib import Path\ndef number(): return Path(__file__).with_name('n.txt').read_text()\n"
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(text)
        (tmp_path / folder / "n.txt").write_text(folder)
    assert [registry.by_path(f"{tmp_path}/{folder}/net.py:number")() for folder in "ab"] == ["a", "b"]


def _load_again(plugins):
    """Load plugins as another process would."""
    for name in [name for name in sys.modules if name.startswith(("own_", "deep_"))]:
        del sys.modules[name]
    for file in plugins:
        registry.load_plugin(file)


def test_a_file_that_a_plugin_imports_is_part_of_its_source(plugin, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "deep_layers.py").write_text("import math\nfactor = 1\ndef scaled(x): return x\n")
    (tmp_path / "own_layers.py").write_text("import torch\nimport deep_layers\nclass Layer: pass\n")
    plugins = [
        plugin("alone.py", PLUGIN.format("alone")),
        plugin("importing.py", "from own_layers import Layer\n" + PLUGIN.format("importing")),
    ]
    digests = []
    for changed in (None, "own_layers.py", "deep_layers.py"):
        if changed:
            (tmp_path / changed).write_text((tmp_path / changed).read_text() + "# changed\n")
            _load_again(plugins)
        factories = [registry.resolve("models", name) for name in ("alone", "importing")]
        digests.append([registry.source_digest(factory) for factory in factories])
    alone, importing = zip(*digests, strict=True)
    assert len(set(alone)) == 1
    assert len(set(importing)) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "from own_numbers import SCALE",
        "def late():\n    import own_numbers",
        "def late():\n    from own_folder.numbers import SCALE",
        "def late():\n    import own_folder.further",
    ],
)
def test_so_is_one_that_gives_a_number_or_that_a_function_imports_before_it_has_been_imported_and_after(
    plugin, tmp_path, monkeypatch, statement
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_folder").mkdir()
    (tmp_path / "own_folder" / "further.py").write_text("from .numbers import SCALE\n")
    numbers = [tmp_path / "own_numbers.py", tmp_path / "own_folder" / "numbers.py"]
    for number in numbers:
        number.write_text("SCALE = 1\n")
    try:
        file = plugin("mine.py", f"{PLUGIN.format('mine')}{statement}\n")
        factory = registry.resolve("models", "mine")
        before = registry.source_digest(factory)
        if "late" in statement:
            sys.modules[factory.__module__].late()
        assert registry.source_digest(factory) == before
        for number in numbers:
            number.write_text("SCALE = 2\n")
        _load_again([file])
        assert registry.source_digest(registry.resolve("models", "mine")) != before
    finally:
        for name in [name for name in sys.modules if name.startswith("own_")]:
            del sys.modules[name]


def test_a_plugin_that_exits_or_lacks_the_name_is_told(plugin, tmp_path):
    with pytest.raises(UserError, match=r"a\.py: SystemExit: 0"):
        plugin("a.py", "import sys\nsys.exit(0)\n")
    (tmp_path / "b.py").write_text("{}['lost']\n")
    with pytest.raises(UserError, match=r"b\.py:Mine: cannot be imported: KeyError: 'lost'"):
        registry.resolve("models", f"{tmp_path}/b.py:Mine")
    (tmp_path / "c.py").write_text("open('lost.txt')\n")
    with pytest.raises(UserError, match=r"c\.py:Mine: cannot be imported: FileNotFoundError: .*lost\.txt"):
        registry.resolve("models", f"{tmp_path}/c.py:Mine")


def test_two_plugins_that_register_one_name_are_refused_with_both_files(plugin, tmp_path):
    plugin("a.py", PLUGIN.format("mine"))
    with pytest.raises(UserError, match=r"a\.py and .*b\.py both register the model 'mine'"):
        plugin("b.py", PLUGIN.format("mine"))
    with pytest.raises(UserError, match=r"c\.py: registers the model 'other' twice"):
        plugin("c.py", 2 * PLUGIN.format("other"))


def test_a_plugin_that_is_loaded_again_takes_the_place_of_what_it_registered(plugin):
    plugin("a.py", PLUGIN.format("mine"))
    first = registry.resolve("models", "mine")
    plugin("a.py", PLUGIN.format("mine") + "# changed\n")
    assert registry.resolve("models", "mine") is not first
