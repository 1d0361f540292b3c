"""The package is built as docs/architecture.md says: small folders, no circle of imports, true paths."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text()
ROOMS = ("bench", "models", "attacks", "reports")
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
DISCOVERING = {"reports/paper/tables/__init__.py"}  # imports, by name, every module of its own folder
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def dotted(path):
    return ".".join(["iqabench", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


def test_no_folder_has_more_than_twelve_modules():
    counts = {folder: sum(path.name != "__init__.py" for path in folder.glob("*.py")) for folder in folders()}
    assert counts
    assert {str(folder): count for folder, count in counts.items() if count > 12} == {}


def folders():
    return {path.parent for path in MODULES}


def test_modules_are_imported_by_name_only_where_a_folder_is_discovered():
    by_name = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")
    }
    assert by_name == DISCOVERING


def test_imports_make_no_circle_those_by_name_included():
    graph = grimp.build_graph("iqabench", exclude_type_checking_imports=True, cache_dir=None)
    for path in DISCOVERING:
        folder = ROOT / path
        for found in folder.parent.glob("[!_]*.py"):
            graph.add_import(importer=dotted(folder), imported=dotted(found))
    assert circles(graph) == []


def circles(graph):
    """Return the groups of modules in which each imports all the others, directly or by way of others."""
    names = sorted(graph.modules)
    number = {name: index for index, name in enumerate(names)}
    edges = [(number[a], number[b]) for a in names for b in graph.find_modules_directly_imported_by(a)]
    matrix = csr_array((np.ones(len(edges)), tuple(zip(*edges, strict=True))), shape=(len(names), len(names)))
    count, group = connected_components(matrix, connection="strong")
    groups = [[names[index] for index in np.flatnonzero(group == label)] for label in range(count)]
    return [members for members in groups if len(members) > 1]


def test_a_circle_is_found():
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]:
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [["b", "c"]]


def test_every_library_that_is_imported_is_declared():
    project, brings = PROJECT["project"], packages_distributions()
    requirements = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    declared = {canonical(re.match(r"[\w-]+", one)[0]) for one in requirements}
    declared.add("pydantic-core")  # which pydantic pins, and whose types its errors are of
    imported = {name for path in MODULES for name in libraries(ast.parse(path.read_text()))}
    assert len(imported) > 20
    assert [name for name in imported if declared.isdisjoint(map(canonical, brings.get(name, [name])))] == []


def canonical(name):
    return name.lower().replace("_", "-")


def libraries(tree):
    """Return the top-level names of what a module imports by absolute names, but for Python's own."""
    found = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    found += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.split(".")[0] for name in found} - sys.stdlib_module_names


def test_every_package_is_installed():
    packages = {dotted(folder / "__init__.py") for folder in folders() if (folder / "__init__.py").exists()}
    assert {"iqabench", *packages} == set(PROJECT["tool"]["setuptools"]["packages"])


def test_the_page_draws_the_layers_that_are_checked():
    (drawn,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    floors = [re.split(r"\s{2,}", line.strip())[0] for line in drawn.splitlines()]
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    assert floors == contract["layers"]


def test_every_path_on_the_page_exists():
    written = set(re.findall(r"`([a-z_]+/[\w/.]*)`", PAGE))
    assert len(written) > 20
    assert [path for path in sorted(written) if not (ROOT / path).exists()] == []
