"""Tables of the books: postings and what is derived from them."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from ballast.tables import columns

POSTING_KINDS = (
    "trade", "commission", "fee", "deposit", "withdrawal", "dividend", "payment_in_lieu",
    "withholding_tax", "interest", "exchange", "transfer", "split", "cash_in_lieu", "spin_off",
    "return_of_capital", "merger", "symbol_change", "assignment", "exercise", "expiry",
    "bucket_transfer", "adjustment", "basis_restatement",
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
    counter_value = columns.amount(
        "What was given or received for the whole quantity, without fees; the basis of units that arrive"
        " otherwise; null when unknown",
        nullable=True,
    )
    cost_currency = columns.text("Currency of unit_cost and counter_value", nullable=True)
    acquired_on = columns.date("When transferred units were acquired first", nullable=True)
    concerns = columns.text(
        "Security that a cash movement belongs to, or that a corporate action turns into this one",
        nullable=True,
    )
    basis_share = columns.amount(
        "Share of the basis of `concerns` that moves to these units; null when unknown",
        nullable=True,
    )
    chosen_lot = columns.text("Lot that the owner named for a sale", nullable=True)
    description = columns.text("What the source says about it", nullable=True)
    source = columns.text("System that reported it")
    external_id = columns.text("Identifier at the source; unique within it")
    reverses = columns.text("posting_id that this one corrects", nullable=True)

    @dy.rule()
    def trades_of_securities_name_their_price_currency(cls) -> pl.Expr:
        has_cost = pl.col("unit_cost").is_not_null() | pl.col("counter_value").is_not_null()
        return ~has_cost | pl.col("cost_currency").is_not_null()

    @dy.rule()
    def counter_value_is_not_negative(cls) -> pl.Expr:
        return (pl.col("counter_value") >= 0).fill_null(True) | (
            pl.col("kind") == "basis_restatement"
        )

    @dy.rule()
    def basis_share_is_a_share(cls) -> pl.Expr:
        return pl.col("basis_share").is_between(0, 1).fill_null(True)


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
