"""The facts that one account's plan is computed from."""

from __future__ import annotations

import hashlib
import json
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
    """Everything that decides an account's plan."""

    account_id: str
    session: date
    base_currency: str
    cash: Mapping[str, Decimal]
    candidates: tuple[Candidate, ...]
    reserve_share: Decimal
    reserve_floor: Decimal
    regime: str | None
    blocked_because: str | None = None

    def inputs_hash(self, rates: Mapping[tuple[str, str], Decimal], configuration: str) -> str:
        """Hash every input, so that a plan can be recognised and replayed.

        The order of inputs and the way in which a number is written do not matter.
        """
        facts = {
            "account": self.account_id,
            "session": self.session.isoformat(),
            "base": self.base_currency,
            "cash": {currency: _canonical(amount) for currency, amount in self.cash.items()},
            "candidates": sorted(_facts(candidate) for candidate in self.candidates),
            "reserve": [
                _canonical(self.reserve_share),
                _canonical(self.reserve_floor),
                self.regime,
            ],
            "blocked": self.blocked_because,
            "rates": {
                f"{source}/{target}": _canonical(rate) for (source, target), rate in rates.items()
            },
            "configuration": configuration,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _facts(candidate: Candidate) -> list[tuple[str, str]]:
    return [(name, _canonical(value)) for name, value in vars(candidate).items()]


def _canonical(value: object) -> str:
    """Write equal values alike: 1 and 1.00 are one input."""
    if not isinstance(value, Decimal):
        return repr(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


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
    accounts = []
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
            for symbol in sorted(set(held) | set(wanted))
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
