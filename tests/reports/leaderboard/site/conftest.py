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


@pytest.fixture
def page(opened: Callable[..., Any]) -> Any:
    return opened(varied())


def sort_by(page: Any, heading: str) -> None:
    page.locator("#table").get_by_role("button", name=heading, exact=True).click()


def sorted_heading(page: Any) -> tuple[str, str]:
    (heading,) = page.locator("[aria-sort]").all()
    return heading.get_attribute("data-sort"), heading.get_attribute("aria-sort")
