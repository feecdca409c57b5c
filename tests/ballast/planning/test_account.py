"""The facts of an account: how they are put together."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from ballast.configuration import parse, securities_table, target_weights_table
from ballast.planning.account import Account, Candidate, accounts_of
from ballast.tables import Positions, Prices, polars_schema
from tests.ballast.planning.accounts import SESSION

_PORTFOLIO = parse(
    """
    base_currency = "EUR"
    [[accounts]]
    id = "one"
    targets = { "W" = 0.3, "HW" = 0.1 }
    [[accounts]]
    id = "two"
    base_currency = "USD"
    [[securities]]
    symbol = "^GSPC"
    name = "Index"
    exchange = "XNYS"
    currency = "USD"
    kind = "index"
    [[securities]]
    symbol = "W"
    name = "Wanted"
    exchange = "XNYS"
    currency = "USD"
    allow_sell = false
    [[securities]]
    symbol = "HW"
    name = "Held and wanted"
    exchange = "XHKG"
    currency = "HKD"
    lot_size = "100"
    [[securities]]
    symbol = "H"
    name = "Held"
    exchange = "XAMS"
    currency = "EUR"
    allow_buy = false
    """,
    where="test",
)


def _accounts(**changes: object) -> list[Account]:
    prices = pl.DataFrame(
        [
            _price("^GSPC", "3000", blocks=False),
            _price("W", "10.5", blocks=False),
            _price("HW", None, blocks=True),
            _price("H", "7", blocks=True),
        ],
        schema=polars_schema(Prices),
    )
    positions = pl.DataFrame(
        [
            _position("one", "HW", "200"),
            _position("one", "H", "3.5"),
            _position("one", "EUR", "-12.34", is_cash=True),
            _position("two", "USD", "99", is_cash=True),
            _position("elsewhere", "H", "1000"),
        ],
        schema=polars_schema(Positions),
    )
    facts: dict[str, object] = {
        "portfolio": _PORTFOLIO,
        "positions": positions,
        "securities": securities_table(_PORTFOLIO),
        "prices": prices,
        "targets": target_weights_table(_PORTFOLIO),
        "regime": "bear",
        "reserve_share": 0.05,
        "blocked": {"two": "unavailable"},
        "session": SESSION,
    }
    return accounts_of(**(facts | changes))  # type: ignore[arg-type]


def test_a_candidate_is_what_is_held_or_wanted_and_nothing_else() -> None:
    one, two = _accounts()
    zero = Decimal(0)
    assert one.candidates == (
        Candidate(
            "H", "EUR", Decimal(1), Decimal("3.5"), Decimal(7), zero, False, True, is_blocked=True
        ),
        Candidate(
            "HW", "HKD", Decimal(100), Decimal(200), None, Decimal("0.1"), True, True,
            is_blocked=True,
        ),
        Candidate(
            "W", "USD", Decimal(1), zero, Decimal("10.5"), Decimal("0.3"), True, False,
            is_blocked=False,
        ),
    )  # fmt: skip
    # Without targets an account chooses from everything that may be bought.
    assert [candidate.symbol for candidate in two.candidates] == ["HW", "W"]


def test_cash_reserve_and_base_currency_are_those_of_the_account() -> None:
    one, two = _accounts()
    assert (dict(one.cash), dict(two.cash)) == (
        {"EUR": Decimal("-12.34")},
        {"USD": Decimal(99)},
    )
    assert (one.base_currency, two.base_currency) == ("EUR", "USD")
    assert (one.reserve_share, one.reserve_floor, one.regime) == (
        Decimal("0.05"),
        Decimal(500),
        "bear",
    )


def test_a_reason_to_block_reaches_its_account_only() -> None:
    one, two = _accounts()
    assert (one.blocked_because, two.blocked_because) == (None, "unavailable")


def test_an_unknown_regime_stays_unknown() -> None:
    assert [facts.regime for facts in _accounts(regime=None)] == [None, None]


def _price(symbol: str, price: str | None, *, blocks: bool) -> dict[str, object]:
    return {
        "symbol": symbol,
        "currency": "EUR",
        "price": None if price is None else Decimal(price),
        "price_session": None if price is None else SESSION,
        "sessions_old": 0,
        "is_stale": blocks,
        "blocks_planning": blocks,
    }


def _position(
    account_id: str, commodity: str, quantity: str, *, is_cash: bool = False
) -> dict[str, object]:
    return {
        "account_id": account_id,
        "commodity": commodity,
        "is_cash": is_cash,
        "quantity": Decimal(quantity),
        "currency": "EUR",
        "is_price_stale": False,
        "base_currency": "EUR",
    }
