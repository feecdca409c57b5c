"""Every answer of the gate in the store: what each layer said of each order, whenever it said something new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.tables import GateAnswers, polars_schema
from ballast.trading.gate import Answer, stopped_by
from ballast.trading.orders import OrderIntent
from resources.clock import now
from resources.store import Store
from resources.store.trading_schema import gate_answers, gate_decisions


@dataclass(frozen=True)
class GateLog:
    """Judgements, append-only."""

    store: Store

    def record(self, intent: OrderIntent, answers: Sequence[Answer], judged_at: datetime) -> None:
        """Write a judgement; nothing if every layer says what it said the last time."""
        with self.store.write() as connection:
            attempt, before = _last(connection, intent.client_order_id)
            if before == [(answer.layer, answer.verdict, answer.reason) for answer in answers]:
                return
            key = {"client_order_id": intent.client_order_id, "attempt": attempt + 1}
            connection.execute(
                sa.insert(gate_decisions).values(
                    **key,
                    account_id=intent.account_id,
                    origin=intent.origin,
                    session=intent.session,
                    side=intent.side,
                    symbol=intent.symbol,
                    quantity=intent.quantity,
                    is_passed=stopped_by(answers) is None,
                    judged_at=judged_at,
                    recorded_at=now(),
                )
            )
            connection.execute(
                sa.insert(gate_answers),
                [
                    {
                        **key,
                        "number": number,
                        "layer": answer.layer,
                        "verdict": answer.verdict,
                        "reason": answer.reason,
                    }
                    for number, answer in enumerate(answers, 1)
                ],
            )

    def table(self, session: date) -> pl.DataFrame:
        """Return all judgements of the orders of a session, as `GateAnswers`."""
        same = sa.and_(
            gate_decisions.c.client_order_id == gate_answers.c.client_order_id,
            gate_decisions.c.attempt == gate_answers.c.attempt,
        )
        query = (
            sa.select(
                gate_decisions,
                gate_answers.c.number,
                gate_answers.c.layer,
                gate_answers.c.verdict,
                gate_answers.c.reason,
            )
            .join(gate_answers, same)
            .where(gate_decisions.c.session == session)
            .order_by(gate_answers.c.client_order_id, gate_answers.c.attempt, gate_answers.c.number)
        )
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return GateAnswers.validate(pl.DataFrame(rows, schema=polars_schema(GateAnswers)))


def _last(connection: Connection, client_order_id: str) -> tuple[int, list[tuple[str, str, str]]]:
    attempt = connection.scalar(
        sa.select(sa.func.max(gate_decisions.c.attempt)).where(
            gate_decisions.c.client_order_id == client_order_id
        )
    )
    if attempt is None:
        return 0, []
    rows = connection.execute(
        sa.select(gate_answers.c.layer, gate_answers.c.verdict, gate_answers.c.reason)
        .where(gate_answers.c.client_order_id == client_order_id, gate_answers.c.attempt == attempt)
        .order_by(gate_answers.c.number)
    )
    return attempt, [(row.layer, row.verdict, row.reason) for row in rows]
