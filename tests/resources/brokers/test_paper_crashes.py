"""A paper broker that is killed, or shared between processes: its book is whole, and nothing is booked twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal
from multiprocessing.synchronize import Barrier

import pytest
import sqlalchemy as sa

from ballast.books.broker_events import CashMovement, moment_of
from resources.brokers import paper_book
from resources.store import Store
from resources.store.schema import paper_movements, paper_orders
from tests.resources.brokers.papers import APPLES, NewStore, book_of, held, order, paper
from tests.resources.crashes import SPAWN, die, die_at_call, run_until_it_dies

LAST = date(2020, 8, 20)


def _before_the_first_movement(store: Store) -> None:
    paper_book.write = die_at_call(1, paper_book.write)


def _between_two_movements(store: Store) -> None:
    paper_book.write = die_at_call(20, paper_book.write)


def _before_the_session_is_marked(store: Store) -> None:
    paper_book.mark_seen = die


def _before_the_commit(store: Store) -> None:
    def die_if_anything_is_written(connection: sa.Connection) -> None:
        written = sa.select(sa.func.count()).select_from(paper_movements)
        if connection.scalar(written):
            die()

    sa.event.listen(store.engine, "commit", die_if_anything_is_written)


def _after_the_movements_of_an_order(store: Store) -> None:
    def die_at_the_order(
        _connection: object, _cursor: object, statement: str, *_others: object
    ) -> None:
        if statement.startswith(f"INSERT INTO {paper_orders.name}"):
            die()

    sa.event.listen(store.engine, "before_cursor_execute", die_at_the_order)


def _advance_and_order(url: str, prepare: Callable[[Store], None]) -> None:
    store = Store(url)
    prepare(store)
    paper(store).submit(order("1", "sell", "SPY", "5", LAST))
    raise AssertionError("it should have died")


def _url(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize(
    "prepare",
    [
        _before_the_first_movement,
        _between_two_movements,
        _before_the_session_is_marked,
        _before_the_commit,
        _after_the_movements_of_an_order,
    ],
)
def test_what_a_killed_broker_left_is_finished_by_the_next_call(
    new_store: NewStore, prepare: Callable[[Store], None]
) -> None:
    store, reference = new_store(), new_store()
    run_until_it_dies(_advance_and_order, _url(store), prepare)

    for opened in (store, reference):
        broker = paper(opened)
        assert broker.submit(order("1", "sell", "SPY", "5", LAST)).state == "filled"
        assert held(broker, LAST)["SPY"] == 75
    assert book_of(store) == book_of(reference)


def _race(url: str, start: Barrier, number: int) -> None:
    with closing(Store(url)) as store:
        broker = paper(store, APPLES)
        broker.status("america", "warm-up")
        start.wait(timeout=60)
        # All advance the same days, send one order of their own and one that all of them send.
        broker.positions("america", LAST)
        broker.submit(order("shared", "sell", "AAPL", "10", LAST))
        broker.submit(order(f"own-{number}", "sell", "AAPL", "1", LAST))
        broker.move_cash("america", "EUR", Decimal(5), LAST, "gift")


@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_processes_that_advance_at_once_book_nothing_twice(
    new_store: NewStore, processes: int
) -> None:
    store, reference = new_store(), new_store()
    start = SPAWN.Barrier(processes)
    workers = [
        SPAWN.Process(target=_race, args=(_url(store), start, number))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0] * processes

    broker, alone = paper(store, APPLES), paper(reference, APPLES)
    assert held(broker, LAST) == {"AAPL": 40 - 10 - processes}
    opening = [fill.fill_id for fill in alone.fills_since("america", None, LAST)]
    fills = [fill.fill_id for fill in broker.fills_since("america", None, LAST)]
    own = {f"america.own-{number}:1" for number in range(processes)}
    assert sorted(fills) == sorted([*opening, "america.shared:1", *own])
    before = alone.cash_movements_since("america", None, LAST)
    after = broker.cash_movements_since("america", None, LAST)
    assert [event for event in after if event in before] == before
    (gift,) = [event for event in after if event not in before]
    assert isinstance(gift, CashMovement)
    assert (gift.currency, gift.amount) == ("EUR", 5)
    moments = {moment_of(event) for event in (*after, *broker.fills_since("america", None, LAST))}
    assert len(moments) == len(after) + len(fills)
