"""Every cause is explained to people, in the code and in the docs alike."""

from __future__ import annotations

from pathlib import Path

from ballast.reconciliation.causes import CAUSE_OF_KIND, CAUSES
from ballast.tables import POSTING_KINDS

PAGE = Path(__file__).parents[3] / "docs" / "reconciliation.md"


def test_the_page_says_of_every_cause_what_the_code_says() -> None:
    page = PAGE.read_text()
    for cause, facts in CAUSES.items():
        assert f"| `{cause}` | {facts.meaning} | {facts.remedy} |" in page


def test_every_kind_of_posting_has_a_cause() -> None:
    assert set(CAUSE_OF_KIND) == set(POSTING_KINDS)
    assert set(CAUSE_OF_KIND.values()) <= set(CAUSES)
