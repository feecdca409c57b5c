"""The planning cases of all accounts, put together from what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.configuration import Portfolio
from ballast.market.exchange_rates import Rates
from ballast.money import ZERO
from ballast.planning.account import Account, Candidate
from ballast.planning.case import PlanningCase, SecurityFacts
from ballast.planning.groups import group_of, group_targets
from ballast.planning.pending import taxes_owed, with_open_orders
from ballast.planning.stops import no_purchase, no_sale
from ballast.settings import PlannerSettings
from ballast.trading.costs import Costs
from ballast.trading.sale_lots import sale_lots

# It divides the priority of sales.
_LEAST_PREFERENCE = 0.01
_DISMISSED = "a person has dismissed it, and the portfolio is the same"


@dataclass(frozen=True)
class Published:
    """Tables of the session that facts are taken from.

    Parameters
    ----------
    securities, security_scores, position_scores, tax_lots, risk_metrics, correlations : pl.DataFrame
        By these names.
    open_orders : pl.DataFrame
        `Orders` that are open at the end of the session.
    realised_gains : pl.DataFrame
        By this name; taxes of the year are owed on them.
    dismissed : mapping of str to set
        Per account what a person does not want: symbol, side, and the hash of the portfolio for which it was said.
    code : str
        Version of the code.
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
    realised_gains: pl.DataFrame
    dismissed: Mapping[str, frozenset[tuple[str, str, str]]] = field(default_factory=dict)
    code: str = ""
    rates: Mapping[str, Decimal] = field(default_factory=dict)


def cases_of(
    portfolio: Portfolio, accounts: Sequence[Account], published: Published
) -> list[PlanningCase]:
    """Return one case per account.

    A security with an open order is traded no further before that order has ended, and what an open order may still
    take is no cash to plan with. What a person has dismissed is not planned while the portfolio stays the same.
    """
    grouped = published.securities.with_columns(group=group_of("country", portfolio.country_groups))
    listed = {row["symbol"]: row for row in grouped.iter_rows(named=True)}
    scores = {row["symbol"]: row for row in published.security_scores.iter_rows(named=True)}
    cases = [_case(portfolio, account, published, listed, scores) for account in accounts]
    return [
        _without(case, published.dismissed.get(case.account.account_id, frozenset()))
        for case in cases
    ]


def _case(
    portfolio: Portfolio,
    account: Account,
    published: Published,
    listed: Mapping[str, dict[str, Any]],
    scores: Mapping[str, dict[str, Any]],
) -> PlanningCase:
    orders = published.open_orders.filter(pl.col("account_id") == account.account_id)
    quoted_in = {symbol: row["currency"] for symbol, row in listed.items()}
    costs = Costs(portfolio.costs, Rates.by_names(published.rates))
    account = with_open_orders(account, orders, quoted_in, costs, portfolio.trading.slippage)
    settings = _settings(portfolio, account.account_id)
    owed = taxes_owed(published.realised_gains, account, settings.gain_tax, costs)
    account = replace(account, owed=owed)
    # Of what is neither held nor wanted, no correlation decides anything.
    symbols = [c.symbol for c in account.candidates if c.quantity != ZERO or c.target != ZERO]
    own_settings = next(a for a in portfolio.accounts if a.id == account.account_id)
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
        planner=settings,
        pending=tuple(
            _in_words(row) for row in orders.sort("client_order_id").iter_rows(named=True)
        ),
        volatilities=_volatilities(published.risk_metrics, symbols),
        correlations=_correlations(published.correlations, symbols),
        targets_only=own_settings.targets_from == "optimiser",
        single_position=own_settings.single_position,
        slippage=portfolio.trading.slippage,
        code=published.code,
        configuration=portfolio.fingerprint(),
    )


def _without(case: PlanningCase, dismissed: frozenset[tuple[str, str, str]]) -> PlanningCase:
    refused = {(s, side) for s, side, portfolio in dismissed if portfolio == case.portfolio_hash}
    if not refused:
        return case
    securities = tuple(
        replace(
            facts,
            no_purchase=_DISMISSED if (facts.symbol, "buy") in refused else facts.no_purchase,
            no_sale=_DISMISSED if (facts.symbol, "sell") in refused else facts.no_sale,
        )
        for facts in case.securities
    )
    return replace(case, securities=securities)


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
    waiting = "an order of it is still open" if is_ordered else None
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
        no_purchase=waiting
        or no_purchase(candidate, security, position, portfolio.trading, account.session),
        no_sale=waiting
        or no_sale(candidate, security, position, portfolio.trading, account.session),
    )


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
