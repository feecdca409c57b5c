"""Identifiers of events that the broker gives none: facts, and an ordinal among rows with the same facts.

Invariant: a row has the same identifier in every statement that contains it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, datetime
from decimal import Decimal

ID_LENGTH = 24
Fact = str | Decimal | date | datetime | None


class EventIds:
    """Hands out the identifiers of one account's rows in one statement."""

    def __init__(self, broker_account: str) -> None:
        self._broker_account = broker_account
        self._seen: Counter[str] = Counter()

    def of(self, section: str, *facts: Fact, earlier: int = 0) -> str:
        """Return the identifier of the next row with these facts.

        Parameters
        ----------
        earlier : int
            Rows with the same facts that an earlier statement must have shown.
        """
        key = "|".join((self._broker_account, section, *map(_plain, facts)))
        ordinal = self._seen[key] + earlier
        self._seen[key] += 1
        return hashlib.sha256(f"{key}|{ordinal}".encode()).hexdigest()[:ID_LENGTH]

    def named(self, name: str) -> str:
        """Return a name that the broker gave, made different where it gave the same one before."""
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}-{self._seen[name]}"


def _plain(fact: Fact) -> str:
    if isinstance(fact, Decimal):
        # 1.50 and 1.5 are one fact, and so are 0 and -0.
        return format(fact.normalize() + 0, "f")
    if isinstance(fact, date):
        return fact.isoformat()
    return fact or ""
