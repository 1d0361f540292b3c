"""No method's source changes unless its version is raised or the change is confirmed to move no number."""

import ast
import sys

import pytest

from . import versions


def test_a_method_whose_source_has_changed_has_another_version_or_is_confirmed():
    now, before = (
        {(kind, name): entry for kind, methods in found.items() for name, entry in methods.items()}
        for found in (versions.current(), versions.recorded())
    )
    moved = [" ".join(method) for method in sorted(now | before) if now.get(method) != before.get(method)]
    assert not moved, (
        f"the source of {', '.join(moved)} is not the one that tests/versions.toml knows. Raise the class "
        "attribute `version` of each whose numbers can have moved, so that they are computed anew. Then, or "
        "if none can have moved, run: .venv/bin/python tests/versions.py"
    )


@pytest.fixture
def digest_of(tmp_path, monkeypatch):
    """Digest a module `room.method`, written with these sources of it and of its neighbours."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "versions_room", raising=False)  # of the test before
    package = tmp_path / "versions_room"
    package.mkdir()
    for name in ("__init__", "tools", "types", "elsewhere"):
        (package / f"{name}.py").touch()

    def digest(method, **neighbours):
        for name, source in {"method": method, **neighbours}.items():
            (package / f"{name}.py").write_text(source)
        return versions.digest(["versions_room.method"], ("versions_room",))

    return digest


METHOD = '''"""Adds."""
from typing import TYPE_CHECKING
from .tools import step
if TYPE_CHECKING:
    from .types import Number

def add(x: "Number") -> "Number":
    """Add a step."""
    return x + step  # a comment
'''


def test_a_digest_follows_the_code_of_a_method_and_of_what_it_imports_and_nothing_else(digest_of):
    before = digest_of(METHOD, tools="step = 1")
    assert digest_of(METHOD.replace("Add a step", "Add one").replace("  # a comment", "\n")) == before
    assert digest_of(METHOD, types="Number = int", elsewhere="x = 1") == before
    assert digest_of(METHOD.replace("x + step", "x - step")) != before
    assert digest_of(METHOD, tools="step = 2") != before


def test_imports_inside_functions_and_of_submodules_are_followed(digest_of):
    method = "def add(x):\n    from . import tools\n    return x + tools.step\n"
    assert digest_of(method, tools="step = 1") != digest_of(method, tools="step = 2")


def test_what_later_pythons_add_to_a_tree_is_left_out():
    tree = ast.parse("def f(): return 1")
    expected = versions.written(tree)
    tree.body[0].type_params = []
    tree.body[0]._fields = (*tree.body[0]._fields, "type_params")
    assert versions.written(tree) == expected
