"""Emergency episodes in the store, with their timelines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.tables import EmergencySteps, polars_schema
from resources.clock import now
from resources.store import Store
from resources.store.trading_schema import emergency_episodes, emergency_steps

# Steps that may have changed something: after one of them the same may be said again.
_ORDERED = ("exchange", "sell")


@dataclass(frozen=True)
class EpisodeBook:
    """Emergency episodes: one per need, so that a need that returns is seen again."""

    store: Store

    def current(self, account_id: str) -> str | None:
        """Return the open episode of an account."""
        with self.store.read() as connection:
            return _open_episode(connection, account_id)

    def open(self, account_id: str, session: date) -> str:
        """Return the open episode of an account, opening one if there is none."""
        with self.store.write() as connection:
            found = _open_episode(connection, account_id)
            if found is not None:
                return found
            count = connection.scalar(
                sa.select(sa.func.count())
                .select_from(emergency_episodes)
                .where(emergency_episodes.c.account_id == account_id)
            )
            episode_id = f"cash-{account_id}-{(count or 0) + 1}"
            connection.execute(
                sa.insert(emergency_episodes).values(
                    episode_id=episode_id,
                    account_id=account_id,
                    opened_session=session,
                    closed_session=None,
                    outcome="open",
                )
            )
            return episode_id

    def close(self, episode_id: str, session: date, outcome: str) -> None:
        """Close an episode; one that is closed already stays as it is."""
        with self.store.write() as connection:
            connection.execute(
                sa.update(emergency_episodes)
                .where(
                    emergency_episodes.c.episode_id == episode_id,
                    emergency_episodes.c.closed_session.is_(None),
                )
                .values(closed_session=session, outcome=outcome)
            )

    def record(
        self,
        episode_id: str,
        session: date,
        phase: str,
        shortfall: Decimal | None,
        detail: str,
        client_order_id: str | None = None,
    ) -> None:
        """Append a step to the timeline of an episode; nothing if it was said already since the last order.

        Parameters
        ----------
        shortfall : Decimal, optional
            What is missing before the step, in the base currency of the account.
        """
        step = {
            "session": session,
            "phase": phase,
            "client_order_id": client_order_id,
            "shortfall": shortfall,
            "detail": detail,
        }
        steps = emergency_steps
        with self.store.write() as connection:
            known = connection.execute(
                sa.select(steps)
                .where(steps.c.episode_id == episode_id)
                .order_by(steps.c.number.desc())
            ).all()
            for each in known:
                if all(each._mapping[name] == step[name] for name in step):
                    return
                if each.phase in _ORDERED:
                    break
            number = known[0].number + 1 if known else 1
            connection.execute(
                sa.insert(steps).values(
                    episode_id=episode_id, number=number, recorded_at=now(), **step
                )
            )

    def timeline(self) -> pl.DataFrame:
        """Return the steps of all episodes, in order, as `EmergencySteps`."""
        query = (
            sa.select(emergency_steps, emergency_episodes.c.account_id)
            .join(
                emergency_episodes,
                emergency_episodes.c.episode_id == emergency_steps.c.episode_id,
            )
            .order_by(emergency_episodes.c.opened_session, emergency_steps.c.episode_id)
            .order_by(emergency_steps.c.number)
        )
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return EmergencySteps.validate(pl.DataFrame(rows, schema=polars_schema(EmergencySteps)))


def _open_episode(connection: Connection, account_id: str) -> str | None:
    found: str | None = connection.scalar(
        sa.select(emergency_episodes.c.episode_id).where(
            emergency_episodes.c.account_id == account_id,
            emergency_episodes.c.closed_session.is_(None),
        )
    )
    return found
