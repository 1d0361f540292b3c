"""The board, opened in a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqabench.reports.leaderboard.board import Board
from iqabench.reports.leaderboard.site.site import write_site

from ..boards import varied


@pytest.fixture
def opened(tmp_path: Path, open_page: Callable[..., Any]) -> Callable[..., Any]:
    """Open the site of a board."""

    def at(shown: Board, **options: Any) -> Any:
        return open_page(write_site(shown, tmp_path), **options)

    return at


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site of `varied`; not to be changed."""
    return write_site(varied(), tmp_path_factory.mktemp("site")).parent


@pytest.fixture
def page(site: Path, open_page: Callable[..., Any]) -> Any:
    return open_page(site / "index.html")


def sort_by(page: Any, heading: str) -> None:
    page.locator("#table").get_by_role("button", name=heading, exact=True).click()


def sorted_heading(page: Any) -> tuple[str, str]:
    (heading,) = page.locator("[aria-sort]").all()
    return heading.get_attribute("data-sort"), heading.get_attribute("aria-sort")
