"""What the optimiser must know of each account: its securities, their bounds and expectations, and their past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from ballast.configuration import Portfolio
from ballast.errors import MissingRateError
from ballast.market.exchange_rates import Rates
from ballast.money import approximate
from ballast.planning.targets.expected_returns import TradeCosts, expected_returns
from ballast.planning.targets.outlook import Outlook
from ballast.planning.targets.proposal import TargetCase
from ballast.settings import AccountSettings
from ballast.trading.costs import Costs

_OWNER_SCHEMA = {
    "symbol": pl.String,
    "minimum_weight": pl.Float64,
    "maximum_weight": pl.Float64,
    "preference": pl.Float64,
}
_LEVELS = {"symbol": pl.String, "session": pl.Date, "level": pl.Float64}


@dataclass(frozen=True)
class TargetInputs:
    """The tables of one session that proposals are made from.

    Parameters
    ----------
    securities, positions, prices, exchange_rates : pl.DataFrame
        `Securities`, `Positions`, `Prices` and `ExchangeRates` of the session.
    scores : pl.DataFrame
        symbol, cagr_5y, cagr_10y, dividend_yield, quality, as `SecurityScores` has them.
    returns : pl.DataFrame
        `DailyReturns` of securities as known on the session.
    daily_rates : mapping of str to pl.DataFrame
        `DailyRates` into each base currency, of the sessions of the returns.
    previous : pl.DataFrame
        `TargetWeights` of the newest session before this one; empty when there is none.
    regime : str, optional
        Of the portfolio's index; None when it is unknown.
    reserve_share : float
        Cash to keep in that regime.
    """

    securities: pl.DataFrame
    positions: pl.DataFrame
    prices: pl.DataFrame
    exchange_rates: pl.DataFrame
    scores: pl.DataFrame
    returns: pl.DataFrame
    daily_rates: Mapping[str, pl.DataFrame]
    previous: pl.DataFrame
    regime: str | None
    reserve_share: float
    outlook: Outlook


def target_cases(portfolio: Portfolio, inputs: TargetInputs) -> list[TargetCase]:
    """Return the case of every account that wants a proposal, in the order of the portfolio file.

    A missing exchange rate is told in the case of each account that needs it; the others do without.
    """
    costs = Costs(portfolio.costs, Rates.of(inputs.exchange_rates))
    levels = {
        base: investment_levels(inputs.returns, inputs.securities, rates)
        for base, rates in inputs.daily_rates.items()
    }
    wanting = [
        account
        for account in portfolio.accounts
        if account.targets_from == "optimiser" or portfolio.optimiser.propose
    ]
    return [_case(portfolio, account, inputs, costs, levels) for account in wanting]


def investment_levels(
    returns: pl.DataFrame, securities: pl.DataFrame, rates: pl.DataFrame
) -> pl.DataFrame:
    """Return what an investment in each security is worth in base currency, dividends reinvested.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns` of securities.
    rates : pl.DataFrame
        `DailyRates` into the base currency.

    Returns
    -------
    pl.DataFrame
        symbol, session, level; null where no exchange rate is known. Only ratios of levels mean anything.
    """
    currencies = securities.select("currency", symbol="symbol")
    growth = (1.0 + pl.col("daily_return").fill_null(0.0)).cum_prod().over("symbol")
    return (
        returns.select("session", "daily_return", symbol="subject")
        .sort("symbol", "session")
        .with_columns(growth=growth)
        .join(currencies, on="symbol", maintain_order="left")
        .join(
            rates.select("session", "currency", "rate"),
            on=["session", "currency"],
            how="left",
            maintain_order="left",
        )
        .select("symbol", "session", level=pl.col("growth") * approximate(pl.col("rate")))
    )


def _case(
    portfolio: Portfolio,
    account: AccountSettings,
    inputs: TargetInputs,
    costs: Costs,
    levels: Mapping[str, pl.DataFrame],
) -> TargetCase:
    base = portfolio.base_currency_of(account.id)
    book = inputs.positions.filter(pl.col("account_id") == account.id)
    # An account without a row holds nothing; without any row at all, positions are not known.
    is_known = inputs.positions.height > 0 and not book["value_base"].has_nulls()
    value = float(book["value_base"].sum()) if is_known else None
    facts = _security_facts(portfolio, account, inputs, costs, base, value)
    unknown = None if base in levels else f"no past exchange rates into {base} are known"
    try:
        priced = expected_returns(
            facts,
            portfolio.optimiser,
            regime=inputs.regime,
            outlook=inputs.outlook.shift,
            costs=_trade_costs(portfolio, costs, base, value or 0.0),
        )
    except MissingRateError as error:
        unknown = error.what
        priced = facts.with_columns(
            expected_return=pl.lit(None, pl.Float64), return_reason=pl.lit(unknown)
        )
    before = inputs.previous.filter(pl.col("account_id") == account.id)
    past = levels.get(base, pl.DataFrame(schema=_LEVELS))
    return TargetCase(
        account.id,
        priced,
        past.filter(pl.col("symbol").is_in(facts["symbol"].implode())),
        value,
        inputs.reserve_share,
        float(portfolio.regime.reserve_floor),
        dict(before.select("symbol", "target_weight").iter_rows()),
        unknown,
    )


def _trade_costs(portfolio: Portfolio, costs: Costs, base: str, value: float) -> TradeCosts:
    """Return what trades cost in base currency; raises MissingRateError where that is unknown."""
    fixed = costs.rates.convert(portfolio.costs.fixed, portfolio.costs.currency, base)
    smallest = costs.minimum_trade(base)
    return TradeCosts(float(fixed), float(portfolio.costs.percent), float(smallest), value)


def _security_facts(
    portfolio: Portfolio,
    account: AccountSettings,
    inputs: TargetInputs,
    costs: Costs,
    base: str,
    value: float | None,
) -> pl.DataFrame:
    """Return what is known of every security that the account holds or may choose."""
    own = inputs.positions.filter((pl.col("account_id") == account.id) & ~pl.col("is_cash"))
    chosen = _universe(account, inputs.securities)
    into_base = pl.DataFrame(
        [
            (currency, float(costs.rates.rate(currency, base)))
            for currency in inputs.securities["currency"].unique().sort()
            if currency == base or (currency, base) in costs.rates.by_pair
        ],
        schema={"currency": pl.String, "into_base": pl.Float64},
        orient="row",
    )
    owners = pl.DataFrame(
        [
            (each.symbol, each.minimum_weight, each.maximum_weight, each.preference)
            for each in portfolio.securities
        ],
        schema=_OWNER_SCHEMA,
        orient="row",
    )
    is_wanted = pl.col("symbol").is_in([*chosen, *own["commodity"]])
    lot = approximate(pl.col("lot_size") * pl.col("multiplier")) * approximate(pl.col("price"))
    held = own.select("weight", symbol="commodity")
    known = inputs.prices.select("symbol", "price", is_blocked="blocks_planning")
    scores = inputs.scores.select("symbol", "cagr_5y", "cagr_10y", "dividend_yield", "quality")
    table = inputs.securities.filter(is_wanted).sort("symbol")
    for other, key in (
        (held, "symbol"), (owners, "symbol"), (known, "symbol"), (scores, "symbol"),
        (into_base, "currency"),
    ):  # fmt: skip
        table = table.join(other, on=key, how="left", maintain_order="left")
    return table.select(
        "symbol", "country", "industry", "allow_buy", "allow_sell", "minimum_weight",
        "maximum_weight", "dividend_yield", "quality",
        is_blocked=pl.col("is_blocked").fill_null(True) | pl.col("into_base").is_null(),
        # What is not held has no row; what is held at an unknown value has no weight.
        current_weight=pl.when(pl.col("symbol").is_in(held["symbol"].implode()))
        .then("weight")
        .otherwise(0.0),
        lot_weight=lot * pl.col("into_base") / pl.lit(value or None, pl.Float64),
        preference=pl.col("preference").fill_null(1.0),
        growth=pl.coalesce("cagr_5y", "cagr_10y"),
    )  # fmt: skip


def _universe(account: AccountSettings, securities: pl.DataFrame) -> list[str]:
    """Return what the optimiser may choose from beside what is held; an index cannot be held."""
    real = securities.filter(pl.col("kind") != "index")
    if account.universe is not None:
        chosen = pl.col("symbol").is_in(list(account.universe))
    elif account.targets_from == "configured":
        chosen = pl.col("symbol").is_in(list(account.targets))
    else:
        chosen = pl.col("allow_buy")
    return real.filter(chosen)["symbol"].to_list()
