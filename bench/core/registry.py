"""The registry of models, attacks, defences, datasets and recipes: entry points, and plugin files.

The package registers its own methods in the same way as anyone else (see `pyproject.toml`).
Listing names reads package metadata only; nothing is imported before a name is resolved. A name with a
colon, such as `pyiqa:musiq`, is one of another library's: an entry point of the group
`iqabench.models.libraries` names the module that knows what it stands for. `FILE.py:NAME` and
`package.module:NAME` name a model themselves.
"""

import ast
import hashlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable
from contextlib import chdir, suppress
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args
from weakref import WeakKeyDictionary

from .errors import UserError, is_installed, nearest

Kind = Literal["models", "attacks", "defences", "datasets", "recipes"]
Factory = Callable[..., Any]
Registered = TypeVar("Registered", bound=Factory)

_PLUGIN = "--plugin FILE.py"
_OWN: dict[Kind, str] = {
    "models": f"`network`, `function` or `command` in [models.NAME] of ./bench.toml, or {_PLUGIN}",
    "datasets": f"the path of a CSV file or of a folder of images, or {_PLUGIN}",
}
"""How a method of the user's becomes known, by its kind."""

_MODULE = "iqabench_plugin_"  # how the names of plugins' modules begin
_PACKAGE = __package__.split(".")[0] + "."

_LOADED: WeakKeyDictionary[ModuleType, bytes] = WeakKeyDictionary()
"""What was in the user's files when they were loaded: a session may go on with code that is edited since."""

_PLUGINS: dict[Kind, dict[str, Factory]] = {kind: {} for kind in get_args(Kind)}


def names(kind: Kind) -> list[str]:
    """Return the registered names of a kind, sorted. Imports nothing."""
    return sorted({*_entry_points(kind), *_PLUGINS[kind]})


def origin(kind: Kind, name: str) -> str:
    """Return where a name is defined: `package.module:Class`, or a plugin's file. Imports nothing."""
    if name in _PLUGINS[kind]:
        return inspect.getfile(_PLUGINS[kind][name])
    return _entry_points(kind)[name].value


def is_plugin(kind: Kind, name: str) -> bool:
    """Return whether a name comes from a file given to `--plugin`."""
    return name in _PLUGINS[kind]


def resolve(kind: Kind, name: str) -> Factory:
    """Return the class or function registered under a name.

    Raises:
        UserError: the name is unknown (the nearest known ones are offered), or its module fails to import.
    """
    if name in _PLUGINS[kind]:
        return _PLUGINS[kind][name]
    if is_library_name(kind, name):
        prefix, _, rest = name.partition(":")
        factory: Factory = library(kind, prefix).resolve(rest)
        return factory
    entry = _entry_points(kind).get(name)
    if entry is None and is_path(kind, name):
        return by_path(name)
    if entry is None:
        raise UserError(f"unknown {kind[:-1]} {name!r}: {advice(kind, name)}")
    try:
        factory = entry.load()
    except (ImportError, AttributeError) as error:
        raise UserError(f"{kind[:-1]} {name!r} ({entry.value}) cannot be imported: {error}") from error
    return factory


def advice(kind: Kind, name: str) -> str:
    """Return what to do about an unknown name, in sentences."""
    offered = [f"One of {prefix}: {prefix}:NAME." for prefix in libraries(kind)]
    return " ".join([nearest(name, names(kind)), *offered, f"One of your own: {_OWN.get(kind, _PLUGIN)}."])


def by_path(name: str) -> Factory:
    """Return what `FILE.py:NAME` or `package.module:NAME` names: a class or a function.

    Raises:
        UserError: no such file, module or name, or it fails to run.
    """
    where, _, attribute = name.rpartition(":")
    file = Path(where).expanduser().absolute() if where.endswith(".py") else None
    if file and not file.is_file():
        raise UserError(f"{name}: no such file: {file}; a relative path is of the current folder")
    try:
        inside = vars(_module_of(file)) if file else {attribute: pkgutil.resolve_name(name)}
    except (Exception, SystemExit) as error:
        raise UserError(f"{name}: cannot be imported: {type(error).__name__}: {error}") from error
    if attribute not in inside:
        raise UserError(f"{name}: the file has no {attribute!r}")
    found = inside[attribute]
    if not callable(found):
        raise UserError(f"{name}: is a {type(found).__name__}, not a class or a function")
    factory: Factory = found
    return factory


def _module_of(path: Path) -> ModuleType:
    """Run a file as a module, once."""
    where_and_what = os.fsencode(path.resolve()) + path.read_bytes()  # a file may read others beside it
    name = f"iqabench_file_{path.stem}_{hashlib.sha256(where_and_what).hexdigest()[:8]}"
    if name not in sys.modules:
        try:
            _run(path, name)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return sys.modules[name]


def _run(path: Path, name: str) -> None:
    """Run a file as the module of a name."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with chdir("."):  # relative paths of the user stay what they were, wherever a file goes
        spec.loader.exec_module(module)
    _imported(module)  # notes what is in the files now


def is_library_name(kind: Kind, name: str) -> bool:
    """Return whether a name is one of another library's, such as `pyiqa:musiq`; it may be unknown there."""
    prefix, colon, _ = name.partition(":")
    return bool(colon) and prefix in libraries(kind)


def is_path(kind: Kind, name: str) -> bool:
    """Return whether a name is `FILE.py:NAME` or `package.module:NAME`."""
    return ":" in name and not is_library_name(kind, name)


def libraries(kind: Kind) -> list[str]:
    """Return the prefixes of the libraries that offer names of a kind, sorted. Imports nothing."""
    return sorted(_entry_points(f"{kind}.libraries"))


def library(kind: Kind, prefix: str) -> Any:
    """Return the module of a library.

    Its `resolve(name)` gives the factory of a name, and its `lines()` describe the names.

    Raises:
        UserError: no such library is known.
    """
    if prefix not in libraries(kind):
        raise UserError(f"unknown library of {kind} {prefix!r}: {nearest(prefix, libraries(kind))}")
    return _entry_points(f"{kind}.libraries")[prefix].load()


def source_digest(factory: Factory) -> str | None:
    """Return the digest of a plugin's source; None for this package's own, whose version says it.

    A plugin's code can change while its name and weights stay the same, so results are keyed by it. The
    digest covers the plugin's file, the files that it imports, and those that they import in turn, but not
    those of installed packages. A file counts as it was when it was loaded.

    Raises:
        UserError: it has no file, as a class that a notebook defines.
    """
    if factory.__module__.startswith(_PACKAGE):
        return None
    contents = [*source_files(factory).values()]
    if not contents:
        name = getattr(factory, "__name__", factory)
        raise UserError(
            f"{name}: has no file, by which its results are told apart: put it into one, and import it"
        )
    running = hashlib.sha256(contents[0])
    for digest in sorted({hashlib.sha256(content).digest() for content in contents[1:]}):
        running.update(digest)
    return running.hexdigest()[:16]


def source_files(factory: Factory) -> dict[Path, bytes]:
    """Return the file of a class or function, if it has one, then the user's files that this imports.

    Each is given with what was in it when it was loaded, as far as that is known.
    """
    try:
        own = Path(inspect.getfile(factory)).resolve()
    except (TypeError, OSError):  # written in C, or in a notebook
        return {}
    module = sys.modules.get(factory.__module__)
    imported = _imported(module) if module and not is_installed(own) else {}
    content = imported.pop(own) if own in imported else own.read_bytes()
    return {own: content, **dict(sorted(imported.items(), key=lambda file: file[1]))}


def _imported(module: ModuleType) -> dict[Path, bytes]:
    """Return the user's files that a module is, imports from, and so on, its functions included."""
    found: dict[str, tuple[Path, bytes]] = {}
    waiting = [module]
    while waiting:
        one = waiting.pop()
        file = _users_file(one)
        if file is None or one.__name__ in found:
            continue
        if one not in _LOADED:
            _LOADED[one] = file.read_bytes()
        found[one.__name__] = file, _LOADED[one]
        for value in list(vars(one).values()):
            named = value.__name__ if isinstance(value, ModuleType) else inspect.getmodule(value)
            other = sys.modules.get(named) if isinstance(named, str) else named
            waiting += [other] if other else []
        names = _imports(_LOADED[one], one.__package__ or "")
        waiting += filter(None, map(_module_called, sorted(names)))
    return dict(found.values())


@lru_cache(1024)
def _imports(source: bytes, package: str) -> frozenset[str]:
    """Return the names of modules that import statements of a source may mean: `a.b` by `from a import b`."""
    names: set[str] = set()
    try:
        parsed = ast.parse(source)
    except (SyntaxError, ValueError):  # of a file that has not been imported
        return frozenset()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            with suppress(ImportError):  # relative to a package that there is none of
                owner = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                names |= {owner, *(f"{owner}.{alias.name}" for alias in node.names)}
    return frozenset(
        names | {parent for name in names for parent in accumulate(name.split("."), "{}.{}".format)}
    )


def _module_called(name: str) -> ModuleType | None:
    """Return a module; one that has not been imported yet without running it. None if there is none."""
    if (loaded := sys.modules.get(name)) is not None:
        return loaded
    owner = _module_called(name.rpartition(".")[0]) if "." in name else None
    folders = getattr(owner, "__path__", None)
    if "." in name and folders is None:
        return None
    spec = PathFinder.find_spec(name, folders)
    if spec is None or (spec.origin and not spec.origin.endswith(".py")):
        return None
    return importlib.util.module_from_spec(spec)


def _users_file(module: ModuleType) -> Path | None:
    """Return the file of a module that is neither installed nor of this package."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or f"{module.__name__}.".startswith(_PACKAGE):
        return None
    path = Path(file).resolve()
    return path if path.suffix == ".py" and path.is_file() and not is_installed(path) else None


def version_of(factory: object) -> int:
    """Return the version of a method's code: its attribute `version`, or 1.

    Raises:
        UserError: it is not a whole number.
    """
    version = getattr(factory, "version", 1)
    if not isinstance(version, int):
        name = getattr(factory, "__name__", factory)
        raise UserError(f"{name}: its `version` is {version!r}, accepted is a whole number")
    return int(version)


def register_model(name: str) -> Callable[[Registered], Registered]:
    """Return a class decorator that makes a model known by `name`, in a file for `--plugin`."""
    return _register("models", name)


def register_attack(name: str) -> Callable[[Registered], Registered]:
    """Return a class decorator that makes an attack known by `name`, in a file for `--plugin`."""
    return _register("attacks", name)


def register_defence(name: str) -> Callable[[Registered], Registered]:
    """Return a class decorator that makes a defence known by `name`, in a file for `--plugin`."""
    return _register("defences", name)


def register_dataset(name: str) -> Callable[[Registered], Registered]:
    """Return a class decorator that makes a dataset adapter known by `name`, in a file for `--plugin`."""
    return _register("datasets", name)


def register_recipe(name: str) -> Callable[[Registered], Registered]:
    """Return a class decorator that makes a training recipe known by `name`, in a file for `--plugin`."""
    return _register("recipes", name)


def load_plugin(path: Path) -> None:
    """Run a plugin file, so that its `register_*` decorators take effect.

    Raises:
        UserError: the file is missing, fails to run, registers nothing, or a name that is taken.
    """
    if not path.is_file():
        raise UserError(f"--plugin {path}: no such file")
    for registered in _PLUGINS.values():  # by this file, if it is loaded again
        for name in [name for name, factory in registered.items() if _file_of(factory) == path.resolve()]:
            del registered[name]
    before = {kind: dict(registered) for kind, registered in _PLUGINS.items()}
    # Two files of one name are two modules, or the source of a class would be looked up in the other's.
    name = f"{_MODULE}{path.stem}_{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]}"
    try:
        _run(path, name)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"--plugin {path}: {type(error).__name__}: {error}") from error
    if before == _PLUGINS:
        raise UserError(
            f"--plugin {path}: registers nothing; put @iqabench.register_model('name') above the class"
        )


def plugin_files() -> list[Path]:
    """Return the files that registered what is registered in this process, for another process to load.

    Raises:
        UserError: something was registered without `load_plugin`, such as a class of a notebook.
    """
    files: dict[Path, None] = {}
    for kind, registered in _PLUGINS.items():
        for name, factory in registered.items():
            file = _file_of(factory)
            if file is None or not getattr(factory, "__module__", "").startswith(_MODULE):
                raise UserError(
                    f"{kind[:-1]} {name!r} is registered in this process only: put it into a file for "
                    "--plugin, which other processes load, too"
                )
            files[file] = None
    return [*files]


def _register(kind: Kind, name: str) -> Callable[[Registered], Registered]:
    def decorate(factory: Registered) -> Registered:
        if name in _entry_points(kind):
            raise UserError(f"{kind[:-1]} {name!r} is already registered by an installed package")
        known, file = _file_of(_PLUGINS[kind].get(name)), _file_of(factory)
        if known and known == file:
            raise UserError(f"{file}: registers the {kind[:-1]} {name!r} twice; give one another name")
        if known and file:
            raise UserError(
                f"{known} and {file} both register the {kind[:-1]} {name!r}; give one of them another name"
            )
        _PLUGINS[kind][name] = factory
        source_files(factory)  # notes what is in them now
        return factory

    return decorate


def _file_of(factory: object) -> Path | None:
    """Return the file that defines a plugin; None where there is none, as for a class of a notebook."""
    file = getattr(sys.modules.get(getattr(factory, "__module__", "")), "__file__", None)
    return Path(file).resolve() if file else None


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"iqabench.{group}")}
