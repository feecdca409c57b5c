"""Which order each fault of a script has taken, and how often it has struck: in the store, so that a restart knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from resources.store import Store, insert_unknown
from resources.store.schema import paper_faults


@dataclass(frozen=True)
class FaultClaims:
    """Claims are made once and kept."""

    store: Store

    def claim(self, client_order_id: str, fault_ids: Sequence[str]) -> str | None:
        """Return the fault that has taken an order; if none has, the first of some that is free takes it now."""
        with self.store.write() as connection:
            rows = connection.execute(sa.select(paper_faults)).all()
            taken: dict[str, str] = {
                row.client_order_id: row.fault_id for row in rows if row.client_order_id
            }
            if client_order_id in taken:
                return taken[client_order_id]
            struck = {row.fault_id for row in rows}
            free = next((fault_id for fault_id in fault_ids if fault_id not in struck), None)
            if free is not None:
                row = {"fault_id": free, "client_order_id": client_order_id, "calls": 0}
                insert_unknown(connection, paper_faults, [row])
            return free

    def strike(self, fault_id: str) -> int:
        """Count one more time that a fault strikes; returns how often it has."""
        with self.store.write() as connection:
            insert_unknown(
                connection,
                paper_faults,
                [{"fault_id": fault_id, "client_order_id": None, "calls": 0}],
            )
            connection.execute(
                sa.update(paper_faults)
                .where(paper_faults.c.fault_id == fault_id)
                .values(calls=paper_faults.c.calls + 1)
            )
            return self._calls(connection, fault_id)

    def calls(self, fault_id: str) -> int:
        """Return how often a fault has struck."""
        with self.store.read() as connection:
            return self._calls(connection, fault_id)

    def _calls(self, connection: sa.Connection, fault_id: str) -> int:
        query = sa.select(paper_faults.c.calls).where(paper_faults.c.fault_id == fault_id)
        return connection.scalar(query) or 0
