"""A headless Chromium for the tests of pages: offline, and whatever a page asks for or complains of is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
HOW_TO_GET_ONE = "no Chromium here: `make chromium` installs Debian's (as root), or name one with CHROMIUM=/path"


def path() -> str | None:
    """$CHROMIUM, or the first that is on the path."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


def require() -> str:
    """The path; without one the test is skipped, but fails where CI=true: there it must not pass unseen."""
    found = path()
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(HOW_TO_GET_ONE)
    if found is None:
        pytest.skip(HOW_TO_GET_ONE)
    return found


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """The browser, for several pages."""
    executable = require()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*_FLAGS, *sandbox])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """A page that was opened, what it asked the network for, and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)  # All but the page itself and data URIs.
    complaints: list[str] = field(default_factory=list)  # Errors and warnings in the console, and uncaught ones.


@contextlib.contextmanager
def opened(
    browser: Browser, file: Path, *, width: int = 1360, height: int = 900, dark: bool = False, scripts: bool = True
) -> Iterator[Seen]:
    """The file in a fresh, offline context; a dashboard is ready when its charts are drawn."""
    context = browser.new_context(
        offline=True,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
    )
    with contextlib.closing(context):
        page = context.new_page()
        seen = Seen(page)
        address = file.absolute().as_uri()
        page.on("request", lambda request: _request(seen, request.url, address))
        page.on("console", lambda message: _console(seen, message.type, message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.goto(address)
        if scripts:
            page.wait_for_selector("html[data-charts=drawn]", state="attached", timeout=60_000)
        yield seen


def _request(seen: Seen, url: str, address: str) -> None:
    if url.partition("#")[0] != address and not url.startswith("data:"):
        seen.requests.append(url)


def _console(seen: Seen, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        seen.complaints.append(f"{kind}: {text}")
