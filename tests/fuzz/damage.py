"""What can be wrong with a file: bytes, type, size, structure; drawn by hypothesis."""

import io
import json
import os
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w
from hypothesis import strategies as st

Damage = Callable[[Path], None]

STRANGE_TEXTS = (
    "", "..", "../../x", "/etc/passwd", "a\x1b[31mb", "\x00", "\u202e", "ä" * 3, "x" * 300, "~", "nan",
)  # fmt: skip
STRANGE_NUMBERS = (
    -1, 0, 1, 2**31, 2**63, 2**64, 10**30, 10**400, 1e30, 1e308, -1e-320, float("nan"), float("inf"),
)  # fmt: skip
STRANGE_VALUES: tuple[Any, ...] = (
    None, True, [], {}, [[]], [1], {"a": 1}, ["a", 2], "1", *STRANGE_TEXTS, *STRANGE_NUMBERS,
)  # fmt: skip
STRANGE_ARRAYS = (
    np.zeros(0), np.array(5), np.array("x\x1b"), np.full((2, 3), np.nan), np.array([10**9]), np.array(["a"]),
)  # fmt: skip
DEEP = 3_000
INSERTED = (
    *(b"[" * DEEP, b'{"a":' * DEEP, b"9" * 5000, b"\x00" * 99),
    *(b"\xef\xbb\xbf", b"\x1b[31m", b"\n\n", b"\xff\xfe", b",", b'"', b"-1", b"="),
)
ROWS = 1_000_000


def damages(path: Path) -> st.SearchStrategy[Damage]:
    """Damage that a file of this kind may suffer."""
    strategies: list[st.SearchStrategy[Damage]] = [_BYTES, _BYTES, _TYPES]
    kinds = {".json": _JSON, ".toml": _TOML, ".csv": _CSV, ".parquet": _PARQUET, ".npz": _ARRAYS}
    kinds |= dict.fromkeys((".safetensors", ".training"), _TENSORS)
    if path.suffix in kinds:
        strategies += [kinds[path.suffix]] * 2
    return st.one_of(strategies)


def _named(what: str, change: Damage) -> Damage:
    change.__qualname__ = what  # which is what hypothesis prints of a failing example
    return change


def _on_bytes(what: str, change: Callable[[bytes], bytes]) -> Damage:
    return _named(what, lambda path: _overwrite(path, change(path.read_bytes())))


def _overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@st.composite
def _bytes(draw: st.DrawFn) -> Damage:
    kind = draw(st.sampled_from(["flip", "cut", "remove", "insert", "repeat", "noise"]))
    at = draw(st.floats(0, 1))
    many = draw(st.integers(1, 64))
    value = draw(st.integers(1, 255))
    inserted = draw(st.sampled_from(INSERTED))

    def change(content: bytes) -> bytes:
        place = int(at * len(content))
        if kind == "flip":
            flipped = bytearray(content)
            for step in range(many if content else 0):
                flipped[(place + 97 * step * step) % len(content)] ^= value
            return bytes(flipped)
        if kind == "cut":
            return content[:place]
        if kind == "remove":
            return content[:place] + content[place + many :]
        if kind == "insert":
            return content[:place] + inserted + content[place:]
        if kind == "repeat":
            return content[:place] + content[max(0, place - 16 * many) :]
        return np.random.default_rng(value).bytes(place)

    return _on_bytes(f"{kind} at {at:.3f}, {many} x {value}, {inserted[:8]!r}", change)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dead_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _another(path: Path) -> None:
    for other in sorted(path.parent.iterdir()):
        if other.is_file() and other != path:
            shutil.copy(other, path)
            return


_BYTES = _bytes()
_TYPES: st.SearchStrategy[Damage] = st.sampled_from(
    [_folder, _dead_link, _device, _pipe, _another, Path.unlink]
)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a tree of dictionaries and lists."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _deep(value: Any) -> Any:
    for _ in range(200):
        value = [value]
    return value


@st.composite
def _of_tree(draw: st.DrawFn) -> tuple[str, Callable[[Any], Any]]:
    """Replace, drop or rename one value in a tree."""
    at = draw(st.floats(0, 1, exclude_max=True))
    value = draw(st.sampled_from([*STRANGE_VALUES, _deep(1)]))
    kind = draw(st.sampled_from(["replace", "replace", "replace", "drop", "rename", "whole"]))

    def change(tree: Any) -> Any:
        places = list(_places(tree))
        if kind == "whole" or not places:
            return value
        *above, key = places[int(at * len(places))]
        parent = tree
        for step in above:
            parent = parent[step]
        if kind == "replace":
            parent[key] = value
        elif kind == "drop":
            del parent[key]
        elif isinstance(parent, dict):
            parent[str(value)[:300]] = parent.pop(key)
        return tree

    return f"{kind} at {at:.3f}: {str(value)[:20]}", change


def _as_text(of_tree: tuple[str, Callable[[Any], Any]], load: Any, dump: Any) -> Damage:
    what, change = of_tree

    def damage(path: Path) -> None:
        try:
            text = dump(change(load(path.read_text(encoding="utf-8"))))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return  # cannot be written in this language
        path.write_bytes(text.encode("utf-8", "surrogatepass"))

    return _named(what, damage)


_JSON = _of_tree().map(lambda change: _as_text(change, json.loads, json.dumps))
_TOML = _of_tree().map(lambda change: _as_text(change, tomllib.loads, tomli_w.dumps))


@st.composite
def _csv(draw: st.DrawFn) -> Damage:
    row, column = draw(st.floats(0, 1, exclude_max=True)), draw(st.floats(0, 1, exclude_max=True))
    value = draw(st.sampled_from([*map(str, STRANGE_NUMBERS), *STRANGE_TEXTS, '"', "1,5", "1e5", "a\nb"]))

    def damage(path: Path) -> None:
        rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
        line = rows[int(row * len(rows))]
        line[int(column * len(line))] = value
        path.write_text("\n".join(map(",".join, rows)), encoding="utf-8", errors="surrogatepass")

    return _named(f"{value[:20]!r} at {row:.3f}, {column:.3f}", damage)


_CSV = _csv()


@st.composite
def _parquet(draw: st.DrawFn) -> Damage:
    kind = draw(st.sampled_from(["metadata", "metadata", "metadata", "rows", "column", "value"]))
    what, change = draw(_of_tree())
    at = draw(st.floats(0, 1, exclude_max=True))
    value = draw(st.sampled_from([None, "x\x1b[31m", 1e308, -1e308, float("nan"), float("inf"), 2**62, True]))

    def damage(path: Path) -> None:
        table = pq.read_table(path)
        metadata = dict(table.schema.metadata or {})
        metadata.pop(b"iqabench.checksum", None)  # which is no JSON, and would fit no longer
        name = table.column_names[int(at * table.num_columns)]
        try:
            if kind == "metadata":
                for key in list(metadata):
                    changed = json.dumps(change(json.loads(metadata[key]))).encode("utf-8", "surrogatepass")
                    metadata[key] = changed
            elif kind == "rows":
                table = table.take(pa.array(np.zeros(ROWS, np.int64)))
            elif kind == "column":
                table = table.set_column(table.column_names.index(name), name, pa.array([value] * len(table)))
            else:
                values = [value, *table[name].to_pylist()[1:]]
                table = table.set_column(table.column_names.index(name), name, pa.array(values))
        except (ValueError, TypeError, OverflowError, RecursionError, pa.ArrowException):
            return
        pq.write_table(table.replace_schema_metadata(metadata), path)

    return _named(f"{kind} {what}, {value!r}", damage)


_PARQUET = _parquet()


@st.composite
def _arrays(draw: st.DrawFn) -> Damage:
    what, change = draw(_of_tree())
    at = draw(st.floats(0, 1, exclude_max=True))
    array = draw(st.sampled_from([*STRANGE_ARRAYS, None]))

    def damage(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        name = [*arrays][int(at * len(arrays))]
        if array is not None:
            arrays[name] = array
        elif arrays[name].dtype.kind == "U":
            try:
                arrays[name] = np.array(json.dumps(change(json.loads(str(arrays[name])))))
            except (ValueError, TypeError, RecursionError):
                return
        else:
            content = io.BytesIO()
            np.save(content, np.array([{"a": 1}], dtype=object), allow_pickle=True)
            with zipfile.ZipFile(path, "a") as opened:
                opened.writestr("more.npy", content.getvalue())
            return
        with path.open("wb") as opened_file:
            np.savez(opened_file, **arrays)

    return _named(f"array at {at:.3f}: {array!r}, {what}", damage)


_ARRAYS = _arrays()


@st.composite
def _tensors(draw: st.DrawFn) -> Damage:
    what, change = draw(_of_tree())

    def damage(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        try:
            header = json.dumps(change(json.loads(content[8 : 8 + length]))).encode("utf-8", "surrogatepass")
        except (ValueError, TypeError, RecursionError):
            return content
        return len(header).to_bytes(8, "little") + header + content[8 + length :]

    return _on_bytes(f"header: {what}", damage)


_TENSORS = _tensors()
