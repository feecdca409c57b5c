"""G1: a worse input never loosens a guard. G2: an unknown input never loosens a guard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ballast.guards.activity import (
    account_data_guard,
    order_rate_guard,
    order_rates,
    stale_prices_guard,
)
from ballast.guards.drawdown import DRAWDOWN, MINIMUM_EQUITY, drawdown_guard
from ballast.guards.losses import daily_loss_guard, losing_streaks, loss_streak_guard
from ballast.guards.market import price_gap_guard, spread_guard, stop_loss_guard
from ballast.guards.states import RESTRICTIONS
from ballast.settings import GuardSettings
from ballast.tables import GUARD_STATES, Positions, polars_schema
from tests.ballast.builders import framewise
from tests.ballast.guards.accounts import (
    EARLIER,
    SESSION,
    SETTINGS,
    moved,
    quoted,
    returned,
    state,
    valued,
    watched,
    worth,
)
from tests.ballast.guards.trades import gains, ledger_of

QUOTES_REQUIRED = GuardSettings(quotes_required=True)
STOPS = GuardSettings(stop_loss=Decimal("0.10"))
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)

money = st.decimals("0", "1e9", places=2)
prices = st.decimals("0.01", "1e6", places=4)
shares = st.floats(-0.99, 0.99)


def assert_not_looser(before: str, after: str) -> None:
    """The later state is at least as strict, by its rank and by what it stops."""
    assert GUARD_STATES.index(after) >= GUARD_STATES.index(before)
    assert RESTRICTIONS[after] >= RESTRICTIONS[before]


@framewise
@given(equity=money, peak=money, fall=money, rise=money)
def test_less_equity_or_a_higher_peak_never_loosens(
    equity: Decimal, peak: Decimal, fall: Decimal, rise: Decimal
) -> None:
    for guard in (DRAWDOWN, MINIMUM_EQUITY):
        before = state(drawdown_guard(worth(equity, peak), SETTINGS), guard)
        # A peak of zero is no peak: unknown, the strictest of all.
        if peak > 0:
            after = state(drawdown_guard(worth(equity - fall, peak + rise), SETTINGS), guard)
            assert_not_looser(before, after)
        for unknown in (worth(None, peak), worth(equity, None), worth(None, None)):
            # What is left of an account is known without its peak.
            if guard == DRAWDOWN or unknown["equity"].item() is None:
                assert_not_looser(before, state(drawdown_guard(unknown, SETTINGS), guard))


@framewise
@given(daily_return=shares, further=st.floats(0, 1))
def test_a_greater_loss_or_an_unknown_one_never_loosens(
    daily_return: float, further: float
) -> None:
    def judged(value: float | None) -> str:
        return state(daily_loss_guard(returned(value), SETTINGS, SESSION))

    assert_not_looser(judged(daily_return), judged(daily_return - further))
    assert_not_looser(judged(daily_return), judged(None))
    assert_not_looser(judged(daily_return), judged(float("nan")))


def test_the_ladder_of_a_session_only_ever_adds_to_what_it_stops() -> None:
    ladder = ("ok", "block_sells", "reduce_only", "halt", "unknown")
    for milder, stricter in pairwise(ladder):
        assert RESTRICTIONS[stricter] >= RESTRICTIONS[milder]


@framewise
@given(previous=prices, move=prices, further=prices, up=st.booleans())
def test_a_wider_gap_or_an_unknown_price_never_loosens(
    previous: Decimal, move: Decimal, further: Decimal, up: bool
) -> None:
    def judged(price: Decimal | None, before: Decimal | None) -> str:
        return state(price_gap_guard(watched("A"), moved(price, before), SETTINGS))

    sign = 1 if up else -1
    known = judged(previous + sign * move, previous)
    assert_not_looser(known, judged(previous + sign * (move + further), previous))
    for price, before in ((None, previous), (previous + sign * move, None), (None, None)):
        assert_not_looser(known, judged(price, before))


@framewise
@given(bid=prices, spread=st.decimals("0", "1000", places=4), further=prices)
def test_a_wider_spread_or_a_missing_quote_never_loosens(
    bid: Decimal, spread: Decimal, further: Decimal
) -> None:
    def judged(one: Decimal | None, other: Decimal | None, settings: GuardSettings) -> str:
        return state(spread_guard(watched("A"), quoted(one, other), settings, SESSION))

    for settings in (SETTINGS, QUOTES_REQUIRED):
        known = judged(bid, bid + spread, settings)
        assert_not_looser(known, judged(bid, bid + spread + further, settings))
        assert_not_looser(known, judged(None, bid + spread, settings))
        assert_not_looser(known, judged(bid, None, settings))
    # Without quotes nothing is measured; only who requires them is stopped by their absence.
    assert_not_looser(
        judged(bid, bid + spread, QUOTES_REQUIRED), judged(None, None, QUOTES_REQUIRED)
    )


@framewise
@given(
    values=st.lists(st.tuples(money, st.booleans()), min_size=1, max_size=5),
    at=st.integers(0, 4),
)
def test_one_more_stale_or_unknown_value_never_loosens(
    values: list[tuple[Decimal, bool]], at: int
) -> None:
    rows: list[tuple[str | None, bool | None]] = [(str(value), stale) for value, stale in values]
    place = at % len(rows)

    def judged(changed: tuple[str | None, bool | None] | None = None) -> str:
        varied = [*rows[:place], changed or rows[place], *rows[place + 1 :]]
        return state(stale_prices_guard(valued(*varied), ["one"], SETTINGS, SESSION))

    value, is_stale = rows[place]
    assert_not_looser(judged(), judged((value, True)))
    assert_not_looser(judged(), judged((value, None)))
    assert_not_looser(judged(), judged((None, is_stale)))


@framewise
@given(
    seconds=st.lists(st.integers(0, 600), max_size=12),
    more=st.integers(0, 600),
    at=st.integers(0, 11),
)
def test_more_orders_or_an_unknown_moment_never_loosen(
    seconds: list[int], more: int, at: int
) -> None:
    moments: list[datetime | None] = [NOON + timedelta(seconds=s) for s in seconds]
    settings = GuardSettings(orders_per_day=8, decisions_per_minute=3)

    def judged(sent: list[datetime | None]) -> list[str]:
        frame = pl.DataFrame(
            [
                {"account_id": "one", "decision": f"d{n}", "sent_at": m}
                for n, m in enumerate(sent)
            ],
            schema={
                "account_id": pl.String, "decision": pl.String,
                "sent_at": pl.Datetime("us", "UTC"),
            },
        )  # fmt: skip
        rows = order_rate_guard(order_rates(frame, ["one"]), settings, SESSION)
        return [str(found) for found in rows["state"]]

    known = judged(moments)
    worse = [[*moments, NOON + timedelta(seconds=more)]]
    if moments:
        place = at % len(moments)
        worse.append([*moments[:place], None, *moments[place + 1 :]])
    for sent in worse:
        for before, after in zip(known, judged(sent), strict=True):
            assert_not_looser(before, after)


@framewise
@given(
    results=st.lists(st.integers(-50, 50), max_size=6),
    at=st.integers(0, 5),
    fall=st.integers(0, 60),
)
def test_a_sale_that_brought_less_or_an_unknown_gain_never_loosens(
    results: list[int], at: int, fall: int
) -> None:
    def judged(found: list[int | None]) -> str:
        streaks = losing_streaks(gains(*found), ledger_of(found), ["one"])
        return state(loss_streak_guard(streaks, SETTINGS, SESSION))

    known: list[int | None] = [*results]
    if known:
        place = at % len(known)
        worse = [results[place] - fall, None]
        for changed in worse:
            varied = [*known[:place], changed, *known[place + 1 :]]
            assert_not_looser(judged(known), judged(varied))


@framewise
@given(age=st.integers(0, 20), older=st.integers(0, 20))
def test_an_older_answer_one_of_another_session_or_none_never_loosens(age: int, older: int) -> None:
    def judged(**changes: object) -> str:
        row = {
            "account_id": "one", "is_available": True, "asked_as_of": SESSION,
            "asked_at": NOON - timedelta(minutes=age),
        } | changes  # fmt: skip
        schema = {
            "account_id": pl.String, "is_available": pl.Boolean, "asked_as_of": pl.Date,
            "asked_at": pl.Datetime("us", "UTC"),
        }  # fmt: skip
        answers = pl.DataFrame([row], schema=schema)
        return state(account_data_guard(answers, ["one"], SETTINGS, SESSION, NOON))

    known = judged()
    assert_not_looser(known, judged(asked_at=NOON - timedelta(minutes=age + older)))
    changes: list[dict[str, object]] = [
        {"asked_as_of": EARLIER}, {"asked_as_of": None}, {"asked_at": None},
        {"is_available": False}, {"is_available": None},
    ]  # fmt: skip
    for change in changes:
        assert_not_looser(known, judged(**change))


@framewise
@given(cost=prices, price=prices, further=prices, is_short=st.booleans())
def test_a_greater_loss_of_a_position_or_an_unknown_one_never_loosens(
    cost: Decimal, price: Decimal, further: Decimal, is_short: bool
) -> None:
    def judged(now: Decimal | None, paid: Decimal | None) -> str:
        row = {
            "account_id": "one", "commodity": "A", "is_cash": False, "currency": "EUR",
            "quantity": Decimal(-1 if is_short else 1), "average_cost": paid, "price": now,
            "is_price_stale": False, "base_currency": "EUR",
        }  # fmt: skip
        positions = pl.DataFrame([row], schema=polars_schema(Positions))
        return state(stop_loss_guard(positions, STOPS))

    worse = price + further if is_short else price - min(further, price)
    assert_not_looser(judged(price, cost), judged(worse, cost))
    for now, paid in ((None, cost), (price, None)):
        assert_not_looser(judged(price, cost), judged(now, paid))


def test_unknown_stops_whatever_a_known_state_stops() -> None:
    everything: Callable[[frozenset[str]], bool] = RESTRICTIONS["unknown"].issuperset
    assert all(everything(stopped) for stopped in RESTRICTIONS.values())
