"""What plans were computed from, kept so that each of them can be computed once more."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import sqlalchemy as sa

from ballast.errors import NotPublishedError
from ballast.planning.case import PlanningCase
from resources.clock import now
from resources.store import Store, insert_unknown
from resources.store.planning_schema import plan_inputs
from resources.store.schema import recommendations


@dataclass(frozen=True)
class ArchivedPlan:
    """The inputs of a plan and the steps that came of them, both as text."""

    inputs_hash: str
    inputs: str
    steps: str
    code_version: str


@dataclass(frozen=True)
class PlanArchive:
    """Keeps the inputs and the steps of every plan by the hash of the inputs."""

    store: Store

    def keep(self, case: PlanningCase, steps: str, code_version: str) -> None:
        """Keep a plan; one of the same inputs that is there already stays."""
        row = {
            "inputs_hash": case.inputs_hash,
            "account_id": case.account.account_id,
            "session": case.account.session,
            "content": _packed(case.canonical_json()),
            "steps": _packed(steps),
            "code_version": code_version,
            "recorded_at": now(),
        }
        with self.store.write() as connection:
            insert_unknown(connection, plan_inputs, [row])

    def find(self, name: str) -> ArchivedPlan:
        """Return the plan of a recommendation, or that of an inputs hash.

        Raises
        ------
        NotPublishedError
            If nothing is kept under this name.
        """
        with self.store.read() as connection:
            inputs_hash = connection.scalar(
                sa.select(recommendations.c.inputs_hash).where(
                    recommendations.c.recommendation_id == name
                )
            )
            row = connection.execute(
                sa.select(plan_inputs).where(plan_inputs.c.inputs_hash == (inputs_hash or name))
            ).one_or_none()
        if row is None:
            raise NotPublishedError(
                f"no inputs are kept for {name!r}",
                where="ballast replay",
                remedy="Name a recommendation of planner_recommendations, or an inputs hash.",
            )
        return ArchivedPlan(
            row.inputs_hash, _unpacked(row.content), _unpacked(row.steps), row.code_version
        )


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode(), 9)


def _unpacked(content: bytes) -> str:
    return zlib.decompress(content).decode()
