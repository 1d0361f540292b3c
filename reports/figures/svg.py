"""An SVG file as a part of a report: nothing but shapes and pictures, whoever wrote the file."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from xml.etree import ElementTree

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]*")
_CLIP = re.compile(r"url\(#(\w+)\)")
_VALUE = re.compile(r"(?:[\w :;.,#%+-]|(?:translate|scale|rotate|matrix)\([\d ,.e-]*\))*")  # no url(...)

_ELEMENTS = {"svg", "g", "defs", "clipPath", "path", "rect", "use", "image"}
_ATTRIBUTES = {"d", "height", "style", "transform", "width", "x", "y"}
_JOINED = "stroke-linejoin: round; stroke-linecap: butt"  # what matplotlib says of all elements, in a <style>


def shapes(text: str, prefix: str, label: str = "") -> str:
    """An SVG element with the shapes and pictures of a file that matplotlib wrote.

    Scripts, links, styles of the whole page, text and whatever else a file may hold is left out; so are
    identifiers that nothing refers to, and pictures that are not inside the file.

    Args:
        text: The file.
        prefix: To begin all identifiers with, so that several fit on a page.
        label: What the picture shows, for those who do not see it.

    Raises:
        ValueError: the text is no SVG file, or its size is not stated.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"no SVG file: {error}") from error
    if root.tag != f"{_SVG}svg" or not re.fullmatch(r"[\d. ]+", root.get("viewBox", "")):
        raise ValueError("no SVG file with a size")
    referred = dict.fromkeys(value for element in root.iter() for value in _references(element))
    names = {value: f"{prefix}-{index}" for index, value in enumerate(referred)}
    body = "".join(_markup(child, names) for child in root)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{root.get("viewBox")}" role="img" aria-label="{escape(label)}" style="{_JOINED}">'
        f"{body}</svg>\n"
    )


def _markup(element: ElementTree.Element, names: Mapping[str, str]) -> str:
    name = element.tag.removeprefix(_SVG) if isinstance(element.tag, str) else ""
    if name not in _ELEMENTS:
        return ""
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in _attributes(element, names))
    inside = "".join(_markup(child, names) for child in element)
    if name in ("g", "defs") and not inside:
        return ""
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"


def _attributes(element: ElementTree.Element, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, raw in element.items():
        value = "".join(raw.split()) if key == _LINK else " ".join(raw.split())
        if key == _LINK and value.startswith("#"):
            yield "xlink:href", f"#{names[value[1:]]}"
        elif key == _LINK and _PICTURE.fullmatch(value):
            yield "xlink:href", value
        elif key == "id" and value in names:
            yield "id", names[value]
        elif key == "clip-path" and (clip := _CLIP.fullmatch(value)):
            yield "clip-path", f"url(#{names[clip[1]]})"
        elif key in _ATTRIBUTES and _VALUE.fullmatch(value):
            yield key, value


def _references(element: ElementTree.Element) -> Iterator[str]:
    """The identifiers that an element refers to."""
    link, clip = element.get(_LINK, ""), _CLIP.fullmatch(element.get("clip-path", ""))
    if link.startswith("#"):
        yield "".join(link.split())[1:]
    if clip:
        yield clip[1]
