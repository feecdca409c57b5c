"""What a reconciliation remembers: which difference is new, which goes on, which has ended, and who must be told.

A difference has an identity from the session in which it appears until a session in which it is gone; should it
return, it is a new one. While its account cannot be asked, or its item is inconclusive, nothing is known: it neither
goes on nor ends. A session before the newest one that an account was reconciled for changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.alerts import SEVERITIES, Alert, Severity, identity
from ballast.books.postings import derived_id
from ballast.reconciliation.causes import CAUSES

_UNDECIDED = ("inconclusive", "unavailable")
# More than this in one account are told in one message.
_MOST_MESSAGES = 8


@dataclass(frozen=True)
class Discrepancy:
    """A difference between book and broker over the sessions for which it lasts.

    Parameters
    ----------
    sessions_seen : int
        Sessions in which it was found, the first included.
    resolved_on : date, optional
        First session in which it was gone.
    """

    discrepancy_id: str
    account_id: str
    item: str
    field: str
    outcome: str
    cause: str
    severity: Severity
    local_value: Decimal | None
    broker_value: Decimal | None
    difference: Decimal | None
    first_seen: date
    last_seen: date
    sessions_seen: int = 1
    resolved_on: date | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Account, item and field."""
        return self.account_id, self.item, self.field


def remember(
    known: Iterable[Discrepancy], report: pl.DataFrame, session: date, newest: Mapping[str, date]
) -> list[Discrepancy]:
    """Carry discrepancies on to a session.

    Parameters
    ----------
    known : iterable of Discrepancy
        Those that are open before the session, and those that this session has opened or ended already.
    report : pl.DataFrame
        The comparison with causes.
    newest : mapping of str to date
        Newest session for which each account was reconciled before.

    Returns
    -------
    list of Discrepancy
        All that are new, go on, or end: what is to be written.
    """
    current = report.filter(
        ~pl.col("outcome").is_in(["matched", *_UNDECIDED])
        | ((pl.col("outcome") == "unavailable") & (pl.col("field") == "availability"))
    )
    rows = {(r["account_id"], r["item"], r["field"]): r for r in current.iter_rows(named=True)}
    late = {account for account, last in newest.items() if last > session}
    undecided = _undecided(report)
    found: list[Discrepancy] = []
    by_key = {each.key: each for each in known}
    for key, row in rows.items():
        if key[0] not in late:
            found.append(_seen(by_key.get(key), row, session))
    for key, each in by_key.items():
        is_silent = (key[0], None) in undecided or (key[0], key[1]) in undecided
        is_gone = key not in rows and key[0] in set(report["account_id"]) and not is_silent
        if is_gone and key[0] not in late and each.resolved_on is None:
            found.append(replace(each, resolved_on=session))
    return sorted(found, key=lambda each: each.key)


def alerts_of(
    discrepancies: Iterable[Discrepancy],
    known: Iterable[Discrepancy],
    session: date,
    *,
    escalate_after: int,
) -> list[Alert]:
    """Return what people are told: each discrepancy once, again when it grows worse, and again as it grows old.

    Parameters
    ----------
    discrepancies : iterable of Discrepancy
        Those that are new, go on, or end.
    known : iterable of Discrepancy
        What was remembered of them before.
    escalate_after : int
        Sessions after which an open discrepancy is told of again, one step more urgent.
    """
    before = {each.discrepancy_id: SEVERITIES.index(each.severity) for each in known}
    messages: dict[str, list[Alert]] = {}
    for each in discrepancies:
        is_worse = SEVERITIES.index(each.severity) > before.get(each.discrepancy_id, -1)
        is_due = (each.sessions_seen - 1) % escalate_after == 0
        if each.resolved_on is None and (is_worse or is_due):
            alert = _alert(each, session, escalate_after)
            messages.setdefault(each.account_id, []).append(alert)
    alerts: list[Alert] = []
    for account, own in sorted(messages.items()):
        alerts += own if len(own) <= _MOST_MESSAGES else [_digest(account, own, session)]
    return alerts


def _undecided(report: pl.DataFrame) -> set[tuple[str, str | None]]:
    silent = report.filter(pl.col("outcome").is_in(_UNDECIDED))
    return {
        (account, None if item == "account" else item)
        for account, item in silent.select("account_id", "item").iter_rows()
    }


def _seen(known: Discrepancy | None, row: Mapping[str, object], session: date) -> Discrepancy:
    facts = {
        name: row[name]
        for name in ("outcome", "cause", "severity", "local_value", "broker_value", "difference")
    }
    if known is not None and (known.resolved_on is None or known.first_seen == session):
        more = int(known.last_seen < session)
        return replace(
            known,
            **facts,  # type: ignore[arg-type]
            last_seen=max(known.last_seen, session),
            sessions_seen=known.sessions_seen + more,
            resolved_on=None,
        )
    account, item, name = str(row["account_id"]), str(row["item"]), str(row["field"])
    return Discrepancy(
        discrepancy_id=derived_id("discrepancy", f"{account}|{item}|{name}|{session}"),
        account_id=account,
        item=item,
        field=name,
        first_seen=session,
        last_seen=session,
        **facts,  # type: ignore[arg-type]
    )


def _alert(each: Discrepancy, session: date, escalate_after: int) -> Alert:
    steps = (each.sessions_seen - 1) // escalate_after
    urgency = min(SEVERITIES.index(each.severity) + steps, len(SEVERITIES) - 1)
    facts = CAUSES.get(each.cause)  # type: ignore[call-overload]
    age = "" if each.sessions_seen == 1 else f" It has been open for {each.sessions_seen} sessions."
    reason = "" if facts is None else f" Cause: {each.cause}. {facts.meaning} {facts.remedy}"
    return Alert(
        alert_id=identity("reconciliation", each.discrepancy_id, each.severity, steps),
        kind="reconciliation",
        severity=SEVERITIES[urgency],
        title=f"{each.account_id}: {each.item} {each.outcome.replace('_', ' ')}",
        text=(
            f"{each.field} of {each.item} in account {each.account_id}: the books say"
            f" {_amount(each.local_value)}, the broker {_amount(each.broker_value)}.{age}{reason}"
        ),
        account_id=each.account_id,
        session=session,
    )


def _digest(account: str, alerts: list[Alert], session: date) -> Alert:
    worst = max(alerts, key=lambda each: SEVERITIES.index(each.severity)).severity
    ids = sorted(each.alert_id for each in alerts)
    return Alert(
        alert_id=identity("reconciliation", account, *ids),
        kind="reconciliation",
        severity=worst,
        title=f"{account}: {len(alerts)} differences between books and broker",
        text="\n".join(f"- {each.text}" for each in alerts),
        account_id=account,
        session=session,
    )


def _amount(value: Decimal | None) -> str:
    return "nothing" if value is None else f"{value.normalize():,f}"
