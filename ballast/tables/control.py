"""Tables of what brokers report."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns
from ballast.tables.books import Postings


class BrokerPositions(dy.Schema):
    """Holdings as the broker reports them, signed."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    quantity = columns.amount("Units, negative when short")
    average_price = columns.amount("Average price reported by the broker", nullable=True)
    currency = columns.text("Quotation currency")
    cost_basis = columns.amount(
        "Basis of all units, where the broker reports one; signed like the quantity", nullable=True
    )


class BrokerLots(dy.Schema):
    """Tax lots as the broker keeps them, where it reports lots."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    number = columns.count("Number of the lot within its security, oldest first", primary_key=True)
    acquired_on = columns.date("Day of acquisition; null when unknown", nullable=True)
    quantity = columns.amount("Units, negative when short")
    currency = columns.text("Currency of the basis")
    cost_basis = columns.amount("Basis of the units, signed like them", nullable=True)


class BrokerBalances(dy.Schema):
    """Cash as the broker reports it, per currency."""

    account_id = columns.key("Account")
    currency = columns.key("ISO 4217 currency")
    balance = columns.amount("Cash, negative when overdrawn")


class BrokerAccounts(dy.Schema):
    """Whether each broker account could be asked; an unavailable account is unknown, not flat."""

    account_id = columns.key("Account")
    broker = columns.text("Which broker")
    is_available = columns.flag("The broker answered completely")
    asked_as_of = columns.date("Session that the answers describe")
    detail = columns.text("Why it was unavailable", nullable=True)
    equity = columns.amount(
        "Account value in base currency as the broker reports it", nullable=True
    )
    reports_lots = columns.flag("The broker reported its lots")
    asked_at = columns.moment("When it was asked, UTC")


class BrokerActivity(Postings):
    """What each broker says happened lately, asked as a whole and apart from the import, as postings would book it."""

    order_id = columns.text(
        "Our id of the order behind it; null for what we did not order", nullable=True
    )
    is_liquidation = columns.flag("The broker closed the position by itself")


class InFlight(dy.Schema):
    """Securities and currencies with an execution so young that one side may not know it yet."""

    account_id = columns.key("Account")
    item = columns.key("Security symbol or currency code")
    reason = columns.text("Which execution")
