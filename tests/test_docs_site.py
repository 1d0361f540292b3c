"""The documentation builds as a site without a warning, holds every page, and loads nothing from outside."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import iqabench
import iqabench.testing
from iqabench.bench.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
LOADING = {"script": "src", "img": "src", "iframe": "src", "link": "href"}


class Requests(HTMLParser):
    """Collects the addresses that a page loads when it is opened."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        address = dict(attrs).get(LOADING.get(tag, ""))
        if address:
            self.found.append(address)


@pytest.fixture(scope="session")
def site(made_once):
    """The site, built strictly."""
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra `docs` is not installed")
    return made_once("site", build)


def build(folder):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert built.stderr.strip() == ""


def test_every_page_is_in_the_menu():
    menu = re.findall(r"[\w-]+\.md", (ROOT / "mkdocs.yml").read_text())
    assert sorted(menu) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


def test_a_page_loads_files_of_its_own_folder_only(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 15
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text())
        assert requests.found
        for address in requests.found:
            assert not re.match(r"(\w+:)?//", address), f"{page.name} loads {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text()), style


def test_every_command_and_its_options_are_described(site):
    page = (site / "commands.html").read_text()
    for name, command in main.commands.items():
        assert f"iqabench {name}" in page
        for parameter in command.params:
            for option in () if getattr(parameter, "hidden", False) else parameter.opts:
                assert not option.startswith("--") or f"{option}<" in page or f"{option} " in page, option


def test_public_names_are_described(site):
    page = (site / "python.html").read_text()
    described = set(re.findall(r'<h3 id="[\w.]*\.(\w+)"', page))
    left_out = {"UserError", "__version__"}
    assert set(iqabench.__all__) - left_out <= described
    assert set(iqabench.testing.__all__) <= described


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_browser_finds_nothing_in_the_way_of_any_reader(site, open_page, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for name in ("index.html", "leaderboard.html"):
        page = open_page(site / name, viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.wait_for_function("!document.querySelector('th:empty')")
        found = axe.Axe().run(page, options={"preload": False}).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
