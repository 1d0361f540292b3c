"""JUnit XML, which CI systems read: one test suite, a test case for each thing that was checked."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple
from xml.etree import ElementTree

from ...bench.core.errors import UserError
from ...bench.core.files import write_text

Outcome = Literal["passed", "failed", "skipped"]

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """A test case: its group, its name, and how it ended."""

    group: str
    name: str
    outcome: Outcome
    kind: str
    message: str


def junit(suite: str, cases: Iterable[Case]) -> str:
    """Return a test suite as JUnit XML, with U+FFFD in place of characters that XML does not allow."""
    listed = list(cases)
    counts = {
        "tests": len(listed),
        "failures": sum(case.outcome == "failed" for case in listed),
        "errors": 0,
        "skipped": sum(case.outcome == "skipped" for case in listed),
    }
    totals = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", totals)
    parent = ElementTree.SubElement(root, "testsuite", {"name": _clean(suite), **totals})
    for case in listed:
        _add(parent, case)
    ElementTree.indent(root)
    body: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def write_junit(path: Path, suite: str, cases: Iterable[Case]) -> None:
    """Write a test suite as JUnit XML; a UserError where the file cannot be written."""
    try:
        write_text(path, junit(suite, cases))
    except OSError as error:
        raise UserError(f"--junit {path}: cannot be written: {error.strerror}") from None


def _add(parent: ElementTree.Element, case: Case) -> None:
    names = {"classname": _clean(case.group), "name": _clean(case.name)}
    element = ElementTree.SubElement(parent, "testcase", names)
    message = _clean(case.message)
    if case.outcome == "failed":
        failure = ElementTree.SubElement(element, "failure", {"type": case.kind, "message": message})
        failure.text = message
    elif case.outcome == "skipped":
        ElementTree.SubElement(element, "skipped", {"message": message})


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
