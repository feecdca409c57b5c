"""Short ways to write down what guards judge."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.money import AMOUNT
from ballast.settings import GuardSettings

SETTINGS = GuardSettings()
SESSION = date(2024, 3, 5)
EARLIER = date(2024, 3, 4)


def amount(value: str | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def worth(
    equity: str | Decimal | None, peak: str | Decimal | None, *, is_booked: bool = True
) -> pl.DataFrame:
    row = {
        "account_id": "one", "is_booked": is_booked, "equity": amount(equity),
        "peak": amount(peak), "missing": "A", "since": "2024-01-02",
    }  # fmt: skip
    return pl.DataFrame([row], schema_overrides={"equity": AMOUNT, "peak": AMOUNT})


def returned(daily_return: float | None, *, has_begun: bool = True) -> pl.DataFrame:
    row = {"account_id": "one", "daily_return": daily_return, "has_begun": has_begun}
    return pl.DataFrame([row], schema_overrides={"daily_return": pl.Float64})


def watched(*symbols: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"account_id": ["one"] * len(symbols), "symbol": list(symbols)},
        schema={"account_id": pl.String, "symbol": pl.String},
    )


def moved(price: str | Decimal | None, previous: str | Decimal | None) -> pl.DataFrame:
    row = {
        "symbol": "A", "price": amount(price), "previous": amount(previous),
        "price_session": SESSION,
    }  # fmt: skip
    return pl.DataFrame([row], schema_overrides={"price": AMOUNT, "previous": AMOUNT})


def quoted(bid: str | Decimal | None, ask: str | Decimal | None) -> pl.DataFrame:
    row = {"symbol": "A", "bid": amount(bid), "ask": amount(ask)}
    return pl.DataFrame([row], schema_overrides={"bid": AMOUNT, "ask": AMOUNT})


def valued(*rows: tuple[str | None, bool | None]) -> pl.DataFrame:
    """Positions of one account by their value and whether their price is stale."""
    return pl.DataFrame(
        [
            {"account_id": "one", "value_base": amount(value), "is_price_stale": is_stale}
            for value, is_stale in rows
        ],
        schema={"account_id": pl.String, "value_base": AMOUNT, "is_price_stale": pl.Boolean},
    )


def state(rows: pl.DataFrame, guard: str | None = None) -> str:
    """Return the state of the only row, or of the only row of a guard."""
    own = rows if guard is None else rows.filter(pl.col("guard") == guard)
    return str(own["state"].item())


def row_of(rows: pl.DataFrame, guard: str) -> dict[str, Any]:
    return rows.filter(pl.col("guard") == guard).row(0, named=True)
