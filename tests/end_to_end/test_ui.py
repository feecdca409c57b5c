"""A person's way through the UI, with clicks: launch the daily pipeline, look at the plots, read the report."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.end_to_end.browser import Window, chromium, window
from tests.end_to_end.server import Ui

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

GROUPS = ("market", "books", "control", "insight", "planning", "trading", "reporting")
NEWEST_SESSION = "2020-08-20"
# Long dialogs fit into it.
_TALL = (1300, 1300)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def view(browser: Browser, ui: Ui) -> Iterator[Window]:
    with window(browser, ui) as opened:
        yield opened


@pytest.fixture(scope="module")
def newest_session(browser: Browser, ui: Ui) -> str:
    """The newest session, after its daily pipeline was launched with clicks and succeeded."""
    with window(browser, ui) as view:
        view.open("/locations/ballast/jobs/daily_pipeline")
        view.page.locator("button").filter(has_text="Materialize all").click()
        dialog = view.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Launch runs to materialize 23 assets")
        dialog.get_by_text("Latest", exact=True).click()
        expect(dialog).to_contain_text("1 partition")
        dialog.get_by_role("button").filter(has_text="Launch 1 run").click()
        run = ui.run_of("daily_pipeline", NEWEST_SESSION)
        ui.wait_for_success(run)
        expect(view.page.get_by_text("Latest run:")).to_be_visible()
        view.open(f"/runs/{run}")
        expect(view.page.get_by_text("Success", exact=True).first).to_be_visible()
        expect(view.page.get_by_text(f"partition: {NEWEST_SESSION}").first).to_be_visible()
    return NEWEST_SESSION


def _event(asset: str, session: str) -> str:
    return f"/assets/{asset}?view=events&partition={session}"


def _assert_plot_is_visible(shown: Locator) -> None:
    image = shown.locator("img")
    expect(image).to_be_visible()
    assert (image.get_attribute("src") or "").startswith("data:image/png;base64,")
    width = image.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width > 400
    box = image.bounding_box()
    assert box is not None
    assert box["width"] > 400


def test_the_graph_shows_every_group(view: Window) -> None:
    view.open("/asset-groups")
    for group in GROUPS:
        node = view.page.locator("foreignObject").filter(has_text=re.compile(f"^{group}$"))
        expect(node.first).to_be_visible()


def test_the_whole_graph_can_be_read(browser: Browser, ui: Ui, newest_session: str) -> None:
    with window(browser, ui, size=(2500, 1250)) as view:
        # Top to bottom, and low nodes, so that all of it fits in the window.
        view.page.add_init_script("""
            localStorage.setItem('large-screen-nav-open', 'false');
            localStorage.setItem('dagster-nav-collapsed', 'true');
            localStorage.setItem('asset-graph-direction', '"vertical"');
            localStorage.setItem('asset-node-facets', '["checks", "kind-tag"]');
        """)
        expanded = ",".join(f"global%40global%3A{group}" for group in GROUPS)
        view.open(f"/asset-groups?expanded={expanded}")
        view.page.locator("button:has([aria-label=panel_show_right])").click()
        nodes = view.page.locator("foreignObject")
        for asset in ("securities", "positions_snapshot", "orders", "daily_report"):
            expect(nodes.filter(has_text=asset).first).to_be_visible()
        # A double click beside the graph fits it into the window.
        view.page.mouse.dblclick(2420, 300)
        nodes.first.element_handle().wait_for_element_state("stable")
        view.screenshot("asset_graph", around=nodes)


@pytest.mark.parametrize(
    "asset",
    [
        "positions_snapshot", "portfolio_performance", "realised_gains", "regime_detection",
        "planner_recommendations", "security_scores",
    ],
)  # fmt: skip
def test_plot_and_row_count_of_an_asset(view: Window, newest_session: str, asset: str) -> None:
    view.open(_event(asset, newest_session))
    expect(view.metadata("dagster/row_count").locator("td").nth(1)).to_have_text(
        re.compile(r"^[1-9]\d*$")
    )
    _assert_plot_is_visible(view.show_markdown("plot"))
    view.screenshot(asset)


@pytest.mark.parametrize(
    ("asset", "check"),
    [
        ("positions_snapshot", "every_position_is_valued"),
        ("regime_detection", "regime_is_known"),
        ("security_scores", "scores_rest_on_known_inputs"),
        ("planner_recommendations", "every_account_was_planned"),
    ],
)
def test_overview_and_checks_of_an_asset(
    view: Window, newest_session: str, asset: str, check: str
) -> None:
    view.open(f"/assets/{asset}?view=overview")
    for heading in ("Latest check results", "Row count", "Description", "Columns"):
        expect(view.page.get_by_text(heading, exact=True).first).to_be_visible()
    view.open(f"/assets/{asset}?view=checks&checkDetail={check}")
    expect(view.page.get_by_text("Passed", exact=True)).to_be_visible()
    expect(view.page.get_by_text(check, exact=True).first).to_be_visible()


def test_checks_of_the_reconciliation(view: Window, newest_session: str) -> None:
    view.open("/assets/reconciliation_report?view=checks&checkDetail=some_account_may_be_planned")
    expect(view.page.get_by_text("Checks (4)")).to_be_visible()
    expect(view.page.get_by_text("This is a blocking asset check.")).to_be_visible()
    expect(view.page.get_by_text("Passed", exact=True)).to_be_visible()


def test_the_comparison_with_the_broker_can_be_read(
    browser: Browser, ui: Ui, newest_session: str
) -> None:
    with window(browser, ui, size=_TALL) as view:
        view.open(_event("reconciliation_report", newest_session))
        compared = view.show_markdown("rows")
        expect(compared.get_by_text("Book and broker agree.").first).to_be_visible()
        view.screenshot("reconciliation_report", around=compared)


def test_the_report_can_be_read(browser: Browser, ui: Ui, newest_session: str) -> None:
    with window(browser, ui, size=_TALL) as view:
        view.open(_event("daily_report", newest_session))
        report = view.show_markdown("report")
        for heading in ("What is held and worth", "Does it match the broker", "What to do"):
            expect(report.get_by_role("heading", name=heading)).to_be_visible()
        view.screenshot("daily_report", around=report)


def test_the_crash_shows_a_bear_market(view: Window, crash_session: str) -> None:
    view.open(_event("regime_detection", crash_session))
    expect(view.metadata("regime").locator("td").nth(1)).to_have_text("bear")
    _assert_plot_is_visible(view.show_markdown("plot"))
    view.screenshot("regime_crash")


def test_the_sensor_of_negative_cash_looks(view: Window, newest_session: str) -> None:
    view.open("/locations/ballast/sensors/negative_cash_sensor")
    expect(view.page.get_by_text("emergency_rebalance").first).to_be_visible()
    expect(view.page.get_by_text("0 runs requested").first).to_be_visible()
