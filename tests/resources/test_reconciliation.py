"""What the reconciliation remembers in the store, and what accepting and taking back books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ballast.errors import ProposalRefusedError
from ballast.reconciliation.memory import Discrepancy
from ballast.reconciliation.resolve import Proposal, proposed_postings
from resources.ledger import Ledger
from resources.proposals import ProposalBook
from resources.reconciliation import AccountResult, ReconciliationMemory, RunContext
from resources.store import Store
from tests.ballast.builders import day
from tests.ballast.reconciliation.accounts import Account, booked_into, cash
from tests.ballast.reconciliation.test_explain import BOUGHT

SESSION = day(0)
ACCOUNT = Account(broker=[BOUGHT])
PROPOSALS = ACCOUNT.resolve()
IDS = [each.proposal_id for each in PROPOSALS]


@pytest.fixture
def memory(store: Store) -> ReconciliationMemory:
    Ledger(store).append(ACCOUNT.ledger)
    return ReconciliationMemory(store)


def result(account: str = "a", **more: object) -> AccountResult:
    facts = {
        "is_clean": False, "is_available": True, "discrepancies": 1, "inconclusive": 0,
        "positions_checked": 3, "duration_ms": 1.5,
    }  # fmt: skip
    return AccountResult(account, **(facts | more))  # type: ignore[arg-type]


def run(number: int = 0, trigger: str = "pipeline", **context: object) -> RunContext:
    return RunContext(
        f"run-{number}-{trigger}", day(number), trigger, {"trigger": trigger, **context}
    )


def discrepancy(number: int = 0, **more: object) -> Discrepancy:
    facts = {
        "discrepancy_id": f"d{number}", "account_id": "a", "item": "CCC", "field": "quantity",
        "outcome": "missing_local", "cause": "missed_fill", "severity": "critical",
        "local_value": None, "broker_value": Decimal(5), "difference": Decimal(5),
        "first_seen": SESSION, "last_seen": SESSION,
    }  # fmt: skip
    return Discrepancy(**(facts | more))  # type: ignore[arg-type]


def record(memory: ReconciliationMemory, proposals: list[Proposal], number: int = 0) -> None:
    memory.record(run(number), [result()], [], proposals, ["a"])


def statuses(memory: ReconciliationMemory) -> list[str]:
    return [ProposalBook(memory.store).statuses()[each] for each in IDS]


def test_discrepancies_are_read_back_as_they_were(memory: ReconciliationMemory) -> None:
    memory.record(run(), [result()], [discrepancy()], [], ["a"])
    assert memory.known(SESSION) == [discrepancy()]
    older = discrepancy(last_seen=day(1), sessions_seen=2)
    memory.record(run(1), [result()], [older], [], ["a"])
    assert memory.known(day(1)) == [older]


def test_what_has_ended_is_known_only_to_the_session_that_ended_it(
    memory: ReconciliationMemory,
) -> None:
    memory.record(run(1), [result()], [discrepancy(resolved_on=day(1))], [], ["a"])
    assert memory.known(day(2)) == []
    assert memory.known(day(1)) != []


def test_accepting_books_the_postings_once(memory: ReconciliationMemory, store: Store) -> None:
    record(memory, PROPOSALS)
    expected = booked_into(ACCOUNT.ledger, proposed_postings(PROPOSALS))
    assert ProposalBook(memory.store).accept(IDS, by="anna", reason="checked") == 3
    assert Ledger(store).read(SESSION).equals(expected)
    assert ProposalBook(memory.store).accept(IDS, by="anna", reason="checked") == 0
    assert Ledger(store).read(SESSION).equals(expected)
    assert statuses(memory) == ["accepted"]
    decided = ProposalBook(memory.store).table().row(0, named=True)
    assert (decided["decided_by"], decided["reason"]) == ("anna", "checked")


def test_taking_back_leaves_the_books_as_they_were(
    memory: ReconciliationMemory, store: Store
) -> None:
    record(memory, PROPOSALS)
    ProposalBook(memory.store).accept(IDS, by="anna", reason="checked")
    assert (
        ProposalBook(memory.store).reverse(IDS, by="ben", reason="was a mistake", session=SESSION)
        == 3
    )
    ledger = Ledger(store).read(SESSION)
    assert ACCOUNT.compare(ledger).equals(ACCOUNT.compare())
    assert (
        ProposalBook(memory.store).reverse(IDS, by="ben", reason="was a mistake", session=SESSION)
        == 0
    )
    assert ProposalBook(memory.store).spent() == frozenset(IDS)


def test_what_was_taken_back_can_be_proposed_and_accepted_again(
    memory: ReconciliationMemory, store: Store
) -> None:
    record(memory, PROPOSALS)
    ProposalBook(memory.store).accept(IDS, by="anna", reason="checked")
    ProposalBook(memory.store).reverse(IDS, by="ben", reason="was a mistake", session=SESSION)
    ledger = Ledger(store).read(SESSION)
    again = ACCOUNT.resolve(ledger, spent=ProposalBook(memory.store).spent())
    record(memory, again)
    ProposalBook(memory.store).accept(
        [each.proposal_id for each in again], by="anna", reason="it was none"
    )
    outcomes = ACCOUNT.compare(Ledger(store).read(SESSION))["outcome"]
    assert set(outcomes) == {"matched"}


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("anna", " ")])
def test_nobody_decides_without_a_name_and_a_reason(
    memory: ReconciliationMemory, store: Store, by: str, reason: str
) -> None:
    record(memory, PROPOSALS)
    with pytest.raises(ProposalRefusedError, match="a name and a reason"):
        ProposalBook(memory.store).accept(IDS, by=by, reason=reason)
    assert Ledger(store).read(SESSION).equals(ACCOUNT.ledger)


def test_an_unknown_proposal_is_refused_and_nothing_else_is_booked(
    memory: ReconciliationMemory, store: Store
) -> None:
    record(memory, PROPOSALS)
    with pytest.raises(ProposalRefusedError, match="nosuch is unknown"):
        ProposalBook(memory.store).accept([*IDS, "nosuch"], by="anna", reason="checked")
    assert Ledger(store).read(SESSION).equals(ACCOUNT.ledger)
    assert statuses(memory) == ["proposed"]


def test_what_is_no_longer_proposed_is_withdrawn_until_it_is_again(
    memory: ReconciliationMemory,
) -> None:
    record(memory, PROPOSALS)
    record(memory, [], 1)
    assert statuses(memory) == ["withdrawn"]
    with pytest.raises(ProposalRefusedError, match="is withdrawn"):
        ProposalBook(memory.store).accept(IDS, by="anna", reason="checked")
    record(memory, PROPOSALS, 2)
    assert statuses(memory) == ["proposed"]


def test_an_account_that_could_not_be_asked_keeps_its_proposals(
    memory: ReconciliationMemory,
) -> None:
    record(memory, PROPOSALS)
    memory.record(run(1), [result(is_available=False)], [], [], [])
    assert statuses(memory) == ["proposed"]


def test_a_run_that_is_written_again_changes_nothing(memory: ReconciliationMemory) -> None:
    for _ in range(2):
        memory.record(run(), [result(), result("b")], [discrepancy()], PROPOSALS, ["a"])
    assert memory.history(SESSION, 5).height == 2
    assert memory.known(SESSION) == [discrepancy()]


def test_the_history_keeps_the_newest_result_of_each_session(memory: ReconciliationMemory) -> None:
    memory.record(run(0), [result()], [], [], ["a"])
    memory.record(run(0, "retry"), [result(is_clean=True, discrepancies=0)], [], [], ["a"])
    memory.record(run(1), [result()], [], [], ["a"])
    assert memory.history(day(0), 5)["is_clean"].to_list() == [True]
    assert memory.history(day(1), 1)["session"].to_list() == [day(1)]


def test_it_knows_until_when_each_account_was_compared(memory: ReconciliationMemory) -> None:
    memory.record(run(0), [result()], [], [], [])
    memory.record(run(1), [result(is_available=False), result("b")], [], [], [])
    assert memory.newest_sessions() == {"a": day(1), "b": day(1)}
    assert memory.compared_until(before=day(2)) == {"a": day(0), "b": day(1)}
    assert memory.compared_until(before=day(1)) == {"a": day(0)}


def test_rounding_that_was_accepted_lately_is_added_up(memory: ReconciliationMemory) -> None:
    account = Account(broker=[cash(1, "fee", "-2.20")], tells=False)
    (proposal,) = account.resolve()
    memory.record(run(), [result()], [], [proposal], ["a"])
    ProposalBook(memory.store).accept([proposal.proposal_id], by="ballast", reason="rounding")
    assert ProposalBook(memory.store).already_rounded(day(1)) == {("a", "USD"): Decimal("-2.20")}
    assert ProposalBook(memory.store).already_rounded(day(0)) == {("a", "USD"): Decimal("-2.20")}
    assert ProposalBook(memory.store).already_rounded(day(60)) == {}


def test_it_knows_up_to_where_fills_have_been_reconciled(memory: ReconciliationMemory) -> None:
    assert memory.fills_reconciled_until() is None
    for number, hour in enumerate((11, 10)):
        until = f"2020-01-01T{hour}:00:00+00:00"
        memory.record(run(number, "post_fill", until=until), [result()], [], [], ["a"])
    newest = memory.fills_reconciled_until()
    assert newest is not None
    assert newest.hour == 11


def test_amounts_survive_the_store_to_the_last_digit(memory: ReconciliationMemory) -> None:
    odd = Account(unseen={"CCC": "0.00000001"}, unseen_cost={"CCC": "0.00000003"}, tells=False)
    proposals = odd.resolve()
    memory.record(run(), [result()], [], proposals, ["a"])
    ProposalBook(memory.store).accept(
        [each.proposal_id for each in proposals], by="anna", reason="checked"
    )
    booked = Ledger(memory.store).read(date(2020, 1, 1)).filter(pl.col("commodity") == "CCC")
    assert booked["quantity"].sum() == Decimal("0.00000001")
