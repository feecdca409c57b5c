"""Play a month: what was injected, found, named right and resolved, and what was alarmed of without a reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from resources.ledger import Ledger
from resources.store import Store, sqlite_url
from tests.simulation.desk import Desk, Reconciled
from tests.simulation.scripts import script
from tests.simulation.staging import Planned
from tests.simulation.world import World, world

_DERIVED = ("none", "consequence")
_SUMS = ("quantity", "cash")
_MISSTATEMENTS = ("wrong_average", "wrong_lots")


@dataclass
class Score:
    """Counts of a month.

    Parameters
    ----------
    named, right : Counter
        How often a cause was named per account and session, and how often a fault of it was there.
    had, recalled : Counter
        How many faults a cause had, and how many of them it named.
    alarms : list of str
        Differences without a fault.
    """

    injected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    named_right: Counter[str] = field(default_factory=Counter)
    resolved: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    had: Counter[str] = field(default_factory=Counter)
    recalled: Counter[str] = field(default_factory=Counter)
    clean_days: int = 0
    alarms: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)

    def share(self, counts: Counter[str]) -> float:
        """Return a share of all faults."""
        return counts.total() / self.injected.total()

    def by_kind(self) -> str:
        """Return the table of the kinds of faults as text."""
        rows = [
            (
                name,
                self.injected[name],
                self.found[name],
                self.named_right[name],
                self.resolved[name],
            )
            for name in sorted(self.injected)
        ]
        total = tuple(
            counts.total()
            for counts in (self.injected, self.found, self.named_right, self.resolved)
        )
        return _text(
            ("fault", "injected", "found", "named right", "resolved"), [*rows, ("all", *total)]
        )

    def by_cause(self) -> str:
        """Return the table of the causes as text."""
        rows = [
            (
                cause,
                _ratio(self.right[cause], self.named[cause]),
                _ratio(self.recalled[cause], self.had[cause]),
            )
            for cause in sorted({*self.named, *self.had})
        ]
        return _text(("cause", "precision", "recall"), rows)


def play(folder: Path, accounts: int, sessions: int, seed: int) -> Score:
    """Play a month of some accounts and sessions."""
    with world(folder, accounts, sessions, seed) as played:
        faults = script(played, seed)
        broker = played.with_faults([planned.fault for planned in faults])
        with closing(Store(sqlite_url(folder / "books.db"))) as store:
            desk = Desk(played, broker, Ledger(store))
            score = Score()
            by_account: dict[str, list[Planned]] = defaultdict(list)
            for planned in faults:
                if planned.name:
                    by_account[planned.fault.account_id].append(planned)
                    score.injected[planned.name] += 1
            for session in played.sessions:
                _day(desk, played, by_account, session, score)
            return score


def _day(
    desk: Desk, played: World, by_account: dict[str, list[Planned]], session: date, score: Score
) -> None:
    desk.import_events(session)
    first = desk.reconcile(session)
    active = {
        account: [each for each in planned if each.is_open(session)]
        for account, planned in by_account.items()
    }
    for account in played.base_currencies:
        _judge(account, session, active.get(account, []), first, score)
    refused = {
        (each.fault.account_id, item)
        for planned in active.values()
        for each in planned
        if each.fault.kind in _MISSTATEMENTS
        for item in each.items
    }
    accepted = [each for each in first.proposals if not _is_restatement_of(each, refused)]
    desk.accept(accepted)
    second = desk.reconcile(session) if accepted else first
    for account in played.base_currencies:
        _judge_resolved(account, session, by_account.get(account, []), first, second, score)
        if _left(account, active.get(account, []), second).is_empty():
            desk.clean_on[account] = session
    score.repeated += [
        f"{session} {each.account_id}: {each.description}"
        for each in second.proposals
        if not _is_restatement_of(each, refused)
    ]


def _judge(
    account: str, session: date, active: Sequence[Planned], first: Reconciled, score: Score
) -> None:
    rows = first.differing(account)
    if not active:
        score.clean_days += 1
        score.alarms += [f"{session} {_said(row)}" for row in rows.iter_rows(named=True)]
        return
    concerned = {item for each in active for item in each.items} | {"account"}
    stray = rows.filter(~pl.col("item").is_in(sorted(concerned)))
    score.alarms += [f"{session} {_said(row)}" for row in stray.iter_rows(named=True)]
    expected = {cause for each in active for cause in each.causes}
    named = _causes(rows, first)
    score.named.update(named)
    score.right.update(named & expected)
    for each in active:
        if each.fault.session != session:
            continue
        own = rows.filter(pl.col("item").is_in(sorted(each.items)))
        causes = _causes(own, first)
        # Where several names are right, the one that was given counts.
        score.had.update(sorted(each.causes & causes or each.causes)[:1])
        if own.is_empty():
            score.misses.append(f"{session} {account} {each.name} {sorted(each.items)}: not found")
            continue
        score.found[each.name] += 1
        score.recalled.update(sorted(each.causes & causes)[:1])
        if causes & each.causes and causes <= expected:
            score.named_right[each.name] += 1
        else:
            said = "; ".join(_said(row) for row in own.iter_rows(named=True))
            score.misses.append(f"{session} {account} {each.name}: {said}")


def _judge_resolved(
    account: str,
    session: date,
    planned: Iterable[Planned],
    first: Reconciled,
    second: Reconciled,
    score: Score,
) -> None:
    """Count what is gone after the corrections, or by itself once its time is over."""
    active = [each for each in planned if each.is_open(session)]
    for each in planned:
        others = {item for other in active for item in other.items if other is not each}
        own = pl.col("item").is_in(sorted(each.items))
        if each.fault.kind == "unreachable":
            is_due = session == each.fault.until
            rows = first.differing(account).filter(pl.col("outcome") == "unavailable")
        elif each.lasts:
            is_due = session == each.fault.until
            rows = first.differing(account).filter(own & ~pl.col("item").is_in(sorted(others)))
        else:
            is_due = session == each.fault.session
            rows = _left(account, active, second).filter(own)
        if is_due and rows.is_empty():
            score.resolved[each.name] += 1
        elif is_due:
            said = "; ".join(_said(row) for row in rows.iter_rows(named=True))
            score.misses.append(f"{session} {account} {each.name} not resolved: {said}")


def _left(account: str, active: Sequence[Planned], second: Reconciled) -> pl.DataFrame:
    """Return what still differs, but for what lasts by itself."""
    lasting = {item for each in active if each.lasts for item in each.items}
    return second.differing(account).filter(~pl.col("item").is_in(sorted(lasting)))


def _is_restatement_of(proposal: object, refused: set[tuple[str, str]]) -> bool:
    return any(
        row["kind"] == "basis_restatement" and (row["account_id"], row["commodity"]) in refused
        for row in proposal.postings  # type: ignore[attr-defined]
    )


def _causes(rows: pl.DataFrame, reconciled: Reconciled) -> set[str]:
    """Return the causes of some differences: of sums those of all their lines."""
    causes = set(
        rows.filter(~pl.col("field").is_in(_SUMS), pl.col("outcome") != "unavailable")["cause"]
    )
    if rows.filter(pl.col("outcome") == "unavailable").height:
        causes.add("unavailable")
    sums = rows.filter(pl.col("field").is_in(_SUMS)).select("account_id", "item")
    lines = reconciled.explained.lines.join(sums, on=["account_id", "item"], how="semi")
    return {*causes, *lines["cause"]} - set(_DERIVED)


def _said(row: dict[str, object]) -> str:
    return (
        f"{row['account_id']} {row['item']} {row['field']} {row['outcome']} {row['cause']}"
        f" ({row['local_value']} / {row['broker_value']}) {row['evidence']}"
    )


def _ratio(part: int, whole: int) -> str:
    return f"{part}/{whole} = {part / whole:.3f}" if whole else "-"


def _text(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in cells
    )
