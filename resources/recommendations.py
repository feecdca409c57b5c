"""Recommendations in the store, with what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from resources.store import Store, insert_unknown
from resources.store.planning_schema import plan_inputs
from resources.store.schema import recommendations

PLAN = "plan"
EMERGENCY = "emergency"


@dataclass(frozen=True)
class RecommendationBook:
    """Stores what was recommended; status is pending, executed, refused, superseded or dismissed."""

    store: Store

    def store_plan(self, account_id: str, session: date, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the steps of a plan; only what the newest plan of the newest session advises is pending.

        An identical plan that was superseded before is pending again. Planning a past session again does not bring
        its advice back beside, or in place of, that of a later session. What a person has dismissed stays dismissed
        while the portfolio is the same, whatever step of whatever plan advises it; once anything is bought, sold or
        paid it may be advised again.
        """
        ids = [row["recommendation_id"] for row in rows]
        plans = [recommendations.c.account_id == account_id, recommendations.c.origin == PLAN]
        with self.store.write() as connection:
            insert_unknown(connection, recommendations, rows)
            _set_status(
                connection,
                "superseded",
                *plans,
                recommendations.c.session <= session,
                recommendations.c.status == "pending",
            )
            _keep_dismissed(connection, account_id, ids)
            # An empty plan has no rows here, but its inputs are kept.
            newest = connection.scalars(
                sa.union_all(
                    sa.select(sa.func.max(recommendations.c.session)).where(*plans),
                    sa.select(sa.func.max(plan_inputs.c.session)).where(
                        plan_inputs.c.account_id == account_id
                    ),
                )
            )
            if session >= max(filter(None, newest), default=session):
                _set_status(
                    connection,
                    "pending",
                    recommendations.c.recommendation_id.in_(ids),
                    recommendations.c.status == "superseded",
                )

    def store_emergency(self, episode_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store what would repair an account now; earlier pending advice of the episode is replaced."""
        with self.store.write() as connection:
            connection.execute(
                sa.delete(recommendations).where(
                    recommendations.c.origin_id == episode_id, recommendations.c.status == "pending"
                )
            )
            insert_unknown(connection, recommendations, rows)

    def dismiss(self, recommendation_id: str) -> bool:
        """Record that a person does not want a pending recommendation; returns whether it was pending."""
        with self.store.write() as connection:
            return bool(
                _set_status(
                    connection,
                    "dismissed",
                    recommendations.c.recommendation_id == recommendation_id,
                    recommendations.c.status == "pending",
                )
            )

    def dismissed(self, account_id: str) -> frozenset[tuple[str, str, str]]:
        """Return what a person does not want: symbol, side, and the hash of the portfolio for which it was said."""
        query = sa.select(
            recommendations.c.symbol, recommendations.c.side, recommendations.c.portfolio_hash
        ).where(
            recommendations.c.account_id == account_id,
            recommendations.c.origin == PLAN,
            recommendations.c.status == "dismissed",
            recommendations.c.portfolio_hash.is_not(None),
        )
        with self.store.read() as connection:
            return frozenset((row[0], row[1], row[2]) for row in connection.execute(query))

    def mark_executed(self, recommendation_id: str) -> None:
        """Record that a recommendation was carried out."""
        with self.store.write() as connection:
            _set_status(
                connection,
                "executed",
                recommendations.c.recommendation_id == recommendation_id,
                recommendations.c.status != "dismissed",
            )

    def mark_refused(self, recommendation_id: str) -> None:
        """Record that the order of a recommendation ended without being filled whole."""
        with self.store.write() as connection:
            _set_status(
                connection, "refused", recommendations.c.recommendation_id == recommendation_id
            )

    def dismiss_emergency(self, account_id: str) -> int:
        """Dismiss pending emergency advice whose need is gone; returns how many."""
        with self.store.write() as connection:
            return _set_status(
                connection,
                "dismissed",
                recommendations.c.account_id == account_id,
                recommendations.c.origin == EMERGENCY,
                recommendations.c.status == "pending",
            )

    def of(self, account_id: str, origin: str, status: str = "pending") -> list[dict[str, Any]]:
        """Return an account's recommendations, in order."""
        query = (
            sa.select(recommendations)
            .where(
                recommendations.c.account_id == account_id,
                recommendations.c.origin == origin,
                recommendations.c.status == status,
            )
            .order_by(
                recommendations.c.session, recommendations.c.origin_id, recommendations.c.step
            )
        )
        with self.store.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


def _keep_dismissed(connection: Connection, account_id: str, ids: Sequence[str]) -> None:
    """Dismiss what was dismissed before: the same trade of the same account while the portfolio has not changed."""
    refused = recommendations.alias("refused")
    seen = sa.exists().where(
        refused.c.account_id == account_id,
        refused.c.origin == PLAN,
        refused.c.status == "dismissed",
        refused.c.symbol == recommendations.c.symbol,
        refused.c.side == recommendations.c.side,
        refused.c.portfolio_hash == recommendations.c.portfolio_hash,
    )
    _set_status(
        connection,
        "dismissed",
        recommendations.c.recommendation_id.in_(ids),
        recommendations.c.status.in_(["pending", "superseded"]),
        seen,
    )


def _set_status(connection: Connection, status: str, *where: sa.ColumnElement[bool]) -> int:
    changed = connection.execute(sa.update(recommendations).where(*where).values(status=status))
    return changed.rowcount
