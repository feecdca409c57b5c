"""Tables of performance and risk: values per session, returns, measures, contributions.

A *subject* is what a row measures, and its *level* says what kind of thing that is: `total` (all accounts together),
`account` (subject: account id), `bucket` (subject: account id/bucket id), `security` or `index` (subject: symbol).
Returns, drawdowns and contributions are shares: 0.01 is one percent. A loss is negative.
"""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns

_LEVEL = "total, account, bucket, security or index"


def _flag(description: str) -> dy.Bool:
    return dy.Bool(nullable=True, metadata={"description": description})


class DailyRates(dy.Schema):
    """What one unit of a currency is worth in the base currency on each session."""

    session = columns.date("Session", primary_key=True)
    currency = columns.key("Currency converted from")
    rate = columns.rate("Units of the base currency per unit; null when unknown", nullable=True)
    rate_date = columns.date("Day of the older of the two fixings used", nullable=True)


class DailyHoldings(dy.Schema):
    """What was held at the end of each session and what it was worth; closed positions have no row."""

    account_id = columns.key("Account")
    bucket_id = columns.key("Bucket within the account")
    commodity = columns.key("Security symbol or currency code")
    session = columns.date("Session", primary_key=True)
    quantity = columns.amount("Units held; negative when short or overdrawn")
    currency = columns.text("Currency of the price; of cash, the currency itself", nullable=True)
    price = columns.amount("Last close so far, in shares of the session", nullable=True)
    price_session = columns.date("Session of that close", nullable=True)
    rate = columns.rate("Units of the base currency per unit of the currency", nullable=True)
    value_base = columns.amount("Value in base currency; null when unknown", nullable=True)
    unknown_reason = columns.text("Why the value is unknown", nullable=True)


class DailyMovements(dy.Schema):
    """What moved in each session, valued at the prices and rates of its end."""

    account_id = columns.key("Account")
    bucket_id = columns.key("Bucket within the account")
    session = columns.date("Session from whose end on it counts", primary_key=True)
    kind = columns.key("Kind of posting")
    commodity = columns.key("Security symbol or currency code")
    belongs_to = columns.key("Security whose gain or loss it is; else the commodity itself")
    in_currency = columns.key("Currency whose gain or loss it is")
    quantity = columns.amount("Signed sum of the postings")
    gross = columns.amount("Sum of the postings without their signs")
    rate = columns.rate("Units of the base currency per unit of the currency", nullable=True)
    value_base = columns.amount("Signed value in base currency; null when unknown", nullable=True)
    unknown_reason = columns.text("Why the value is unknown", nullable=True)


class PortfolioValues(dy.Schema):
    """Value and external flow of each portfolio per session, in base currency."""

    level = columns.key(_LEVEL)
    subject = columns.key("Portfolio")
    session = columns.date("Session", primary_key=True)
    value_base = columns.amount("Value at the end; null when any part is unknown", nullable=True)
    cash_base = columns.amount("Cash in the value; null when any part is unknown", nullable=True)
    flow_base = columns.amount(
        "What came (positive) or went from outside; null when unknown", nullable=True
    )
    unknown_reason = columns.text("Why the value or the flow is unknown", nullable=True)


class DailyReturns(dy.Schema):
    """The return of each subject per session."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    session = columns.date("Session", primary_key=True)
    since = columns.date("Session from whose end the return counts", nullable=True)
    daily_return = columns.number("Return since then; null at the start and when unknown")
    unknown_reason = columns.text("Why a return is unknown that should be known", nullable=True)


class Drawdowns(dy.Schema):
    """Growth and drawdown of each subject per session."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    session = columns.date("Session", primary_key=True)
    daily_return = columns.number("Return of the session")
    growth = columns.number("Worth of one unit invested at the start; null after an unknown return")
    drawdown = columns.number("growth / highest growth so far − 1; never positive")
    peak_session = columns.date(
        "Session of the highest growth so far; null when that is the start", nullable=True
    )
    sessions_in_drawdown = dy.Int64(
        nullable=True, metadata={"description": "Sessions since the highest growth; 0 at it"}
    )
    unknown_reason = columns.text("Why the return is unknown", nullable=True)


class DrawdownEpisodes(dy.Schema):
    """Every fall below a former high, to its recovery."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    first_session = columns.date("First session below the high", primary_key=True)
    peak_session = columns.date("Session of the high; null when it is the start", nullable=True)
    trough_session = columns.date("Session of the lowest growth")
    recovered_on = columns.date("First session at the high again; null until then", nullable=True)
    depth = columns.number("Lowest growth / high − 1", nullable=False)
    sessions = columns.count("Sessions below the high so far")


class PerformanceMeasures(dy.Schema):
    """What the returns of a span add up to; null where there are too few or an unknown one."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    first_session = columns.date("First session with a return", nullable=True)
    last_session = columns.date("Last session with a return", nullable=True)
    observations = columns.count("Number of returns")
    total_return = columns.number("Time-weighted return over the span")
    annual_return = columns.number("Time-weighted return per year")
    money_weighted_return = columns.number(
        "Yearly rate at which the flows grow to the final value; null for a security"
    )
    volatility = columns.number("Sample standard deviation of the returns, per year")
    sharpe_ratio = columns.number("Mean excess return over its standard deviation, per year")
    sortino_ratio = columns.number("Mean excess return over its downside deviation, per year")
    calmar_ratio = columns.number("Annual return over the deepest drawdown")
    max_drawdown = columns.number("Deepest drawdown of the span")
    current_drawdown = columns.number("Drawdown at the end")
    sessions_in_drawdown = dy.Int64(
        nullable=True, metadata={"description": "Sessions since the last high; 0 at it"}
    )
    best_return = columns.number("Highest daily return")
    worst_return = columns.number("Lowest daily return")


class RollingMeasures(dy.Schema):
    """The same measures over the last sessions, per session; null until the window is full."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    session = columns.date("Last session of the window", primary_key=True)
    window = columns.count("Number of returns in the window", primary_key=True)
    total_return = columns.number("Time-weighted return over the window")
    volatility = columns.number("Sample standard deviation of the returns, per year")
    sharpe_ratio = columns.number("Mean excess return over its standard deviation, per year")
    sortino_ratio = columns.number("Mean excess return over its downside deviation, per year")
    max_drawdown = columns.number("Deepest drawdown within the window")


class PeriodReturns(dy.Schema):
    """Returns of calendar months and years."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    period = dy.Enum(["month", "year"], primary_key=True, metadata={"description": "month or year"})
    first_day = columns.date("First day of the calendar period", primary_key=True)
    observations = columns.count("Returns in it")
    total_return = columns.number("Time-weighted return; null when one of them is unknown")


class Turnover(dy.Schema):
    """How much of the portfolio was traded."""

    level = columns.key(_LEVEL)
    subject = columns.key("Portfolio")
    traded_base = columns.amount("Purchases and sales in base currency", nullable=True)
    mean_value_base = columns.number("Mean value over the span, in base currency")
    turnover = columns.number("Half of what was traded / mean value")
    status = dy.Enum(
        ["normal", "warning", "critical", "unknown"],
        metadata={"description": "normal, warning (from 0.5), critical (from 1) or unknown"},
    )


class Contributions(dy.Schema):
    """Parts of each session's return; per subject, session and dimension they sum to the return."""

    level = columns.key(_LEVEL)
    subject = columns.key("Portfolio")
    session = columns.date("Session", primary_key=True)
    dimension = columns.key("security, country, industry, currency or effect")
    label = columns.key("Which security, country, ...; or cash, costs, unknown")
    contribution = columns.number("Part of the return of the session", nullable=False)


class PeriodContributions(dy.Schema):
    """Parts of a span's return; per subject and dimension they sum to the return."""

    level = columns.key(_LEVEL)
    subject = columns.key("Portfolio")
    dimension = columns.key("security, country, industry, currency or effect")
    label = columns.key("Which security, country, ...; or cash, costs, unknown")
    contribution = columns.number("Part of the total return; null when a return is unknown")
    annual_contribution = columns.number("Part of the annual return")


class RiskMetrics(dy.Schema):
    """How risky each subject has been, from its daily returns up to the session."""

    level = columns.key(_LEVEL)
    subject = columns.key("What is measured")
    last_session = columns.date("Last session with a return", nullable=True)
    observations = columns.count("Number of returns")
    volatility = columns.number("Sample standard deviation of the returns, per year")
    max_drawdown = columns.number("Deepest drawdown")
    current_drawdown = columns.number("Drawdown now")
    sessions_in_drawdown = dy.Int64(
        nullable=True, metadata={"description": "Sessions since the last high; 0 at it"}
    )
    benchmark = columns.text("Subject that beta refers to", nullable=True)
    aligned_observations = columns.count("Returns over the same spans as the benchmark's")
    beta = columns.number("Covariance with the benchmark / variance of the benchmark")
    benchmark_correlation = columns.number("Pearson correlation with the benchmark")
    historical_value_at_risk = columns.number(
        "Quantile of the daily returns at 1 − confidence, interpolated"
    )
    historical_expected_shortfall = columns.number("Mean of the daily returns up to that quantile")
    parametric_value_at_risk = columns.number("The same quantile of a normal distribution")
    parametric_expected_shortfall = columns.number("The same mean of a normal distribution")


class Correlations(dy.Schema):
    """Pearson correlations of daily returns over the same spans; symmetric."""

    one = columns.key("One subject")
    other = columns.key("The other")
    observations = columns.count("Returns that both have over the same span")
    correlation = dy.Float64(
        nullable=True,
        min=-1.0,
        max=1.0,
        metadata={"description": "Null when there are too few, or one of them never moves"},
    )


class TrueRanges(dy.Schema):
    """The average true range of each security as of a session, and what follows from it."""

    symbol = columns.key("Security")
    session = columns.date("Newest session with a bar")
    bars = columns.count("Bars with high and low")
    close = columns.number("Its close", nullable=False)
    true_range = columns.number("Range of that session, gap from the close before included")
    average_true_range = columns.number("Average true range; null until the seed is complete")
    relative_range = columns.number("Average true range / close")
    percentile = columns.number("Share of its own history at or below it, in percent")
    range_level = columns.text("low, medium, high or extreme", nullable=True)
    trend = columns.text("expanding, contracting or stable", nullable=True)
    is_breakout = _flag("The true range is at least twice its average")
    is_exhaustion = _flag("The true range is at least 2.5 times its average")
    stop_long = columns.number("Chandelier stop of a long position")
    stop_short = columns.number("Chandelier stop of a short position")
    band_middle = columns.number("Mean close")
    band_upper = columns.number("Mean close + bands")
    band_lower = columns.number("Mean close − bands")
    stop_multiple = columns.number("Average true ranges to keep between price and stop")
    age_days = columns.count("Calendar days from the bar to the session asked for")
    confidence = columns.number("1 with enough bars that are recent; less otherwise")
