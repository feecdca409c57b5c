"""Statements in the inbox: the sensor imports them by itself, and the UI shows what was refused and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.browser import chromium, window
from tests.end_to_end.server import PROJECT, Ui, running_ui

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EXAMPLE = PROJECT / "examples" / "statements"
SESSION = "2020-08-20"


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The UI on the example, with a file in the inbox whose sums do not hold."""
    folder = tmp_path_factory.mktemp("statements_ui")
    with running_ui(folder, EXAMPLE) as running:
        damaged = (EXAMPLE / "inbox" / "2020.csv").read_bytes().replace(b"32.80", b"38.20")
        Path(folder / "inbox" / "damaged.csv").write_bytes(damaged)
        # Nobody asks for it: the sensor sees the files.
        running.wait_for_success(running.run_of("import_statements", SESSION))
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_what_was_refused_can_be_read_with_the_reason(browser: Browser, statements: Ui) -> None:
    with window(browser, statements, size=(1500, 1000)) as view:
        view.open(f"/assets/statement_import?view=events&partition={SESSION}")
        shown = view.show_markdown("rows")
        for text in ("2018.csv", "imported", "damaged.csv", "refused", "does not hold"):
            expect(shown).to_contain_text(text)
        view.screenshot("statement_import")
        view.open("/assets/statement_import?view=checks&checkDetail=no_statement_is_refused")
        expect(view.page.get_by_text("no_statement_is_refused", exact=True).first).to_be_visible()
        expect(view.page.get_by_text("Failed", exact=True).first).to_be_visible()


def test_the_lots_of_the_account_can_be_read(browser: Browser, statements: Ui) -> None:
    with window(browser, statements, size=(1500, 1000)) as view:
        view.open(f"/assets/tax_lots?view=events&partition={SESSION}")
        shown = view.show_markdown("rows")
        for text in ("AAPL", "2018-01-08".replace("-", "\u2011"), "long"):
            expect(shown).to_contain_text(text)
        view.screenshot("tax_lots")
