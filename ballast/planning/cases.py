"""The planning cases of all accounts, put together from what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.configuration import Portfolio
from ballast.money import ZERO, multiply
from ballast.planning.account import Account, Candidate
from ballast.planning.case import PlanningCase, SecurityFacts
from ballast.planning.groups import group_of, group_targets
from ballast.settings import PlannerSettings
from ballast.trading.sale_lots import sale_lots

# It divides the priority of sales.
_LEAST_PREFERENCE = 0.01


@dataclass(frozen=True)
class Published:
    """Tables of the session that facts are taken from.

    Parameters
    ----------
    securities, security_scores, position_scores, tax_lots, risk_metrics, correlations : pl.DataFrame
        By these names.
    open_orders : pl.DataFrame
        `Orders` of earlier sessions that are still open.
    rates : mapping of str to Decimal
        FROM/TO → units of TO per one FROM.
    """

    securities: pl.DataFrame
    security_scores: pl.DataFrame
    position_scores: pl.DataFrame
    tax_lots: pl.DataFrame
    risk_metrics: pl.DataFrame
    correlations: pl.DataFrame
    open_orders: pl.DataFrame
    rates: Mapping[str, Decimal] = field(default_factory=dict)


def cases_of(
    portfolio: Portfolio, accounts: Sequence[Account], published: Published
) -> list[PlanningCase]:
    """Return one case per account.

    A security with an open order is traded no further before that order has ended, and what an open purchase may
    still take is no cash to plan with.
    """
    grouped = published.securities.with_columns(group=group_of("country", portfolio.country_groups))
    listed = {row["symbol"]: row for row in grouped.iter_rows(named=True)}
    scores = {row["symbol"]: row for row in published.security_scores.iter_rows(named=True)}
    return [_case(portfolio, account, published, listed, scores) for account in accounts]


def _case(
    portfolio: Portfolio,
    account: Account,
    published: Published,
    listed: Mapping[str, dict[str, Any]],
    scores: Mapping[str, dict[str, Any]],
) -> PlanningCase:
    orders = published.open_orders.filter(pl.col("account_id") == account.account_id)
    account = _without_reserved_cash(account, orders)
    symbols = [candidate.symbol for candidate in account.candidates]
    own = published.position_scores.filter(pl.col("account_id") == account.account_id)
    positions = {row["symbol"]: row for row in own.iter_rows(named=True)}
    currencies = {candidate.symbol: candidate.currency for candidate in account.candidates}
    method = portfolio.lot_methods[account.account_id]
    lots = sale_lots(published.tax_lots, account.account_id, method, currencies)
    ordered = set(orders["symbol"])
    facts = tuple(
        replace(
            _facts(
                candidate,
                listed[candidate.symbol],
                scores.get(candidate.symbol, {}),
                positions.get(candidate.symbol, {}),
                portfolio,
                account,
                is_ordered=candidate.symbol in ordered,
            ),
            lots=lots.get(candidate.symbol, ()),
        )
        for candidate in account.candidates
    )
    return PlanningCase(
        account=account,
        securities=facts,
        group_targets=_wanted_of_groups(portfolio, account, listed),
        rates=published.rates,
        costs=portfolio.costs,
        planner=_settings(portfolio, account.account_id),
        pending=tuple(
            _in_words(row) for row in orders.sort("client_order_id").iter_rows(named=True)
        ),
        volatilities=_volatilities(published.risk_metrics, symbols),
        correlations=_correlations(published.correlations, symbols),
        slippage=portfolio.trading.slippage,
        configuration=portfolio.fingerprint(),
    )


def _in_words(order: Mapping[str, Any]) -> str:
    open_units = (order["quantity"] - order["filled"]).normalize()
    return f"{order['side']} {open_units:f} {order['symbol']} ({order['client_order_id']})"


def _settings(portfolio: Portfolio, account_id: str) -> PlannerSettings:
    own = next(a for a in portfolio.accounts if a.id == account_id).objective
    return (
        portfolio.planner
        if own is None
        else portfolio.planner.model_copy(update={"objective": own})
    )


def _without_reserved_cash(account: Account, orders: pl.DataFrame) -> Account:
    """Take from the cash what open purchases may still cost at the price on which they were decided."""
    cash = dict(account.cash)
    currencies = {candidate.symbol: candidate.currency for candidate in account.candidates}
    for row in orders.filter(pl.col("side") == "buy").iter_rows(named=True):
        currency, price = currencies.get(row["symbol"]), row["price"]
        if currency is not None and price is not None:
            taken = multiply(row["quantity"] - row["filled"], price)
            cash[currency] = cash.get(currency, ZERO) - taken
    return replace(account, cash=cash)


def _facts(
    candidate: Candidate,
    security: Mapping[str, Any],
    scores: Mapping[str, Any],
    position: Mapping[str, Any],
    portfolio: Portfolio,
    account: Account,
    *,
    is_ordered: bool,
) -> SecurityFacts:
    liked = {security.symbol: security.preference for security in portfolio.securities}
    waiting = "an order of it from an earlier session is still open" if is_ordered else None
    return SecurityFacts(
        symbol=candidate.symbol,
        name=security["name"],
        country=security["country"],
        industry=security["industry"],
        group=security["group"],
        preference=max(liked.get(candidate.symbol, 1.0), _LEAST_PREFERENCE),
        return_score=scores.get("return_score"),
        promise_score=scores.get("promise_score"),
        stability_score=scores.get("stability_score"),
        dividend_yield=scores.get("dividend_yield"),
        quality=position.get("total", scores.get("quality")),
        average_cost=position.get("average_cost"),
        windfall_share=position.get("windfall_share"),
        windfall_score=position.get("windfall_score"),
        windfall_reason=position.get("windfall_reason"),
        no_purchase=waiting or _no_purchase(candidate, security, position, portfolio, account),
        no_sale=waiting or _no_sale(candidate, security, position, portfolio, account),
    )


def _no_purchase(
    candidate: Candidate,
    security: Mapping[str, Any],
    position: Mapping[str, Any],
    portfolio: Portfolio,
    account: Account,
) -> str | None:
    if not security["allow_buy"]:
        return "the portfolio file does not allow to buy it"
    if not candidate.allow_buy:
        return "a guard stops purchases of it"
    bought = position.get("last_bought")
    if bought is None:
        return None
    again = bought + timedelta(days=portfolio.trading.buy_cooldown_days)
    return f"it was bought on {bought}; again from {again} on" if account.session < again else None


def _no_sale(
    candidate: Candidate,
    security: Mapping[str, Any],
    position: Mapping[str, Any],
    portfolio: Portfolio,
    account: Account,
) -> str | None:
    if candidate.quantity <= ZERO:
        return "it is not held"
    if not security["allow_sell"]:
        return "the portfolio file does not allow to sell it"
    if not candidate.allow_sell:
        return "a guard stops sales of it"
    traded = [day for day in (position.get("last_bought"), position.get("last_sold")) if day]
    if traded:
        again = max(traded) + timedelta(days=portfolio.trading.minimum_hold_days)
        if account.session < again:
            return f"it was last traded on {max(traded)}; sold from {again} on"
    blocked: str | None = position.get("sell_blocked_by")
    return blocked


def _wanted_of_groups(
    portfolio: Portfolio, account: Account, listed: Mapping[str, dict[str, Any]]
) -> dict[str, float]:
    """Return the targets of the country groups: as configured, else the sums of the targets of their securities."""
    configured = group_targets(portfolio.country_groups)
    if configured:
        return configured
    wanted: dict[str, float] = {}
    for candidate in sorted(account.candidates, key=lambda candidate: candidate.symbol):
        if candidate.target > ZERO:
            group = listed[candidate.symbol]["group"]
            wanted[group] = wanted.get(group, 0.0) + float(candidate.target)
    return wanted


def _volatilities(risk: pl.DataFrame, symbols: Sequence[str]) -> dict[str, float]:
    known = risk.filter(
        (pl.col("level") == "security")
        & pl.col("subject").is_in(symbols)
        & pl.col("volatility").is_not_null()
    )
    return dict(known.sort("subject").select("subject", "volatility").iter_rows())


def _correlations(correlations: pl.DataFrame, symbols: Sequence[str]) -> dict[str, float]:
    known = correlations.filter(
        (pl.col("one") < pl.col("other"))
        & pl.col("one").is_in(symbols)
        & pl.col("other").is_in(symbols)
        & pl.col("correlation").is_not_null()
    ).sort("one", "other")
    rows = known.select("one", "other", "correlation").iter_rows()
    return {f"{one}|{other}": correlation for one, other, correlation in rows}
