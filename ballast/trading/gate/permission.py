"""Layers that ask whether orders may be sent at all: the mode, the kill switch and the guards, the account."""

from __future__ import annotations

from ballast.settings import GuardSettings
from ballast.trading.gate.facts import EMERGENCY_ORIGINS, Answer, Facts
from ballast.trading.orders import OrderIntent


def mode(intent: OrderIntent, facts: Facts) -> Answer:
    """Ask whether the mode, and in live mode a confirmation that names the account, lets orders out."""
    if facts.refusal is not None:
        return Answer("mode", "block", facts.refusal)
    return Answer("mode", "pass", f"Orders of account {intent.account_id} may be sent.")


def kill_switch(intent: OrderIntent, facts: Facts, guards: GuardSettings) -> Answer:
    """Ask the kill switch, and for plans and persons the guards and the daily limit of orders."""
    name = "kill_switch"
    if facts.switch is None:
        return Answer(name, "block", "The state of the kill switch is unknown.")
    if not facts.switch.lets_through(intent.origin):
        return Answer(
            name,
            "block",
            f"The kill switch is tripped ({facts.switch.level}): {facts.switch.reason.rstrip('.')}."
            " Reset it with the job reset_kill_switch and a reason.",
        )
    if intent.origin in EMERGENCY_ORIGINS:
        return Answer(name, "pass", "Nothing stops repairs and closes.")
    if facts.guard_block is not None:
        return Answer(name, "block", f"Guards stop the account: {facts.guard_block}")
    if facts.restricted is None or facts.orders_in_session is None:
        return Answer(name, "block", "The guards have not judged the account.")
    if intent.side in facts.restricted:
        return Answer(name, "block", f"A guard stops every {intent.side} of {intent.symbol}.")
    if facts.orders_in_session >= guards.orders_per_day:
        return Answer(
            name,
            "block",
            f"{facts.orders_in_session} orders were written in session {facts.session}; guards.orders_per_day is"
            f" {guards.orders_per_day}. Look for a loop that keeps ordering.",
        )
    return Answer(name, "pass", "No switch is tripped and no guard stops it.")


def account(intent: OrderIntent, facts: Facts) -> Answer:
    """Ask whether the account is reconciled and its broker answers."""
    if facts.account_problem is not None:
        return Answer("account", "block", facts.account_problem)
    return Answer("account", "pass", f"Account {intent.account_id} agrees with its broker.")
