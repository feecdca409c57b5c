"""Tables of control: what brokers report, and book against broker."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns


class BrokerPositions(dy.Schema):
    """Holdings as the broker reports them, signed."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    quantity = columns.amount("Units, negative when short")
    average_price = columns.amount("Average price reported by the broker", nullable=True)
    currency = columns.text("Quotation currency")


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
    latest_fill_at = dy.Datetime(
        nullable=True,
        time_unit="us",
        time_zone="UTC",
        metadata={"description": "Newest fill that the broker knows"},
    )


class Reconciliation(dy.Schema):
    """Book against broker, one row per compared key and field, differences and agreements alike."""

    account_id = columns.key("Account")
    item = columns.key("Security symbol, currency code, or 'account' for account-level rows")
    field = columns.key("quantity, average_cost, cash, equity or availability")
    outcome = columns.text("matched, one of the discrepancy types, inconclusive or unavailable")
    severity = columns.text("none, info, warning or critical")
    local_value = columns.amount("What the books say", nullable=True)
    broker_value = columns.amount("What the broker says", nullable=True)
    difference = columns.amount("broker − local", nullable=True)
    tolerance = columns.amount("Largest difference that still counts as equal", nullable=True)
    explanation = columns.text("What a person should know or do")
