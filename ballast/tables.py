"""The vocabulary: one schema class per table that crosses a wall between rooms.

The class is the contract: column names, types, which values may be null, and rules that a row must keep. Column
descriptions are shown in the UI. Money, prices and quantities are exact decimals; unknown is null, never zero.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from ballast.money import AMOUNT_SCALE, RATE_SCALE


def _amount(description: str, *, nullable: bool = False) -> dy.Decimal:
    return dy.Decimal(38, AMOUNT_SCALE, nullable=nullable, metadata={"description": description})


def _rate(description: str, *, nullable: bool = False) -> dy.Decimal:
    return dy.Decimal(38, RATE_SCALE, nullable=nullable, metadata={"description": description})


def _key(description: str) -> dy.String:
    return dy.String(primary_key=True, min_length=1, metadata={"description": description})


def _text(description: str, *, nullable: bool = False) -> dy.String:
    return dy.String(nullable=nullable, metadata={"description": description})


def _number(description: str, *, nullable: bool = True) -> dy.Float64:
    return dy.Float64(nullable=nullable, metadata={"description": description})


def _date(description: str, *, nullable: bool = False, primary_key: bool = False) -> dy.Date:
    return dy.Date(
        nullable=nullable, primary_key=primary_key, metadata={"description": description}
    )


def _moment(description: str) -> dy.Datetime:
    return dy.Datetime(time_unit="us", time_zone="UTC", metadata={"description": description})


def _flag(description: str) -> dy.Bool:
    return dy.Bool(nullable=False, metadata={"description": description})


def _count(description: str, *, primary_key: bool = False) -> dy.Int64:
    return dy.Int64(nullable=False, primary_key=primary_key, metadata={"description": description})


class Securities(dy.Schema):
    """What may be held or watched, one row per security."""

    symbol = _key("Ticker, unique in the portfolio")
    name = _text("Name of the company, fund or index")
    exchange = _text("Market identifier code (MIC) of the listing")
    currency = _text("ISO 4217 currency of the quotation")
    kind = _text("equity, etf or index")
    country = _text("Country, for attribution", nullable=True)
    industry = _text("Industry, for attribution", nullable=True)
    lot_size = _amount("Smallest tradable quantity; orders are multiples of it")
    allow_buy = _flag("Whether the planner may buy it")
    allow_sell = _flag("Whether the planner may sell it")

    @dy.rule()
    def lot_size_is_positive(cls) -> pl.Expr:
        return pl.col("lot_size") > 0


class Bars(dy.Schema):
    """Daily bars as traded on the day (never adjusted for later splits), one row per version of a bar."""

    symbol = _key("Security or index")
    session = _date("Trading session of the exchange", primary_key=True)
    known_on = _date(
        "Session at whose end this version was known: the bar's own, or that of a late correction",
        primary_key=True,
    )
    open = _number("First price; null where the source has closes only")
    high = _number("Highest price")
    low = _number("Lowest price")
    close = _number("Last price, in the quotation currency, as traded", nullable=False)
    volume = _number("Shares traded, as traded")
    is_total_return = _flag("The close already contains dividends; never credit them again")
    source = _text("Where the bar comes from")

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

    symbol = _key("Security")
    ex_date = _date("First session without the entitlement", primary_key=True)
    kind = dy.String(
        primary_key=True,
        regex=r"^(split|dividend)$",
        metadata={"description": "split or dividend"},
    )
    ratio = _rate("New shares per old share (splits)", nullable=True)
    amount = _amount("Cash per share in the quotation currency (dividends)", nullable=True)
    source = _text("Where the event comes from")

    @dy.rule()
    def split_has_a_positive_ratio(cls) -> pl.Expr:
        return (pl.col("kind") != "split") | (pl.col("ratio") > 0).fill_null(False)

    @dy.rule()
    def dividend_has_a_positive_amount(cls) -> pl.Expr:
        return (pl.col("kind") != "dividend") | (pl.col("amount") > 0).fill_null(False)


class QualityFindings(dy.Schema):
    """What the quality gates found in the price history, one row per rule, security and session."""

    symbol = _key("Security")
    session = _date("Session concerned", primary_key=True)
    rule = _key("Name of the broken rule")
    detail = _text("What was seen")
    is_quarantined = _flag("Whether the bar was kept out of the history")


class Prices(dy.Schema):
    """The last known close of every security as of a session."""

    symbol = _key("Security")
    currency = _text("Quotation currency")
    price = _amount("Last close as traded; null when nothing is known yet", nullable=True)
    price_session = _date("Session in which the price was observed", nullable=True)
    sessions_old = dy.Int64(
        nullable=True, metadata={"description": "Sessions of its exchange since then"}
    )
    is_stale = _flag("Not from this session although its exchange was open, or unknown")
    blocks_planning = _flag("Older than the configured limit, or unknown: not to be traded on")

    @dy.rule()
    def price_is_positive(cls) -> pl.Expr:
        return (pl.col("price") > 0).fill_null(True)


class ExchangeRates(dy.Schema):
    """rate(from, to) = units of `to` per one `from`; amount_to = amount_from × rate."""

    from_currency = _key("Currency converted from")
    to_currency = _key("Currency converted to")
    rate = _rate("Units of to_currency per one from_currency")
    rate_date = _date("Day of the older of the two fixings used")

    @dy.rule()
    def rate_is_positive(cls) -> pl.Expr:
        return pl.col("rate") > 0


class ReferenceRates(dy.Schema):
    """Central bank reference rates as received: units of a currency per one euro."""

    rate_date = _date("Day of the fixing", primary_key=True)
    currency = _key("ISO 4217 currency")
    per_euro = _rate("Units of the currency per one EUR")

    @dy.rule()
    def rate_is_positive(cls) -> pl.Expr:
        return pl.col("per_euro") > 0


POSTING_KINDS = (
    "trade", "fee", "deposit", "withdrawal", "dividend", "withholding_tax", "interest",
    "exchange", "split", "transfer", "bucket_transfer", "adjustment", "basis_restatement",
)  # fmt: skip


class Postings(dy.Schema):
    """The ledger: signed movements of one commodity each; everything else is derived from them."""

    posting_id = _key("Derived from source and external id")
    transaction_id = _text("Groups the legs of one event")
    account_id = _text("Account")
    bucket_id = _text("Bucket within the account")
    occurred_at = _moment("When it happened, UTC")
    settled_on = _date("Settlement date", nullable=True)
    kind = dy.Enum(list(POSTING_KINDS), metadata={"description": "What kind of event"})
    commodity = _text("A security symbol or a currency code")
    quantity = _amount("Signed change of the commodity")
    unit_cost = _amount("Price per unit for trades", nullable=True)
    cost_currency = _text("Currency of unit_cost", nullable=True)
    source = _text("System that reported it")
    external_id = _text("Identifier at the source; unique within it")
    reverses = _text("posting_id that this one corrects", nullable=True)

    @dy.rule()
    def trades_of_securities_name_their_price_currency(cls) -> pl.Expr:
        return pl.col("unit_cost").is_null() | pl.col("cost_currency").is_not_null()


class Positions(dy.Schema):
    """What is owned as of a session, securities and cash, valued natively and in the account's base currency."""

    account_id = _key("Account")
    commodity = _key("Security symbol or currency code")
    is_cash = _flag("Cash balance rather than a security")
    quantity = _amount("Units held; negative when short or overdrawn")
    currency = _text("Currency of price, cost and value")
    average_cost = _amount("Average purchase price per unit, fees included", nullable=True)
    cost_basis = _amount("quantity × average cost, in currency", nullable=True)
    price = _amount("Last close", nullable=True)
    price_session = _date("Session of that close", nullable=True)
    is_price_stale = _flag("Price is older than the session")
    value = _amount("quantity × price, in currency; null when unknown", nullable=True)
    unrealised_gain = _amount("value − cost basis, in currency", nullable=True)
    base_currency = _text("Base currency of the account")
    value_base = _amount("Value in base currency", nullable=True)
    weight = _number("Share of the account's value, cash included; null when any value is unknown")


class BrokerPositions(dy.Schema):
    """Holdings as the broker reports them, signed."""

    account_id = _key("Account")
    symbol = _key("Security")
    quantity = _amount("Units, negative when short")
    average_price = _amount("Average price reported by the broker", nullable=True)
    currency = _text("Quotation currency")


class BrokerBalances(dy.Schema):
    """Cash as the broker reports it, per currency."""

    account_id = _key("Account")
    currency = _key("ISO 4217 currency")
    balance = _amount("Cash, negative when overdrawn")


class BrokerAccounts(dy.Schema):
    """Whether each broker account could be asked; an unavailable account is unknown, not flat."""

    account_id = _key("Account")
    broker = _text("Which broker")
    is_available = _flag("The broker answered completely")
    asked_as_of = _date("Session that the answers describe")
    detail = _text("Why it was unavailable", nullable=True)
    equity = _amount("Account value in base currency as the broker reports it", nullable=True)
    latest_fill_at = dy.Datetime(
        nullable=True,
        time_unit="us",
        time_zone="UTC",
        metadata={"description": "Newest fill that the broker knows"},
    )


class Reconciliation(dy.Schema):
    """Book against broker, one row per compared key and field, differences and agreements alike."""

    account_id = _key("Account")
    item = _key("Security symbol, currency code, or 'account' for account-level rows")
    field = _key("quantity, average_cost, cash, equity or availability")
    outcome = _text("matched, one of the discrepancy types, inconclusive or unavailable")
    severity = _text("none, info, warning or critical")
    local_value = _amount("What the books say", nullable=True)
    broker_value = _amount("What the broker says", nullable=True)
    difference = _amount("broker − local", nullable=True)
    tolerance = _amount("Largest difference that still counts as equal", nullable=True)
    explanation = _text("What a person should know or do")


class Regimes(dy.Schema):
    """The market regime of each watched index as of the session, and over the sessions before it."""

    index_symbol = _key("Index")
    session = _date("Session", primary_key=True)
    close = _number("Close of the index", nullable=False)
    moving_average = _number("Mean of the last closes in the window", nullable=True)
    distance = _number("close / moving average − 1", nullable=True)
    regime = _text("bull, sideways or bear; null while there is too little history", nullable=True)
    reserve_share = _number("Share of the portfolio to keep in cash in this regime")


class TargetWeights(dy.Schema):
    """Wanted share of each account's value per security."""

    account_id = _key("Account")
    symbol = _key("Security")
    target_weight = dy.Float64(
        nullable=False, min=0.0, max=1.0, metadata={"description": "Wanted share of account value"}
    )


class Recommendations(dy.Schema):
    """The steps of each account's plan in the order in which they must be taken."""

    recommendation_id = _key("Derived from account, session, inputs and step")
    account_id = _text("Account")
    session = _date("Session for which it was planned")
    step = _count("Order of execution within the account, from 1")
    side = dy.String(
        regex=r"^(sell|exchange|buy)$", metadata={"description": "sell, exchange or buy"}
    )
    symbol = _text("Security, or currency pair FROM/TO for an exchange")
    quantity = _amount("Units to trade; for an exchange, amount of FROM")
    price = _amount("Price assumed; for an exchange, the rate")
    currency = _text("Currency of price and fee")
    value_base = _amount("Size of the trade in base currency")
    fee = _amount("Expected fee, in currency")
    weight_before = _number("Weight before the plan")
    weight_after = _number("Weight after the plan")
    target_weight = _number("Wanted weight")
    cash_after_base = _amount("Account cash in base currency after this step")
    reason = _text("Why, in words")
    inputs_hash = _text("Hash of everything the plan was computed from")


class Plans(dy.Schema):
    """One row per account: whether it could be planned, and what the plan does to it."""

    account_id = _key("Account")
    session = _date("Session")
    status = _text("planned, at_target, blocked or unknown")
    reason = _text("Why, in words")
    steps = _count("Number of steps")
    base_currency = _text("Base currency of the account")
    value_before = _amount("Account value before the plan", nullable=True)
    reserve = _amount("Cash to keep in base currency", nullable=True)
    cash_before = _amount("Cash in base currency before the plan", nullable=True)
    cash_after = _amount("Cash in base currency after the plan", nullable=True)
    fees = _amount("Expected fees of the plan in base currency", nullable=True)
    regime = _text("Market regime that set the reserve", nullable=True)
    inputs_hash = _text("Hash of everything the plan was computed from")


class DailyReports(dy.Schema):
    """The report of a session as text."""

    session = _date("Session", primary_key=True)
    report = _text("The report, as Markdown")


class Orders(dy.Schema):
    """Orders with the state that their events give them."""

    client_order_id = _key("Derived from account, plan or episode, and step")
    account_id = _text("Account")
    origin = _text("plan or emergency")
    origin_id = _text("Plan (inputs hash) or emergency episode")
    session = _date("Session")
    side = _text("sell, exchange or buy")
    symbol = _text("Security, or currency pair FROM/TO")
    quantity = _amount("Units ordered")
    state = _text("intent, submitted, filled, rejected or unknown")
    detail = _text("Answer of the broker", nullable=True)


def polars_schema(schema: type[dy.Schema]) -> pl.Schema:
    """Return the column types of a table."""
    return schema.create_empty().schema


def describe_columns(schema: type[dy.Schema]) -> dict[str, str]:
    """Return the description of every column, for the UI and the generated docs."""
    return {
        name: str((column.metadata or {}).get("description", ""))
        for name, column in schema.columns().items()
    }
