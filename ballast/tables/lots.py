"""Tables of tax lots and of what their sales realised."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from ballast.tables import columns


class TaxLots(dy.Schema):
    """What is held, by when and for how much it was acquired; one row per open lot."""

    lot_id = columns.key(
        "The posting that opened the lot; a conversion adds the one that changed it"
    )
    account_id = columns.text("Account")
    symbol = columns.text("Security")
    acquired_on = columns.date(
        "Day of acquisition on its exchange, which transfers and mergers keep; null when unknown",
        nullable=True,
    )
    opened_at = columns.moment("When it came into the account, UTC")
    quantity_acquired = columns.amount(
        "Units acquired, and added by splits; negative when sold short"
    )
    quantity = columns.amount("Units that remain; negative when sold short")
    currency = columns.text("Currency of the basis", nullable=True)
    cost_basis = columns.amount(
        "What the remaining units cost, fees included; negative (the proceeds) when sold short; null when unknown",
        nullable=True,
    )
    unit_cost = columns.amount("Basis per unit", nullable=True)
    basis_origin = columns.text("trade, stated, converted or unknown")
    term = columns.text(
        "short or long: whether a sale in this session would be after more than one year; or unknown"
    )
    price = columns.amount("Last close", nullable=True)
    value = columns.amount("Value in the quotation currency", nullable=True)
    unrealised_gain = columns.amount(
        "value − cost basis, where both are known in one currency", nullable=True
    )

    @dy.rule()
    def a_lot_is_not_empty(cls) -> pl.Expr:
        return pl.col("quantity") != 0

    @dy.rule()
    def no_more_remains_than_was_acquired(cls) -> pl.Expr:
        return pl.col("quantity").abs() <= pl.col("quantity_acquired").abs()


class RealisedGains(dy.Schema):
    """What each sale (or purchase that covers a short sale) realised, one row per lot that it used."""

    match_id = columns.key("Derived from the closing posting and the lot")
    account_id = columns.text("Account")
    symbol = columns.text("Security")
    lot_id = columns.text("Lot that was used")
    closing_id = columns.text("Posting that closed it")
    kind = columns.text("Kind of the closing event")
    is_short_sale = columns.flag("The units had been sold first and were bought back")
    acquired_on = columns.date("Day of acquisition; null when unknown", nullable=True)
    closed_on = columns.date("Day of the closing trade on its exchange")
    quantity = columns.amount("Units closed; zero for a return of capital beyond the basis")
    currency = columns.text("Currency of the amounts", nullable=True)
    proceeds = columns.amount("What the units brought, fees of the sale taken off", nullable=True)
    cost_basis = columns.amount(
        "What they had cost, fees included; null when unknown", nullable=True
    )
    gain = columns.amount("proceeds − cost basis; null when unknown", nullable=True)
    disallowed_loss = columns.amount("Part of a loss that a wash sale defers (a positive amount)")
    term = columns.text(
        "short or long: held for more than one year; a short sale is always short; or unknown"
    )
    tax_year = columns.count("Year of the closing trade")


class GainsByYear(dy.Schema):
    """Realised gains per year, account, currency and term."""

    tax_year = columns.count("Year of the closing trades", primary_key=True)
    account_id = columns.key("Account")
    currency = columns.key("Currency")
    term = columns.key("short, long or unknown")
    proceeds = columns.amount("Sum of the proceeds of sales whose basis is known")
    cost_basis = columns.amount("Sum of their bases")
    gain = columns.amount("Sum of their gains")
    disallowed_loss = columns.amount("Losses that wash sales defer")
    taxable_gain = columns.amount("gain + disallowed losses")
    proceeds_of_unknown_basis = columns.amount(
        "Proceeds of sales whose basis nobody knows; in no other sum"
    )
    sales_of_unknown_basis = columns.count("Number of them")
