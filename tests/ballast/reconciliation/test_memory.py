"""A difference has one identity while it lasts; it is told once, again when it is worse, and again when it is old."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ballast.reconciliation.memory import Discrepancy, alerts_of, remember
from ballast.tables import Comparison, polars_schema
from tests.ballast.builders import D, Row, day

MISSING = {"outcome": "quantity_mismatch", "severity": "critical", "cause": "missed_fill"}
CASH = {"outcome": "cash_mismatch", "severity": "warning", "cause": "fee"}


def difference(item: str, account: str = "a", **more: Any) -> Row:
    facts = {
        "account_id": account, "item": item, "field": "quantity", "local_value": D(1),
        "broker_value": D(2), "difference": D(1), "explanation": "", **MISSING,
    }  # fmt: skip
    return facts | more


def agreement(item: str = "ZZZ", account: str = "a") -> Row:
    return difference(item, account, outcome="matched", severity="none", cause="none")


def report(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=polars_schema(Comparison) | {"cause": pl.String})


class Memory:
    """Remembers over sessions what the store would remember."""

    def __init__(self) -> None:
        self.rows: dict[str, Discrepancy] = {}
        self.newest: dict[str, date] = {}

    def run(self, number: int, *rows: Row) -> list[Discrepancy]:
        session = day(number)
        known = [
            each
            for each in self.rows.values()
            if each.resolved_on in (None, session) or each.first_seen == session
        ]
        changed = remember(known, report(rows), session, self.newest)
        self.rows |= {each.discrepancy_id: each for each in changed}
        for row in rows:
            last = self.newest.get(row["account_id"], session)
            self.newest[row["account_id"]] = max(last, session)
        return changed

    def told(self, number: int, *rows: Row, escalate_after: int = 3) -> list[tuple[str, str]]:
        known = list(self.rows.values())
        changed = self.run(number, *rows)
        alerts = alerts_of(changed, known, day(number), escalate_after=escalate_after)
        return [(alert.alert_id, alert.severity) for alert in alerts]


def test_a_difference_keeps_its_identity_and_grows_older() -> None:
    memory = Memory()
    (first,) = memory.run(0, difference("AAA"))
    (second,) = memory.run(1, difference("AAA"))
    assert first.discrepancy_id == second.discrepancy_id
    assert (second.first_seen, second.last_seen, second.sessions_seen) == (day(0), day(1), 2)


def test_the_same_session_again_changes_nothing() -> None:
    memory = Memory()
    memory.run(0, difference("AAA"))
    (first,) = memory.run(1, difference("AAA"))
    assert memory.run(1, difference("AAA")) == [first]


def test_a_difference_that_is_gone_is_resolved_and_a_new_one_is_another() -> None:
    memory = Memory()
    (first,) = memory.run(0, difference("AAA"))
    (gone,) = memory.run(1, agreement("AAA"))
    assert (gone.discrepancy_id, gone.resolved_on) == (first.discrepancy_id, day(1))
    (again,) = memory.run(2, difference("AAA"))
    assert again.discrepancy_id != first.discrepancy_id


def test_what_cannot_be_asked_or_judged_neither_goes_on_nor_ends() -> None:
    memory = Memory()
    memory.run(0, difference("AAA"), difference("BBB"))
    silent = difference("account", field="availability", outcome="unavailable", cause="none")
    changed = memory.run(1, silent)
    assert [each.item for each in changed] == ["account"]
    undecided = difference("AAA", outcome="inconclusive")
    gone = memory.run(2, undecided, agreement("BBB"))
    assert {(each.item, each.resolved_on) for each in gone} == {
        ("BBB", day(2)),
        ("account", day(2)),
    }


def test_an_earlier_session_changes_nothing() -> None:
    memory = Memory()
    memory.run(5, difference("AAA"))
    assert memory.run(3, difference("AAA"), difference("BBB")) == []
    assert memory.run(3, agreement("AAA")) == []


def test_one_account_is_not_resolved_by_another() -> None:
    memory = Memory()
    memory.run(0, difference("AAA"))
    assert memory.run(1, agreement("AAA", account="b")) == []


def test_the_same_issue_is_told_once_and_again_when_it_is_old() -> None:
    memory = Memory()
    told = [memory.told(n, difference("BBB", **CASH)) for n in range(7)]
    assert [[severity for _, severity in each] for each in told] == [
        ["warning"], [], [], ["critical"], [], [], ["critical"],
    ]  # fmt: skip
    assert len({each[0][0] for each in told if each}) == 3


def test_what_was_told_in_one_message_is_not_told_again_one_by_one() -> None:
    memory = Memory()
    assert len(memory.told(0, *(difference(f"S{number:02}") for number in range(10)))) == 1
    fewer = [difference(f"S{number:02}") for number in range(8)]
    assert memory.told(1, *fewer, agreement("S08"), agreement("S09")) == []


def test_it_is_told_again_when_it_grows_worse() -> None:
    memory = Memory()
    ((first, _),) = memory.told(0, difference("USD", **CASH))
    ((second, severity),) = memory.told(1, difference("USD", **(CASH | {"severity": "critical"})))
    assert (first != second, severity) == (True, "critical")


def test_many_differences_of_one_account_are_one_message() -> None:
    memory = Memory()
    rows = [difference(f"S{number:02}") for number in range(20)]
    told = alerts_of(memory.run(0, *rows), [], day(0), escalate_after=3)
    assert len(told) == 1
    assert "20 differences" in told[0].title
    assert told == alerts_of(memory.run(0, *rows[::-1]), [], day(0), escalate_after=3)


steps = st.lists(
    st.dictionaries(st.sampled_from(["AAA", "BBB", "CCC"]), st.booleans()), min_size=1, max_size=8
)


@given(steps)
def test_at_most_one_discrepancy_of_a_key_is_open(history: Sequence[dict[str, bool]]) -> None:
    memory = Memory()
    for number, state in enumerate(history):
        rows = [difference(i) if differs else agreement(i) for i, differs in state.items()]
        memory.run(number, agreement(), *rows)
        current = [each.key for each in memory.rows.values() if each.resolved_on is None]
        assert len(current) == len(set(current))
        assert {key[1] for key in current} == {item for item, differs in state.items() if differs}
