"""Pages of ten and of a thousand classes, and the browser that shows them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from components.report import page
from components.report.facts import Facts
from tests import browser
from tests.components.report import by_hand


@pytest.fixture(scope="session")
def ten() -> Facts:
    """Ten classes, 500 pictures, one name that would break a page."""
    return by_hand.facts(10, 50, names={3: by_hand.HOSTILE}, pictures=60)


@pytest.fixture(scope="session")
def thousand() -> Facts:
    """As ImageNet's eval split: a thousand classes, 50,000 pictures; and as many thumbnails as a page has."""
    return by_hand.facts(1000, 50, pictures=60)


@pytest.fixture(scope="session")
def page_of_ten(ten, tmp_path_factory) -> Path:
    return _written(tmp_path_factory.mktemp("ten"), ten)


@pytest.fixture(scope="session")
def page_of_thousand(thousand, tmp_path_factory) -> Path:
    return _written(tmp_path_factory.mktemp("thousand"), thousand)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.launched() as launched:
        yield launched


def _written(folder: Path, facts: Facts) -> Path:
    file = folder / "report.html"
    file.write_text(page.render(facts), encoding="utf-8")
    return file
