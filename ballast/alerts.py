"""Who is told of what: alerts for people, broadcasts for programs, and the routes that they take.

Invariants: an alert has an identity derived from its facts, so that telling the same thing twice is telling it once;
an alert of a higher severity reaches every route that one of a lower severity reaches; an unknown value is null in a
broadcast, never the word "None".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

RESULT_CHANNEL = "reconciliation:result"
DISCREPANCY_CHANNEL = "reconciliation:discrepancy"
LONGEST_ID = 128
_ID_DIGITS = 32


@dataclass(frozen=True)
class Alert:
    """Something that a person should know.

    Parameters
    ----------
    alert_id : str
        Identity, see `identity`; posting it again changes nothing. At most 128 characters.
    kind : str
        What it is about, for routing: `reconciliation`, `drawdown`, `kill_switch`, `run_failed`, `check_failed`, ...
    severity : {"info", "warning", "critical"}
        How urgent it is.
    title : str
        One line.
    text : str
        What happened and what to do, Markdown.
    account_id : str, optional
        The account concerned.
    session : date, optional
        The session concerned.
    """

    alert_id: str
    kind: str
    severity: Severity
    title: str
    text: str
    account_id: str | None = None
    session: date | None = None

    def __post_init__(self) -> None:
        _require_id(self.alert_id)
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.severity!r} is none of {', '.join(SEVERITIES)}")


@dataclass(frozen=True)
class Broadcast:
    """A message for programs that listen.

    Parameters
    ----------
    message_id : str
        Identity; posting it again changes nothing. At most 128 characters.
    channel : str
        Channel on which it is published.
    payload : str
        JSON.
    """

    message_id: str
    channel: str
    payload: str

    def __post_init__(self) -> None:
        _require_id(self.message_id)


@dataclass(frozen=True)
class Route:
    """A way to a person, and what is told on it.

    Parameters
    ----------
    name : str
        Name of the route.
    least_severity : {"info", "warning", "critical"}
        Alerts below it do not take this route.
    kinds : sequence of str
        Only these kinds take it; all when empty.
    """

    name: str
    least_severity: Severity = "warning"
    kinds: Sequence[str] = ()

    def takes(self, alert: Alert) -> bool:
        """Say whether an alert takes this route."""
        is_urgent = SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.least_severity)
        return is_urgent and (not self.kinds or alert.kind in self.kinds)


def routes_of(alert: Alert, routes: Sequence[Route]) -> tuple[str, ...]:
    """Return the names of the routes that an alert takes, in their order."""
    return tuple(route.name for route in routes if route.takes(alert))


def identity(kind: str, *facts: object) -> str:
    """Return an id derived from facts: the same facts give the same id, on every machine and in every run.

    Parameters
    ----------
    kind : str
        Readable beginning of the id.
    *facts
        Texts, dates, amounts: whatever tells this from any other of its kind. The moment of the run is none of them.
    """
    text = json.dumps([None if fact is None else str(fact) for fact in facts])
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]}"


def result_broadcast(
    *,
    run_id: str,
    account_id: str,
    timestamp: datetime,
    is_clean: bool,
    discrepancy_count: int,
    positions_checked: int,
    duration_ms: float,
    context: Mapping[str, object],
) -> Broadcast:
    """Return the message about one reconciliation of one account.

    Parameters
    ----------
    timestamp : datetime
        With its time zone.
    duration_ms : float
        Milliseconds.
    context : mapping
        What triggered it, JSON-serialisable: `{"trigger": "periodic"}`.
    """
    payload = {
        "run_id": run_id,
        "account_id": account_id,
        "timestamp": _moment(timestamp),
        "is_clean": is_clean,
        "discrepancy_count": discrepancy_count,
        "positions_checked": positions_checked,
        "duration_ms": duration_ms,
        "context": dict(context),
    }
    message_id = identity("result", run_id, account_id)
    return Broadcast(message_id, RESULT_CHANNEL, json.dumps(payload))


def discrepancy_broadcast(
    *,
    run_id: str,
    discrepancy_type: str,
    severity: str,
    symbol: str | None,
    local_value: Decimal | None,
    broker_value: Decimal | None,
    timestamp: datetime,
    account_id: str,
    field: str | None = None,
) -> Broadcast:
    """Return the message about one discrepancy.

    Parameters
    ----------
    symbol : str or None
        Security or currency; None for what concerns the account as a whole.
    local_value, broker_value : Decimal or None
        Amounts; None when unknown, which is null in the message.
    timestamp : datetime
        With its time zone.
    field : str, optional
        Field that differs; no part of the message, but it tells two differences of one type apart.
    """
    values = {"local_value": _amount(local_value), "broker_value": _amount(broker_value)}
    payload = {
        "run_id": run_id,
        "type": discrepancy_type,
        "severity": severity,
        "symbol": symbol,
        **values,
        "timestamp": _moment(timestamp),
        "account_id": account_id,
    }
    message_id = identity(
        "discrepancy", run_id, account_id, discrepancy_type, symbol, field, *values.values()
    )
    return Broadcast(message_id, DISCREPANCY_CHANNEL, json.dumps(payload))


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _moment(timestamp: datetime) -> str:
    if timestamp.tzinfo is None:
        raise ValueError(f"{timestamp!r} has no time zone")
    return timestamp.isoformat()


def _require_id(text: str) -> None:
    if not 0 < len(text) <= LONGEST_ID:
        raise ValueError(f"an id has 1 to {LONGEST_ID} characters, not {len(text)}: {text!r}")
