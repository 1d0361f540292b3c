import subprocess
import sys

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
    "arguments", [["--help"], ["run", "--help"], ["list", "models"], ["datasets", "verify", "--help"]]
)
def test_help_and_list_import_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from iqabench.bench.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'pydantic', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_does_not_import_torch():
    code = "import sys, iqabench; dir(iqabench); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_plugin_file_is_listed_with_its_path(iqabench, tiny_plugin):
    done = iqabench("list", "models", "--plugin", str(tiny_plugin))
    assert f"tiny     {tiny_plugin}" in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "registers nothing"),
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("import iqabench\n@iqabench.register_model('resnet')\nclass A: pass", "already registered"),
    ],
)
def test_a_bad_plugin_is_explained(tmp_path, text, message):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(UserError, match=message):
        registry.load_plugin(tmp_path / "bad.py")


def test_a_missing_plugin_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.py: no such file"):
        registry.load_plugin(tmp_path / "nowhere.py")


def test_only_a_plugins_source_is_part_of_a_result(tmp_path, monkeypatch):
    monkeypatch.setitem(registry._PLUGINS, "models", {})
    path = tmp_path / "mine.py"
    path.write_text("import iqabench\n@iqabench.register_model('mine')\nclass Mine: pass\n")
    registry.load_plugin(path)
    before = registry.source_digest(registry.resolve("models", "mine"))
    path.write_text(path.read_text() + "# changed\n")
    assert before is not None
    assert registry.source_digest(registry.resolve("models", "mine")) != before
    assert registry.source_digest(registry.resolve("attacks", "fgsm")) is None
