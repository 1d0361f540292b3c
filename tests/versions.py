"""The version of every registered method, and a digest of the source behind it, as kept in versions.toml.

    .venv/bin/python tests/versions.py

writes the file anew: after a version was raised, or to confirm that a change of source moves no number.
"""

import ast
import hashlib
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any, get_args

import tomli_w

from iqabench.bench.core import registry

FILE = Path(__file__).with_name("versions.toml")
ROOMS = {
    "models": ("iqabench.models",),
    "attacks": ("iqabench.attacks",),
    "defences": ("iqabench.models",),
    "datasets": ("iqabench.bench.datasets",),
    "recipes": ("iqabench.bench.training", "iqabench.models", "iqabench.attacks"),
}
LOOP = "iqabench.bench.training.fit"  # takes part in whatever a recipe gives


def current() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the version and the source digest of each method of this package, by kind and name."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in get_args(registry.Kind):
        for name in registry.names(kind):
            factory = registry.resolve(kind, name)
            if factory.__module__.startswith("iqabench."):
                modules = [factory.__module__] + ([LOOP] if kind == "recipes" else [])
                entry = {"version": registry.version_of(factory), "source": digest(modules, ROOMS[kind])}
                found.setdefault(kind, {})[name] = entry
    return found


def recorded() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what versions.toml holds."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def digest(modules: list[str], rooms: tuple[str, ...]) -> str:
    """Return a digest of some modules and of all that they import from their rooms.

    Comments, docstrings and layout do not count, nor does the version of Python.
    """
    sources: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in sources and module.startswith(rooms):
            tree = ast.parse(source_of(module).read_text(encoding="utf-8"))
            sources[module] = written(tree)
            waiting += imports(tree, module)
    lines = "\n".join(f"{module} {source}" for module, source in sorted(sources.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def source_of(module: str) -> Path:
    """Return the file of a module."""
    spec = find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return Path(spec.origin)


def imports(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield the modules that relative imports name anywhere in a module, those for type checkers aside."""
    package = module if source_of(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in _executed(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = resolve_name("." * node.level + (node.module or ""), package)
            yield target
            for name in node.names:
                submodule = f"{target}.{name.name}"
                if find_spec(target).submodule_search_locations and find_spec(submodule):  # type: ignore[union-attr]
                    yield submodule


def written(node: Any) -> str:
    """Write a syntax tree out, without docstrings and without what one version of Python adds to another."""
    if isinstance(node, list):
        return f"[{', '.join(map(written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
        fields["body"] = fields["body"][1:]
    given = [f"{name}={written(value)}" for name, value in fields.items() if value not in (None, [])]
    return f"{type(node).__name__}({', '.join(given)})"


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name)):  # if TYPE_CHECKING
            yield from _executed(child)


if __name__ == "__main__":
    FILE.write_text(tomli_w.dumps(current()), encoding="utf-8")
