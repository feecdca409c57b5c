"""A statement while it is being read: what was found so far, and where each row went.

Invariant: each row is settled exactly once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from ballast.books.broker_events import BrokerEvent, moment_of
from ballast.books.statements.cells import RowRefusedError, local_day
from ballast.books.statements.event_ids import EventIds
from ballast.books.statements.model import (
    CashBalance,
    ChangeInNav,
    ClosedLot,
    ClosingPosition,
    ExchangeRate,
    Instrument,
    NetAssetValue,
    OpenLot,
    QuarantinedRow,
    RowCounts,
    StatedTotal,
    StatedTrade,
    Statement,
    StatementFormat,
    StatementWarning,
)

Item = TypeVar("Item")

LONGEST_TEXT = 1_000
IMPORTED = "imported"
CHECK_SUM = "check sum"
SKIPPED = "skipped"
IGNORED = "ignored"
QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Heading:
    """What a file says about itself and its account."""

    file_name: str
    format: StatementFormat
    broker_account: str
    account_id: str
    base_currency: str
    first_day: date
    last_day: date
    generated_at: datetime | None


@dataclass
class Draft:
    """Collects the content of one statement."""

    heading: Heading
    ids: EventIds
    sections: list[str] = field(default_factory=list)
    events: list[BrokerEvent] = field(default_factory=list)
    trades: list[StatedTrade] = field(default_factory=list)
    positions: list[ClosingPosition] | None = None
    open_lots: list[OpenLot] | None = None
    closed_lots: list[ClosedLot] | None = None
    cash: list[CashBalance] | None = None
    cash_in_base: CashBalance | None = None
    net_asset_value: NetAssetValue | None = None
    change_in_nav: ChangeInNav | None = None
    exchange_rates: dict[str, ExchangeRate] | None = None
    instruments: dict[tuple[str, str], Instrument] | None = None
    totals: list[StatedTotal] = field(default_factory=list)
    quarantined: list[QuarantinedRow] = field(default_factory=list)
    warnings: list[StatementWarning] = field(default_factory=list)
    _settled: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def account_id(self) -> str:
        """Our name of the account."""
        return self.heading.account_id

    def imported(self, rows: int = 1) -> None:
        """Settle rows whose content is in the statement."""
        self._settled[IMPORTED, ""] += rows

    def check_sum(self) -> None:
        """Settle a row that served to check others."""
        self._settled[CHECK_SUM, ""] += 1

    def skipped(self, reason: str, rows: int = 1) -> None:
        """Settle rows that are understood and carry nothing for the books."""
        self._settled[SKIPPED, reason] += rows

    def ignored(self, section: str) -> bool:
        """Settle a row of a section that is not read; tell whether it is the first one."""
        self._settled[IGNORED, section] += 1
        return self._settled[IGNORED, section] == 1

    def quarantine(self, line: int, section: str, rule: str, text: str) -> None:
        """Settle a row that breaks a rule."""
        self._settled[QUARANTINED, ""] += 1
        self.quarantined.append(QuarantinedRow(line, section, rule, text[:LONGEST_TEXT]))

    def warn(self, rule: str, subject: str, text: str) -> None:
        """Tell the reader of the statement something."""
        self.warnings.append(StatementWarning(rule, subject, text))

    def refuse_outside_period(self, at: datetime, *, may_be_late: bool = False) -> None:
        """Refuse a row that belongs to another period.

        Parameters
        ----------
        may_be_late : bool
            The broker books some rows anew long after the day that they are about.
        """
        # Trades of an evening count for the next session; cash may settle some days ahead.
        day, ahead = local_day(at), timedelta(days=7 if may_be_late else 1)
        is_early = day < self.heading.first_day - timedelta(days=1) and not may_be_late
        if is_early or day > self.heading.last_day + ahead:
            raise RowRefusedError("date_outside_period")

    def finished(self) -> Statement:
        """Return the statement."""
        heading = self.heading
        return Statement(
            file_name=heading.file_name,
            format=heading.format,
            broker_account=heading.broker_account,
            account_id=heading.account_id,
            base_currency=heading.base_currency,
            first_day=heading.first_day,
            last_day=heading.last_day,
            generated_at=heading.generated_at,
            sections=tuple(self.sections),
            events=tuple(sorted(self.events, key=moment_of)),
            trades=tuple(self.trades),
            positions=_tuple(self.positions),
            open_lots=_tuple(self.open_lots),
            closed_lots=_tuple(self.closed_lots),
            cash=_tuple(self.cash),
            cash_in_base=self.cash_in_base,
            net_asset_value=self.net_asset_value,
            change_in_nav=self.change_in_nav,
            exchange_rates=_tuple(
                None if self.exchange_rates is None else self.exchange_rates.values()
            ),
            instruments=_tuple(None if self.instruments is None else self.instruments.values()),
            totals=tuple(self.totals),
            counts=self._counts(),
            quarantined=tuple(sorted(self.quarantined, key=lambda row: row.line)),
            warnings=tuple(self.warnings),
        )

    def _counts(self) -> RowCounts:
        return RowCounts(
            read=self._settled.total(),
            imported=self._settled[IMPORTED, ""],
            check_sums=self._settled[CHECK_SUM, ""],
            skipped=self._named(SKIPPED),
            ignored=self._named(IGNORED),
            quarantined=self._settled[QUARANTINED, ""],
        )

    def _named(self, fate: str) -> tuple[tuple[str, int], ...]:
        named = ((name, n) for (kind, name), n in self._settled.items() if kind == fate and n)
        return tuple(sorted(named))


def _tuple(items: Iterable[Item] | None) -> tuple[Item, ...] | None:
    return None if items is None else tuple(items)
