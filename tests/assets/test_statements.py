"""Every sum that a statement can break has a check of its own, under the name that the sum has."""

from __future__ import annotations

from assets.statements import IDENTITIES
from ballast.books.statements import identities
from tests.ballast.books.statements.fixture_statements import full_year, one


def test_every_identity_of_a_statement_has_a_check() -> None:
    named = {identity.name for identity in identities(one(full_year().content()), {})}
    assert named == set(IDENTITIES.values())
