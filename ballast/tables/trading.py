"""Tables of trading: orders with their state and history, their fills, the gate's answers, emergencies."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns


class Orders(dy.Schema):
    """Orders with the state that their events give them."""

    client_order_id = columns.key("Derived from account, plan or episode, and step")
    account_id = columns.text("Account")
    origin = columns.text("plan, person, guard or emergency")
    origin_id = columns.text("Plan (inputs hash), request or episode")
    session = columns.date("Session")
    side = columns.text("sell, exchange or buy")
    symbol = columns.text("Security, or currency pair FROM/TO")
    quantity = columns.amount("Units ordered; for an exchange, amount of FROM")
    price = columns.amount("Price or rate on which it was decided", nullable=True)
    reason = columns.text("Why, in words", nullable=True)
    decided_at = dy.Datetime(
        time_unit="us",
        time_zone="UTC",
        nullable=True,
        metadata={"description": "When the gate let it pass, by the clock of the run"},
    )
    state = columns.text(
        "intent, submitted, unknown, accepted, partially_filled, filled, cancelled, rejected or expired"
    )
    filled = columns.amount("Units filled so far")
    detail = columns.text("Last answer of the broker", nullable=True)


class OrderHistory(dy.Schema):
    """Everything that happened to the orders of a session, in order."""

    client_order_id = columns.key("Order")
    sequence = columns.count("Number of the event, from 0", primary_key=True)
    kind = columns.text("What happened")
    state = columns.text("State of the order after it")
    fill_id = columns.text("The broker's id of a fill", nullable=True)
    quantity = columns.amount("Units of a fill", nullable=True)
    detail = columns.text("What was said", nullable=True)
    recorded_at = columns.moment("When it was recorded")


class Executions(dy.Schema):
    """Fills of our orders, each once."""

    account_id = columns.key("Account")
    fill_id = columns.key("The broker's id")
    client_order_id = columns.text("Order")
    session = columns.date("Session of the order")
    side = columns.text("sell, exchange or buy, as it was filled")
    symbol = columns.text("Security, or currency pair FROM/TO")
    quantity = columns.amount("Units filled; for an exchange, amount of FROM")
    price = columns.amount("Price, or units of TO per one of FROM", nullable=True)
    currency = columns.text("Currency of the price", nullable=True)
    fee = columns.amount("Fee charged", nullable=True)
    fee_currency = columns.text("Currency of the fee", nullable=True)
    filled_at = columns.moment("When it was filled")
    remark = columns.text("late or over-filled", nullable=True)
    recorded_at = columns.moment("When it became known")


class GateAnswers(dy.Schema):
    """What each layer of the gate said of each order of a session, every time that it said something new."""

    client_order_id = columns.key("Order")
    attempt = columns.count("Number of the judgement, from 1", primary_key=True)
    number = columns.count("Number of the layer, from 1", primary_key=True)
    account_id = columns.text("Account")
    origin = columns.text("plan, person, guard or emergency")
    session = columns.date("Session")
    side = columns.text("sell, exchange or buy")
    symbol = columns.text("Security, or currency pair FROM/TO")
    quantity = columns.amount("Units; for an exchange, amount of FROM")
    layer = columns.text("Layer of the gate")
    verdict = columns.text("pass, block, bypassed or not_applicable")
    reason = columns.text("Why, in words")
    judged_at = columns.moment("Moment of the judgement, by the clock of the run")


class EmergencySteps(dy.Schema):
    """The timeline of emergency episodes."""

    episode_id = columns.key("Episode")
    number = columns.count("Number of the step, from 1", primary_key=True)
    account_id = columns.text("Account")
    session = columns.date("Session of the step")
    phase = columns.text(
        "opened, exchange, sell, wait, blocked, repaired, cannot_pay, advised or dismissed"
    )
    client_order_id = columns.text("Order of the step", nullable=True)
    shortfall = columns.amount(
        "What is missing before the step, in base currency; null where it is unknown", nullable=True
    )
    detail = columns.text("What was done and why")
    recorded_at = columns.moment("When it was recorded")
