"""Tables of the scores: of each security, of each position, and the fundamental figures behind them."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns


def score(description: str) -> dy.Float64:
    """Return a column from 0 to 1; null is unknown, or nothing."""
    return dy.Float64(nullable=True, min=0.0, max=1.0, metadata={"description": description})


def _days(description: str) -> dy.Int64:
    return dy.Int64(nullable=True, metadata={"description": description})


class Fundamentals(dy.Schema):
    """What was known of companies and when: one row per figure and day on which it became known."""

    symbol = columns.key("Security")
    metric = columns.key("trailing_pe, forward_pe, profit_margin, debt_to_equity, ...")
    known_on = columns.date("Day at whose end it was known", primary_key=True)
    value = columns.rate("The figure, in the unit that docs/scores.md names")


class SecurityScores(dy.Schema):
    """How good each security looks as of a session, 0 to 1; null where nothing of it is known."""

    symbol = columns.key("Security")
    history_sessions = columns.count("Bars known up to the session")
    last_session = columns.date("Session of the newest bar", nullable=True)
    quality = dy.Float64(
        nullable=False,
        min=0.0,
        max=1.0,
        metadata={"description": "Weighted groups, unknown ones and diversification at 0.5"},
    )
    known_share = dy.Float64(
        nullable=False,
        min=0.0,
        max=1.0,
        metadata={"description": "Share of the weights that rests on known inputs"},
    )
    missing = columns.text("Names of the metrics that are unknown", nullable=True)
    # Groups.
    long_term = score("Growth, Sortino and Sharpe ratio")
    fundamentals = score("Financial strength and steady growth")
    opportunity = score("Distance from the high and price in earnings")
    dividends = score("Yield, payout and five-year yield")
    short_term = score("Momentum and drawdown")
    technicals = score("Relative strength, Bollinger bands and distance from the average")
    opinion = score("Recommendation and price target of analysts")
    # Parts of groups.
    cagr_score = score("Annual growth: best at the target")
    sortino_score = score("Sortino ratio")
    sharpe_score = score("Sharpe ratio")
    financial_strength = score("Margin, debt and liquidity")
    consistency = score("Growth over five years like that over ten")
    below_high_score = score("Distance below the high of 52 weeks")
    price_earnings_score = score("Price in earnings against the average")
    yield_score = score("Dividend yield")
    dividend_consistency = score("Payout ratio and five-year average yield")
    momentum_score = score("Momentum over 30 and 90 closes")
    drawdown_score = score("Deepest drawdown")
    rsi_score = score("Relative strength: best when oversold")
    bollinger_score = score("Place within the Bollinger bands: best at the lower one")
    ema_score = score("Distance from the 200-session average: best below it")
    recommendation_score = score("Recommendation of analysts")
    target_score = score("Price target of analysts against the price")
    dividend_quality = score("History of the dividend: cuts, growth and yield against its own")
    # What an account of it contributes to the end state of a plan.
    return_score = score("Growth and dividend yield together; null when growth is unknown")
    promise_score = score("Steadiness, strength, dividends and Sortino ratio together")
    stability_score = score("Volatility, drawdown and Sharpe ratio together")
    # Metrics.
    close = columns.number("Newest close, in shares of the session")
    cagr = columns.number("Annual growth of the price over up to five years, at least one")
    cagr_5y = columns.number("Annual growth of the price over five years")
    cagr_10y = columns.number("Annual growth of the price over ten years")
    dividend_yield = columns.number("Dividends of the last 365 days / close")
    five_year_average_yield = columns.number("Mean of the yields of the last five years")
    dividend_growth = columns.number("Annual growth of the yearly dividend since its first year")
    years_since_cut = _days("Years since the yearly dividend was last cut by more than a fifth")
    sharpe = columns.number("Sharpe ratio of the total returns in the window")
    sortino = columns.number("Sortino ratio of the total returns in the window")
    volatility = columns.number("Volatility of the total returns in the window, per year")
    volatility_30 = columns.number("Volatility of the last 30 total returns, per year")
    max_drawdown = columns.number(
        "Deepest drawdown of the total return in the window; null if it never moved"
    )
    current_drawdown = columns.number("Drawdown of the total return now")
    days_in_drawdown = _days("Calendar days since the last high of the total return; 0 at it")
    high_52_weeks = columns.number("Highest price of the last 365 days, of at least 50 bars")
    below_high = columns.number("1 − close / high of 52 weeks")
    momentum_30 = columns.number("Close / close of 29 sessions before − 1")
    momentum_90 = columns.number("Close / close of 89 sessions before − 1")
    rsi = columns.number("Relative strength index of 14 sessions, 0 to 100")
    bollinger_position = columns.number("0 at the lower Bollinger band (20, 2), 1 at the upper")
    ema_distance = columns.number("Close / exponential average of 200 sessions − 1")
    price_earnings = columns.number("Price in earnings: mean of trailing and expected")
    profit_margin = columns.number("Profit as a share of revenue")
    debt_to_equity = columns.number("Debt in percent of equity")
    current_ratio = columns.number("Current assets / current liabilities")
    payout_ratio = columns.number("Dividends as a share of profit")
    recommendation = columns.number("Mean recommendation, from 1, strong buy, to 5, strong sell")
    target_upside = columns.number("Price target of analysts / close − 1")


class PositionScores(dy.Schema):
    """What an account should think of each security that it holds or wants."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    is_held = columns.flag("Whether the account holds it")
    total = dy.Float64(
        nullable=False,
        min=0.0,
        max=1.0,
        metadata={"description": "All eight groups weighted, unknown ones at 0.5"},
    )
    weight = columns.number("Share of the account's value; null when unknown")
    # Diversification.
    diversification = score("Geography, industry and averaging together")
    geography = score("Whether its country group lacks weight in the account")
    industry = score("Whether its industry groups lack weight in the account")
    averaging = score("Whether more of it would lower the average cost, and is worth having")
    country_gap = columns.number("Wanted − present share of its country group in the account")
    industry_gap = columns.number("The same of its industry groups, on average")
    # The position.
    average_cost = columns.amount("Average purchase price per unit, fees included", nullable=True)
    gain = columns.number("Value / cost basis − 1")
    first_bought = columns.date("Oldest purchase that is still held", nullable=True)
    last_bought = columns.date("Last purchase", nullable=True)
    last_sold = columns.date("Last sale", nullable=True)
    years_held = columns.number("Years since the oldest purchase that is still held")
    # Windfall.
    windfall_score = score("How far the gain is above what was to be expected")
    windfall_excess = columns.number("Gain − expected gain")
    windfall_share = score("Share of the position to sell; null when nothing")
    windfall_reason = columns.text("Why, or why not; null when the gain is unknown", nullable=True)
    # Selling.
    sell_score = score("The five components together; null unless it is held")
    underperformance = score("A return below what is wanted")
    time_held = score("The time that it was held")
    portfolio_balance = score("Size of the position and its groups in the account")
    instability = score("An overheated price")
    drawdown = score("The fall below the last high")
    sell_share = score("Share of the position to sell, in whole lots; null when nothing")
    sell_blocked_by = columns.text("What forbids a sale; null when nothing does", nullable=True)
