"""What happens to a paper account without an order: its opening history, dividends and splits on their ex dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.errors import OrderRefusedError
from ballast.money import ZERO
from resources.brokers.paper_book import moment_of
from resources.brokers.paper_market import PaperMarket
from resources.brokers.paper_opening import OpeningEvent
from resources.brokers.paper_rules import Movement, Refusal, corporate_action, execute

# Hours (UTC) at which the events of a day are booked, so that their order is fixed.
_CORPORATE_ACTIONS_HOUR = 8
_OPENING_HOUR = 15


def events_between(
    market: PaperMarket,
    script: Sequence[OpeningEvent],
    held: Mapping[str, Decimal],
    first: date,
    last: date,
) -> list[list[Movement]]:
    """Return the events of some days, in order, each with its movements; it asks the market.

    Parameters
    ----------
    script : sequence of OpeningEvent
        Opening history of the account, in order.
    held : mapping of str to Decimal
        What the account holds before the first day.

    Raises
    ------
    OrderRefusedError
        If the opening history asks for what cannot be done.
    """
    script = [event for event in script if first <= event.session <= last]
    balances = {commodity: quantity for commodity, quantity in held.items() if quantity != ZERO}
    concerned = [*balances, *(event.symbol for event in script)]
    actions = market.corporate_actions(concerned, first, last)
    events: list[list[Movement]] = []
    for day in sorted({event.session for event in script} | set(actions["ex_date"])):
        of_before = len(events)
        for row in actions.filter(pl.col("ex_date") == day).iter_rows(named=True):
            at = moment_of(day, _CORPORATE_ACTIONS_HOUR, len(events) - of_before)
            if movements := corporate_action(row, balances, at, market):
                events.append(_settled(movements, balances))
        for event in (event for event in script if event.session == day):
            outcome = execute(
                # What happened before Ballast was not bound to the pairs that are offered now.
                replace(market, pairs=None),
                balances,
                event_id=event.event_id,
                side=event.action,
                symbol=event.symbol,
                quantity=event.quantity,
                session=day,
                filled_at=moment_of(day, _OPENING_HOUR, len(events) - of_before),
            )
            if isinstance(outcome, Refusal):
                raise OrderRefusedError(
                    f"the opening history cannot be booked: {outcome.reason}",
                    where=f"{event.event_id} {event.session} {event.account_id}",
                    remedy="Correct that line of the opening history (setting paper.opening).",
                )
            events.append(_settled(outcome, balances))
    return events


def _settled(movements: list[Movement], balances: dict[str, Decimal]) -> list[Movement]:
    for movement in movements:
        balances[movement.commodity] = balances.get(movement.commodity, ZERO) + movement.quantity
    return movements
