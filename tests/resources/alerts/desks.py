"""Desks, alerts and a clock for the tests of the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ballast.alerts import Alert, Severity
from ballast.settings import AlertSettings
from resources.alerts import AlertDesk
from resources.store import Store
from resources.store.alert_schema import alert_deliveries
from resources.store.schema import metadata

START = datetime(2024, 3, 1, 9, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test moves."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **span: float) -> None:
        self.moment += timedelta(**span)


def alert(
    alert_id: str = "cash:1", severity: Severity = "critical", kind: str = "reconciliation"
) -> Alert:
    return Alert(
        alert_id=alert_id,
        kind=kind,
        severity=severity,
        title=f"Cash differs ({alert_id})",
        text="The broker has **3.20 EUR** less.",
        account_id="europe",
        session=date(2024, 2, 29),
    )


@dataclass
class Routes:
    """Routes by name, their addresses in an environment, and the settings that name them."""

    environment: dict[str, str] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, address: str | None, **settings: Any) -> Routes:
        variable = f"BALLAST_ALERTS_{name.upper()}"
        if address is not None:
            self.environment[variable] = address
        self.routes.append({"name": name, "environment": variable, **settings})
        return self

    def desk(self, store: Store, clock: Clock | None = None) -> AlertDesk:
        settings = AlertSettings.model_validate({"routes": self.routes, **self.limits})
        return AlertDesk(store, settings, self.environment, clock or Clock())


def desk_of(
    store: Store, addresses: Mapping[str, str | None], clock: Clock | None = None
) -> AlertDesk:
    """Return a desk whose routes take everything."""
    routes = Routes()
    for name, address in addresses.items():
        routes.add(name, address, least_severity="info")
    return routes.desk(store, clock)


def deliveries(store: Store) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every delivery by alert and route."""
    with store.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(alert_deliveries))]
    return {(row["item_id"], row["route"]): row for row in rows}


def statuses(store: Store) -> dict[tuple[str, str], str]:
    return {key: row["status"] for key, row in deliveries(store).items()}


def everything_stored(store: Store) -> str:
    """Return all rows of all tables as one text."""
    with store.read() as connection:
        return "\n".join(
            str(tuple(row))
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        )


def titles(bodies: Iterable[bytes]) -> list[str]:
    """Return the titles of alerts that arrived as JSON."""
    import json

    return [json.loads(body)["title"] for body in bodies]
