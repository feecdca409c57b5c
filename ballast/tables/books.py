"""Tables of the books: postings and what is derived from them."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from ballast.tables import columns

POSTING_KINDS = (
    "trade", "fee", "deposit", "withdrawal", "dividend", "withholding_tax", "interest",
    "exchange", "split", "transfer", "bucket_transfer", "adjustment", "basis_restatement",
)  # fmt: skip


class Postings(dy.Schema):
    """The ledger: signed movements of one commodity each; everything else is derived from them."""

    posting_id = columns.key("Derived from source and external id")
    transaction_id = columns.text("Groups the legs of one event")
    account_id = columns.text("Account")
    bucket_id = columns.text("Bucket within the account")
    occurred_at = columns.moment("When it happened, UTC")
    settled_on = columns.date("Settlement date", nullable=True)
    kind = dy.Enum(list(POSTING_KINDS), metadata={"description": "What kind of event"})
    commodity = columns.text("A security symbol or a currency code")
    quantity = columns.amount("Signed change of the commodity")
    unit_cost = columns.amount("Price per unit for trades", nullable=True)
    cost_currency = columns.text("Currency of unit_cost", nullable=True)
    source = columns.text("System that reported it")
    external_id = columns.text("Identifier at the source; unique within it")
    reverses = columns.text("posting_id that this one corrects", nullable=True)

    @dy.rule()
    def trades_of_securities_name_their_price_currency(cls) -> pl.Expr:
        return pl.col("unit_cost").is_null() | pl.col("cost_currency").is_not_null()


class Positions(dy.Schema):
    """What is owned as of a session, securities and cash, valued natively and in the account's base currency."""

    account_id = columns.key("Account")
    commodity = columns.key("Security symbol or currency code")
    is_cash = columns.flag("Cash balance rather than a security")
    quantity = columns.amount("Units held; negative when short or overdrawn")
    currency = columns.text("Currency of price, cost and value")
    average_cost = columns.amount("Average purchase price per unit, fees included", nullable=True)
    cost_basis = columns.amount("quantity × average cost, in currency", nullable=True)
    price = columns.amount("Last close", nullable=True)
    price_session = columns.date("Session of that close", nullable=True)
    is_price_stale = columns.flag("Price is older than the session")
    value = columns.amount("quantity × price, in currency; null when unknown", nullable=True)
    unrealised_gain = columns.amount("value − cost basis, in currency", nullable=True)
    base_currency = columns.text("Base currency of the account")
    value_base = columns.amount("Value in base currency", nullable=True)
    weight = columns.number(
        "Share of the account's value, cash included; null when any value is unknown"
    )
