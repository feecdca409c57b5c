"""Tables of the market: securities, bars, prices, rates and regimes."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from ballast.tables import columns


class Securities(dy.Schema):
    """What may be held or watched, one row per security."""

    symbol = columns.key("Ticker, unique in the portfolio")
    name = columns.text("Name of the company, fund or index")
    exchange = columns.text("Market identifier code (MIC) of the listing")
    currency = columns.text("ISO 4217 currency of the quotation")
    kind = columns.text("equity, etf or index")
    country = columns.text("Country, for attribution", nullable=True)
    industry = columns.text("Industry, for attribution", nullable=True)
    lot_size = columns.amount("Smallest tradable quantity; orders are multiples of it")
    multiplier = columns.amount("Units of the underlying in one contract; 1 but for options")
    allow_buy = columns.flag("Whether the planner may buy it")
    allow_sell = columns.flag("Whether the planner may sell it")

    @dy.rule()
    def lot_size_is_positive(cls) -> pl.Expr:
        return pl.col("lot_size") > 0


class Bars(dy.Schema):
    """Daily bars as traded on the day (never adjusted for later splits), one row per version of a bar."""

    symbol = columns.key("Security or index")
    session = columns.date("Trading session of the exchange", primary_key=True)
    known_on = columns.date(
        "Session at whose end this version was known: the bar's own, or that of a late correction",
        primary_key=True,
    )
    open = columns.number("First price; null where the source has closes only")
    high = columns.number("Highest price")
    low = columns.number("Lowest price")
    close = columns.number("Last price, in the quotation currency, as traded", nullable=False)
    volume = columns.number("Shares traded, as traded")
    is_total_return = columns.flag("The close already contains dividends; never credit them again")
    source = columns.text("Where the bar comes from")

    @dy.rule()
    def prices_are_positive(cls) -> pl.Expr:
        return pl.all_horizontal(
            pl.col(name).fill_nan(None).gt(0).fill_null(True) for name in ("open", "high", "low")
        ) & pl.col("close").is_finite().and_(pl.col("close") > 0)

    @dy.rule()
    def high_and_low_enclose_open_and_close(cls) -> pl.Expr:
        # Sources round adjusted prices to six digits, so the bounds carry that much slack.
        slack = pl.col("close") * 1e-5
        top = pl.max_horizontal("open", "close")
        bottom = pl.min_horizontal("open", "close")
        return ((pl.col("high") + slack >= top) & (pl.col("low") - slack <= bottom)).fill_null(True)

    @dy.rule()
    def known_on_is_not_before_the_session(cls) -> pl.Expr:
        return pl.col("known_on") >= pl.col("session")


class CorporateActions(dy.Schema):
    """Splits and cash dividends per share, in terms of the share on the ex date."""

    symbol = columns.key("Security")
    ex_date = columns.date("First session without the entitlement", primary_key=True)
    kind = dy.String(
        primary_key=True,
        regex=r"^(split|dividend)$",
        metadata={"description": "split or dividend"},
    )
    ratio = columns.rate("New shares per old share (splits)", nullable=True)
    amount = columns.amount("Cash per share in the quotation currency (dividends)", nullable=True)
    source = columns.text("Where the event comes from")

    @dy.rule()
    def split_has_a_positive_ratio(cls) -> pl.Expr:
        return (pl.col("kind") != "split") | (pl.col("ratio") > 0).fill_null(False)

    @dy.rule()
    def dividend_has_a_positive_amount(cls) -> pl.Expr:
        return (pl.col("kind") != "dividend") | (pl.col("amount") > 0).fill_null(False)


class KnownActions(CorporateActions):
    """Corporate actions with the session at whose end each was known, as the price history keeps them."""

    known_on = columns.date(
        "The ex date, or the session in which it was learned if bars from the ex date on were known before",
        primary_key=True,
    )


class QualityFindings(dy.Schema):
    """What the quality gates found in the price history, one row per rule, security and session."""

    symbol = columns.key("Security")
    session = columns.date("Session concerned", primary_key=True)
    rule = columns.key("Name of the broken rule")
    detail = columns.text("What was seen")
    is_quarantined = columns.flag("Whether the bar was kept out of the history")


class Prices(dy.Schema):
    """The last known close of every security as of a session."""

    symbol = columns.key("Security")
    currency = columns.text("Quotation currency")
    price = columns.amount("Last close as traded; null when nothing is known yet", nullable=True)
    price_session = columns.date("Session in which the price was observed", nullable=True)
    sessions_old = dy.Int64(
        nullable=True, metadata={"description": "Sessions of its exchange since then"}
    )
    is_stale = columns.flag("Not from this session although its exchange was open, or unknown")
    blocks_planning = columns.flag(
        "Older than the configured limit, or unknown: not to be traded on"
    )

    @dy.rule()
    def price_is_positive(cls) -> pl.Expr:
        return (pl.col("price") > 0).fill_null(True)


class ExchangeRates(dy.Schema):
    """rate(from, to) = units of `to` per one `from`; amount_to = amount_from × rate."""

    from_currency = columns.key("Currency converted from")
    to_currency = columns.key("Currency converted to")
    rate = columns.rate("Units of to_currency per one from_currency")
    rate_date = columns.date("Day of the older of the two fixings used")

    @dy.rule()
    def rate_is_positive(cls) -> pl.Expr:
        return pl.col("rate") > 0


class ReferenceRates(dy.Schema):
    """Central bank reference rates as received: units of a currency per one euro."""

    rate_date = columns.date("Day of the fixing", primary_key=True)
    currency = columns.key("ISO 4217 currency")
    per_euro = columns.rate("Units of the currency per one EUR")

    @dy.rule()
    def rate_is_positive(cls) -> pl.Expr:
        return pl.col("per_euro") > 0


class Regimes(dy.Schema):
    """The market regime of each watched index as of the session, and over the sessions before it."""

    index_symbol = columns.key("Index")
    session = columns.date("Session", primary_key=True)
    close = columns.number("Close of the index", nullable=False)
    moving_average = columns.number("Mean of the last closes in the window", nullable=True)
    distance = columns.number("close / moving average − 1", nullable=True)
    regime = columns.text(
        "bull, sideways or bear; null while there is too little history", nullable=True
    )
    reserve_share = columns.number("Share of the portfolio to keep in cash in this regime")
    method = columns.text(
        "What named the regime: markov (the model) or rule (the moving average)", nullable=True
    )
    confidence = columns.number(
        "Probability of the regime, by the method that named it, lowered by what is missing"
    )
    rule_regime = columns.text("Regime by the moving average", nullable=True)
    model_regime = columns.text("Regime by the model", nullable=True)
    probability_bull = columns.number("Probability of a bull market, by the model")
    probability_sideways = columns.number("Probability of a sideways market, by the model")
    probability_bear = columns.number("Probability of a bear market, by the model")
    state_volatility = columns.number(
        "Standard deviation of a session's return in the market state that the model recognises"
    )

    @dy.rule()
    def probabilities_lie_between_none_and_one(cls) -> pl.Expr:
        return pl.all_horizontal(
            pl.col(name).is_between(0.0, 1.0).fill_null(True)
            for name in (
                "confidence",
                "probability_bull",
                "probability_sideways",
                "probability_bear",
            )
        )
