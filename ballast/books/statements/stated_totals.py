"""Totals that a statement gives for the rows above them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ballast.books.statements.cells import optional_number
from ballast.books.statements.draft import Draft
from ballast.books.statements.model import StatedTotal
from ballast.books.statements.rows import Row
from ballast.money import ZERO

NOT_COMPARABLE = "total in another currency"


@dataclass
class RunningTotals:
    """Sums of the rows since the last total, by the key that a total speaks of.

    Parameters
    ----------
    measures : sequence of str
        Columns that are summed.
    """

    section: str
    measures: Sequence[str]
    base_currency: str
    _sums: dict[tuple[str, ...], dict[str, Decimal]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: ZERO))
    )
    _has_just_totalled: bool = False

    def add(self, key: tuple[str, ...], values: Mapping[str, Decimal | None]) -> None:
        """Count a row."""
        for measure, value in values.items():
            self._sums[key][measure] += value or ZERO
        self._has_just_totalled = False

    def compare(self, row: Row, key: tuple[str, ...], draft: Draft) -> None:
        """Settle a total of the statement by comparing it with the sum of its rows."""
        if key not in self._sums and key[-1] == self.base_currency and self._follows_others(key):
            draft.skipped(NOT_COMPARABLE)
            return
        sums = self._sums.pop(key, {})
        self._has_just_totalled = True
        for measure in self.measures:
            stated = optional_number(row.cell(measure))
            if stated is not None:
                subject = " ".join(key)
                total = (row.section, subject, measure, stated, sums.get(measure, ZERO))
                draft.totals.append(StatedTotal(*total))
        draft.check_sum()

    def _follows_others(self, key: tuple[str, ...]) -> bool:
        """Tell whether a total can be that of other currencies in base currency."""
        return self._has_just_totalled or any(each[:-1] == key[:-1] for each in self._sums)
