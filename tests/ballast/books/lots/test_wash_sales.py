"""Wash sales: cases computed by hand, and that a loss which is deferred is never lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given

from ballast.books.broker_events import BrokerEvent
from ballast.books.lots.book import gains_by_year, match_postings, realised_gains
from ballast.books.lots.events import lot_events
from ballast.books.lots.wash_sales import Deferred, defer_losses
from ballast.books.postings import postings_of
from tests.ballast.books.lots.histories import (
    EXCHANGES,
    METHODS,
    conversion,
    fill,
    histories,
    split,
    transfer,
)
from tests.ballast.builders import D, day, framewise


def deferred(*events: BrokerEvent, method: str = "fifo") -> Deferred:
    postings = postings_of(events, source="test")
    matched = match_postings(postings, EXCHANGES, {"a": method, "b": method})  # type: ignore[dict-item]
    found = defer_losses(matched, lot_events(postings, EXCHANGES))
    plain = realised_gains(matched.matches)
    assert found.gains["quantity"].sum() == plain["quantity"].sum()
    assert found.gains["proceeds"].sum() == plain["proceeds"].sum()
    assert found.lots["quantity"].sum() == matched.lots["quantity"].sum()
    return found


def gains(found: Deferred) -> list[tuple[Any, ...]]:
    return list(found.gains.select("quantity", "gain", "disallowed_loss").iter_rows())


def lots(found: Deferred) -> list[tuple[Any, ...]]:
    frame = found.lots.sort("acquired_on")
    return list(frame.select("quantity", "amount", "acquired_on").iter_rows())


LOSS = [fill(0, 10, 100), fill(100, -10, 80)]


def test_a_loss_without_a_replacement_counts() -> None:
    assert gains(deferred(*LOSS)) == [(10, -200, 0)]


def test_a_loss_moves_into_the_basis_of_what_replaces_the_units() -> None:
    found = deferred(*LOSS, fill(110, 10, 70))
    assert gains(found) == [(10, -200, 200)]
    # 700 paid and 200 of loss; held for 100 days more than since its purchase.
    assert lots(found) == [(10, 900, day(10))]


def test_the_loss_is_made_up_for_when_the_replacement_is_sold() -> None:
    found = deferred(*LOSS, fill(110, 10, 70), fill(200, -10, 95))
    assert gains(found) == [(10, -200, 200), (10, 50, 0)]
    assert found.lots.is_empty()


def test_the_holding_period_goes_on_with_the_replacement() -> None:
    found = deferred(*LOSS, fill(110, 10, 70), fill(377, -10, 95))
    # 100 days of the units sold and 267 of their replacement are more than a year.
    assert found.gains["term"].to_list() == ["short", "long"]
    assert deferred(*LOSS, fill(110, 10, 70), fill(375, -10, 95)).gains["term"][1] == "short"


@pytest.mark.parametrize(("number", "counts"), [(69, 0), (70, 200), (130, 200), (131, 0)])
def test_the_window_is_thirty_days_to_either_side(number: int, counts: int) -> None:
    assert gains(deferred(*LOSS, fill(number, 10, 90)))[0][2] == counts


def test_a_purchase_on_the_day_of_the_sale_replaces() -> None:
    found = deferred(*LOSS, fill(100, 10, 70, fill_id="again"))
    assert gains(found)[0][2] == 200


def test_a_part_of_the_units_defers_a_part_of_the_loss() -> None:
    found = deferred(*LOSS, fill(110, 4, 70))
    assert gains(found) == [(10, -200, 80)]
    assert lots(found) == [(4, 360, day(10))]


def test_a_larger_purchase_is_a_replacement_for_a_part_of_its_units() -> None:
    found = deferred(*LOSS, fill(110, 25, 70))
    assert lots(found) == [(10, 900, day(10)), (15, 1050, day(110))]
    assert found.lots["lot_id"].n_unique() == 2


def test_units_that_replaced_others_leave_their_lot_first() -> None:
    found = deferred(*LOSS, fill(110, 25, 70), fill(200, -12, 95))
    # 10 x 95 less 700 and 200 of loss; 2 x 95 less 140.
    assert gains(found)[1:] == [(10, 50, 0), (2, 50, 0)]
    assert found.gains["match_id"].n_unique() == 3
    assert lots(found) == [(13, 910, day(110))]


def test_a_gain_is_not_deferred() -> None:
    events = [fill(0, 10, 100), fill(100, -10, 120), fill(110, 10, 70)]
    assert gains(deferred(*events)) == [(10, 200, 0)]


def test_two_accounts_count_together() -> None:
    found = deferred(*LOSS, fill(110, 10, 70, account_id="b"))
    assert gains(found) == [(10, -200, 200)]
    assert lots(found) == [(10, 900, day(10))]


def test_another_security_or_currency_replaces_nothing() -> None:
    for other in ({"symbol": "BBB"}, {"currency": "EUR"}):
        assert gains(deferred(*LOSS, fill(110, 10, 70, **other)))[0][2] == 0


def test_a_transfer_is_no_purchase() -> None:
    assert gains(deferred(*LOSS, transfer(110, 10, "700")))[0][2] == 0


def test_the_rest_of_the_same_lot_replaces_nothing() -> None:
    assert gains(deferred(fill(90, 20, 100), fill(100, -10, 80))) == [(10, -200, 0)]


def test_what_was_bought_before_and_sold_along_replaces_nothing() -> None:
    events = [fill(0, 10, 100), fill(90, 10, 90), fill(100, -20, 80)]
    assert gains(deferred(*events)) == [(10, -200, 0), (10, -100, 0)]


def test_what_was_bought_before_replaces_as_far_as_it_is_still_held() -> None:
    events = [fill(0, 10, 100), fill(90, 10, 90), fill(100, -14, 80)]
    # Six units of the second lot remain for the ten of the first, and none for its own four.
    assert gains(deferred(*events)) == [(10, -200, 120), (4, -40, 0)]


def test_units_replace_only_once() -> None:
    other = [fill(0, 10, 100, account_id="b"), fill(101, -10, 60, account_id="b")]
    found = deferred(*LOSS, *other, fill(110, 12, 70))
    # The first sale comes first; two units are left for the second.
    assert gains(found) == [(10, -200, 200), (10, -400, 80)]
    assert sum(amount for _, amount, _ in lots(found)) == 840 + 280


def test_a_chain_of_wash_sales_carries_the_loss_to_its_end() -> None:
    found = deferred(*LOSS, fill(110, 10, 70), fill(120, -10, 60), fill(130, 10, 50))
    # The second loss is 100 and the 200 from before.
    assert gains(found) == [(10, -200, 200), (10, -300, 300)]
    # 500 paid and 300; held 100 days, then 110 less 100, and so on: from day 130 - 110 days.
    assert lots(found) == [(10, 800, day(20))]
    last = deferred(
        *LOSS, fill(110, 10, 70), fill(120, -10, 60), fill(130, 10, 50), fill(300, -10, 90)
    )
    assert gains(last)[2] == (10, 100, 0)


def test_a_purchase_that_is_not_known_yet_defers_nothing() -> None:
    known = [*LOSS]
    assert gains(deferred(*known))[0][2] == 0
    assert gains(deferred(*known, fill(110, 10, 70)))[0][2] == 200


def test_the_part_of_a_purchase_that_covers_a_short_sale_replaces_nothing() -> None:
    short = fill(50, -6, 100, account_id="b")
    found = deferred(*LOSS, short, fill(110, 10, 70, account_id="b"))
    assert gains(found)[0][2] == 80


def test_the_loss_of_a_short_sale_is_left_alone() -> None:
    events = [fill(0, -10, 100), fill(10, 10, 120), fill(15, 10, 110)]
    assert gains(deferred(*events)) == [(10, -200, 0)]


def test_a_split_multiplies_the_units_that_replaced_others() -> None:
    found = deferred(*LOSS, fill(110, 10, 70), split(150, 10), fill(200, -5, 50))
    # Half of 20 units at 45 each.
    assert gains(found)[1] == (5, 25, 0)
    assert lots(found) == [(15, 675, day(10))]


def test_a_deferred_loss_that_leaves_with_its_units_is_told() -> None:
    bought = [*LOSS, fill(110, 10, 70)]
    assert deferred(*bought).gone == 0
    assert deferred(*bought, transfer(150, -5, None)).gone == 100
    assert deferred(*bought, conversion(150, "merger", -10, 5)).gone == 200


def test_a_deferred_loss_that_goes_into_an_unknown_gain_is_told() -> None:
    found = deferred(*LOSS, fill(110, 10, 70), fill(150, -5, 80, currency="EUR"))
    assert found.gains["gain"].to_list() == [-200, None]
    assert found.gone == 100


def test_the_year_counts_without_what_is_deferred() -> None:
    [year] = gains_by_year(deferred(*LOSS, fill(110, 4, 70)).gains).iter_rows(named=True)
    assert (year["gain"], year["disallowed_loss"], year["taxable_gain"]) == (-200, 80, -120)


@pytest.mark.parametrize("method", METHODS)
@framewise
@given(histories())
def test_no_loss_is_lost(method: str, events: list[BrokerEvent]) -> None:
    postings = postings_of(events, source="test")
    methods = {"a": method, "b": method}
    matched = match_postings(postings, EXCHANGES, methods)  # type: ignore[arg-type]
    found = defer_losses(matched, lot_events(postings, EXCHANGES))
    plain = Decimal(realised_gains(matched.matches)["gain"].sum())
    taxable = found.gains.select(pl.col("gain").sum() + pl.col("disallowed_loss").sum()).item()
    added = Decimal(found.lots["amount"].sum()) - Decimal(matched.lots["amount"].sum())
    assert taxable - added - found.gone == plain
    assert (found.gains["disallowed_loss"] >= 0).all()
    known = found.gains.filter(pl.col("disallowed_loss") > 0)
    assert (known["disallowed_loss"] <= -known["gain"]).all()
    assert found.lots["lot_id"].is_unique().all()
    assert found.lots["quantity"].sum() == matched.lots["quantity"].sum()


@framewise
@given(histories(("buy", "sell", "sell", "close"), fees=False))
def test_no_more_is_replaced_than_was_bought(events: list[BrokerEvent]) -> None:
    found = deferred(*events)
    units = sum(
        row["quantity"] * row["disallowed_loss"] / -row["gain"]
        for row in found.gains.filter(pl.col("disallowed_loss") > 0).iter_rows(named=True)
    )
    bought = sum(event.quantity for event in events if event.quantity > 0)  # type: ignore[union-attr]
    assert units <= bought + D("0.0001")
