"""A headless Chromium that notices what a person would not: failed and outside requests, and errors of the page."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.end_to_end.server import Ui

SCREENSHOTS_VARIABLE = "BALLAST_SCREENSHOTS"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_WINDOW = (1500, 950)
_PATIENCE_MS = 60_000
_MARGIN = 6
_LOCAL = ("data:", "blob:")
# Dagster's invitation to its newsletter, which an installation shows once unless it is turned off.
_INVITATION = "Join the Dagster community"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium; skips the test where there is none."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no Chromium on the PATH")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*_FLAGS])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Window:
    """A page of the UI, with everything that went wrong in it."""

    page: Page
    ui: Ui
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page and wait until nothing more is loaded."""
        self.page.goto(self.ui.url + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the network is quiet and no spinner turns."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator("[class*=pinner]:visible")).to_have_count(0)

    def metadata(self, label: str) -> Locator:
        """Return the row of a metadata entry."""
        name = self.page.locator("td", has_text=re.compile(f"^{re.escape(label)}$"))
        return self.page.locator("tr").filter(has=name).first

    def show_markdown(self, label: str) -> Locator:
        """Return a Markdown entry as a person sees it: in the page, or if it is long, in its dialog."""
        row = self.metadata(label)
        expect(row).to_be_visible()
        link = row.get_by_text("[Show Markdown]")
        if link.count() == 0:
            return row
        link.click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Close")).to_be_visible()
        return dialog

    def screenshot(self, name: str, around: Locator | None = None) -> None:
        """Save a picture of the window, or of what surrounds some elements, in the folder of BALLAST_SCREENSHOTS."""
        folder = os.environ.get(SCREENSHOTS_VARIABLE)
        if not folder:
            return
        self.settle()
        # Nothing lies under the pointer.
        self.page.mouse.move(0, 0)
        self.page.screenshot(
            path=Path(folder) / f"{name}.png",
            animations="disabled",
            clip=None if around is None else _surrounding(around),
        )


def _surrounding(elements: Locator) -> FloatRect:
    boxes = [box for element in elements.all() if (box := element.bounding_box()) is not None]
    left = min(box["x"] for box in boxes) - _MARGIN
    top = min(box["y"] for box in boxes) - _MARGIN
    right = max(box["x"] + box["width"] for box in boxes) + _MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + _MARGIN
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


@contextlib.contextmanager
def window(
    browser: Browser, ui: Ui, *, size: tuple[int, int] = _WINDOW, sharpness: float = 1.0
) -> Iterator[Window]:
    """Open a window of its own; afterwards the test fails if anything went wrong in it."""
    width, height = size
    with browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=sharpness
    ) as context:
        context.set_default_timeout(_PATIENCE_MS)
        page = context.new_page()
        opened = Window(page, ui)
        _watch(opened)
        page.add_locator_handler(
            page.get_by_role("dialog").filter(has_text=_INVITATION),
            lambda invitation: invitation.get_by_role("button", name="Skip").click(),
        )
        yield opened
    assert not opened.faults, "\n".join(opened.faults)


def _watch(opened: Window) -> None:
    """Collect what went wrong; a request that a change of page cut short did not."""

    def on_request(request: Request) -> None:
        if not request.url.startswith((opened.ui.url, *_LOCAL)):
            opened.faults.append(f"asked an outside host: {request.url[:200]}")

    def on_failure(request: Request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):
            opened.faults.append(f"request failed: {request.url[:200]} {request.failure}")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            opened.faults.append(f"answered {response.status}: {response.url[:200]}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            opened.faults.append(f"console: {message.text[:300]}")

    opened.page.on("request", on_request)
    opened.page.on("requestfailed", on_failure)
    opened.page.on("response", on_response)
    opened.page.on("console", on_console)
    opened.page.on("pageerror", lambda error: opened.faults.append(f"page: {error}"))
