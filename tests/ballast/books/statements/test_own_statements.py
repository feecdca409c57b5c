"""A user's own statements, from the folder that the environment variable BALLAST_STATEMENTS names."""

from __future__ import annotations

import os
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from ballast.books.postings import postings_of
from ballast.books.statements import (
    Statement,
    closing_quantities,
    read_statements,
    require_identities,
)

VARIABLE = "BALLAST_STATEMENTS"
FOLDER = os.environ.get(VARIABLE)
FILES = sorted(Path(FOLDER).rglob("*.[cx][sm][vl]")) if FOLDER else []

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"{VARIABLE} names no folder with statements (.csv or .xml)"
)


class EveryAccount(dict[str, str]):
    """Knows every account, by its number."""

    def __contains__(self, number: object) -> bool:
        return True

    def __missing__(self, number: str) -> str:
        return number


def read(path: Path) -> tuple[Statement, ...]:
    return read_statements(path.read_bytes(), path.name, EveryAccount())


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_statement_is_read_completely_and_its_sums_hold(path: Path) -> None:
    for statement in read(path):
        assert statement.counts.adds_up
        assert [(row.line, row.section, row.rule) for row in statement.quarantined] == []
        require_identities(statement)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_reading_a_statement_twice_gives_the_same_postings(path: Path) -> None:
    first, second = read(path), read(path)
    assert first == second
    for once, again in zip(first, second, strict=True):
        postings = postings_of(once.events, source="broker")
        assert postings.equals(postings_of((*again.events, *once.events), source="broker"))


def test_quantities_follow_from_statement_to_statement() -> None:
    statements = sorted(
        (statement for path in FILES for statement in read(path)),
        key=lambda each: (each.broker_account, each.first_day, each.last_day),
    )
    for before, after in pairwise(statements):
        is_next = after.first_day == before.last_day + timedelta(days=1)
        if is_next and before.broker_account == after.broker_account:
            require_identities(after, closing_quantities(before))
