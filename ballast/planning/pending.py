"""What is spoken for: cash that open orders will take, and taxes that are owed on what was realised this year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.money import ZERO, multiply
from ballast.planning.account import Account
from ballast.trading.costs import Costs

Row = Mapping[str, Any]


def with_open_orders(
    account: Account,
    orders: pl.DataFrame,
    currencies: Mapping[str, str],
    costs: Costs,
    slippage: Decimal,
) -> Account:
    """Return the account with the cash of its open orders committed: at the worst price, with the fee.

    Parameters
    ----------
    orders : pl.DataFrame
        Open `Orders` of the account. A sale brings no cash before it is filled.
    currencies : mapping of str to str
        Currency of the quotation per security.

    Returns
    -------
    Account
        Blocked where nobody knows what an order will take.
    """
    prices = {candidate.symbol: candidate.price for candidate in account.candidates}
    cash, committed = dict(account.cash), account.committed
    for order in orders.filter(pl.col("side") != "sell").iter_rows(named=True):
        taken = _taken(order, prices, currencies, costs, slippage)
        if taken is None:
            reason = f"what the open order {order['client_order_id']} will take is unknown"
            return replace(account, blocked_because=account.blocked_because or reason)
        currency, amount = taken
        cash[currency] = cash.get(currency, ZERO) - amount
        committed += costs.rates.convert(amount, currency, account.base_currency)
    return replace(account, cash=cash, committed=committed)


def taxes_owed(gains: pl.DataFrame, account: Account, rate: Decimal, costs: Costs) -> Decimal:
    """Return the tax on what an account has realised in the year of the session, in its base currency.

    Parameters
    ----------
    gains : pl.DataFrame
        `RealisedGains` up to the session; losses of the year reduce its gains, an unknown gain counts in neither.
    rate : Decimal
        Tax as a share of the gain.
    """
    own = gains.filter(
        (pl.col("account_id") == account.account_id)
        & (pl.col("tax_year") == account.session.year)
        & pl.col("gain").is_not_null()
        & pl.col("currency").is_not_null()
    )
    by_currency = own.group_by("currency").agg(
        taxable=pl.col("gain").sum() + pl.col("disallowed_loss").sum()
    )
    total = sum(
        (
            costs.rates.convert(taxable, currency, account.base_currency)
            for currency, taxable in by_currency.sort("currency").iter_rows()
        ),
        ZERO,
    )
    return multiply(max(total, ZERO), rate)


def _taken(
    order: Row,
    prices: Mapping[str, Decimal | None],
    currencies: Mapping[str, str],
    costs: Costs,
    slippage: Decimal,
) -> tuple[str, Decimal] | None:
    remaining: Decimal = order["quantity"] - order["filled"]
    if order["side"] == "exchange":
        currency = str(order["symbol"]).partition("/")[0]
        return currency, remaining + costs.exchange_fee(remaining)
    bought_in, price = (
        currencies.get(order["symbol"]),
        order["price"] or prices.get(order["symbol"]),
    )
    if bought_in is None or price is None:
        return None
    value = multiply(multiply(remaining, price), 1 + slippage)
    return bought_in, value + costs.trade_fee(value, bought_in)
