"""The facts that one account's plan is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.configuration import Portfolio
from ballast.money import ZERO


@dataclass(frozen=True)
class Candidate:
    """A security that is held or wanted.

    `price` is None, or `is_blocked` true, when it may not be traded on what is known today.
    """

    symbol: str
    currency: str
    lot_size: Decimal
    quantity: Decimal
    price: Decimal | None
    target: Decimal
    allow_buy: bool
    allow_sell: bool
    is_blocked: bool


@dataclass(frozen=True)
class Account:
    """Everything that decides an account's plan.

    Parameters
    ----------
    committed : Decimal
        Cash that open orders will take, in base currency: no balance any more, but part of the account's value.
    owed : Decimal
        Taxes on what was realised this year, in base currency: kept beside the reserve until they are paid.
    """

    account_id: str
    session: date
    base_currency: str
    cash: Mapping[str, Decimal]
    candidates: tuple[Candidate, ...]
    reserve_share: Decimal
    reserve_floor: Decimal
    regime: str | None
    blocked_because: str | None = None
    committed: Decimal = ZERO
    owed: Decimal = ZERO


def accounts_of(
    portfolio: Portfolio,
    positions: pl.DataFrame,
    securities: pl.DataFrame,
    prices: pl.DataFrame,
    targets: pl.DataFrame,
    regime: str | None,
    reserve_share: float,
    blocked: Mapping[str, str],
    session: date,
) -> list[Account]:
    """Assemble the planning facts of every configured account.

    Parameters
    ----------
    positions, securities, prices, targets : pl.DataFrame
        `Positions`, `Securities`, `Prices` and `TargetWeights` of the session.
    regime : str, optional
        The regime that set `reserve_share`; None when it is unknown.
    blocked : mapping of str to str
        Accounts that may not be planned, and why.
    """
    quoted = {row["symbol"]: row for row in prices.iter_rows(named=True)}
    listed = {row["symbol"]: row for row in securities.iter_rows(named=True)}
    accounts, choices = [], portfolio.choices
    for account_id, base_currency in portfolio.base_currencies.items():
        book = positions.filter(pl.col("account_id") == account_id)
        held = dict(book.filter(~pl.col("is_cash")).select("commodity", "quantity").iter_rows())
        cash = dict(book.filter(pl.col("is_cash")).select("commodity", "quantity").iter_rows())
        wanted = dict(
            targets.filter(pl.col("account_id") == account_id)
            .select("symbol", "target_weight")
            .iter_rows()
        )
        candidates = tuple(
            Candidate(
                symbol=symbol,
                currency=listed[symbol]["currency"],
                lot_size=listed[symbol]["lot_size"],
                quantity=held.get(symbol, ZERO),
                price=quoted[symbol]["price"],
                target=Decimal(str(wanted.get(symbol, 0.0))),
                allow_buy=listed[symbol]["allow_buy"],
                allow_sell=listed[symbol]["allow_sell"],
                is_blocked=quoted[symbol]["blocks_planning"],
            )
            # Without targets an account chooses from everything that it may hold.
            for symbol in sorted(
                {*held, *wanted, *(() if any(wanted.values()) else choices[account_id])}
            )
        )
        accounts.append(
            Account(
                account_id=account_id,
                session=session,
                base_currency=base_currency,
                cash=cash,
                candidates=candidates,
                reserve_share=Decimal(str(reserve_share)),
                reserve_floor=portfolio.regime.reserve_floor,
                regime=regime,
                blocked_because=blocked.get(account_id),
            )
        )
    return accounts
