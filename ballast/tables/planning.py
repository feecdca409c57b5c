"""Tables of planning and reporting."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns


class Recommendations(dy.Schema):
    """The steps of each account's plan in the order in which they must be taken."""

    recommendation_id = columns.key("Derived from account, session, inputs and step")
    account_id = columns.text("Account")
    session = columns.date("Session for which it was planned")
    step = columns.count("Order of execution within the account, from 1")
    side = dy.String(
        regex=r"^(sell|exchange|buy)$", metadata={"description": "sell, exchange or buy"}
    )
    symbol = columns.text("Security, or currency pair FROM/TO for an exchange")
    quantity = columns.amount("Units to trade; for an exchange, amount of FROM")
    price = columns.amount("Price assumed; for an exchange, the rate")
    currency = columns.text("Currency of price and fee")
    value_base = columns.amount("Size of the trade in base currency")
    fee = columns.amount("Expected fee, in currency")
    weight_before = columns.number("Weight before the plan")
    weight_after = columns.number("Weight after the plan")
    target_weight = columns.number("Wanted weight")
    cash_after_base = columns.amount("Account cash in base currency after this step")
    reason = columns.text("Why, in words")
    inputs_hash = columns.text("Hash of everything the plan was computed from")


class Plans(dy.Schema):
    """One row per account: whether it could be planned, and what the plan does to it."""

    account_id = columns.key("Account")
    session = columns.date("Session")
    status = columns.text("planned, at_target, blocked or unknown")
    reason = columns.text("Why, in words")
    steps = columns.count("Number of steps")
    base_currency = columns.text("Base currency of the account")
    value_before = columns.amount("Account value before the plan", nullable=True)
    reserve = columns.amount("Cash to keep in base currency", nullable=True)
    cash_before = columns.amount("Cash in base currency before the plan", nullable=True)
    cash_after = columns.amount("Cash in base currency after the plan", nullable=True)
    fees = columns.amount("Expected fees of the plan in base currency", nullable=True)
    regime = columns.text("Market regime that set the reserve", nullable=True)
    inputs_hash = columns.text("Hash of everything the plan was computed from")


class DailyReports(dy.Schema):
    """The report of a session as text."""

    session = columns.date("Session", primary_key=True)
    report = columns.text("The report, as Markdown")
