"""Orders from before their lives were kept as events: readable, asked about, and known for what they were."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ballast.books.broker_events import Fill
from resources.orders import OrderBook
from resources.store import Store, engine
from resources.store.column_types import ExactDecimal, UtcDateTime

MOMENT = datetime(2020, 8, 20, 20, tzinfo=UTC)
# Every history that was written before, and the state that it is in now.
HISTORIES = {
    ("intent",): "submitted",
    ("intent", "submitted"): "submitted",
    ("intent", "filled"): "filled",
    ("intent", "rejected"): "rejected",
    ("intent", "unknown"): "unknown",
    ("intent", "unknown", "filled"): "filled",
    ("intent", "submitted", "unknown", "rejected"): "rejected",
}
_ORDERS = sa.table(
    "orders",
    *(sa.column(name) for name in ("client_order_id", "account_id", "origin", "origin_id")),
    sa.column("session", sa.Date),
    sa.column("side"),
    sa.column("symbol"),
    sa.column("quantity", ExactDecimal(38, 8)),
)
_EVENTS = sa.table(
    "order_events",
    sa.column("client_order_id"),
    sa.column("sequence"),
    sa.column("state"),
    sa.column("recorded_at", UtcDateTime(timezone=True)),
)


def name_of(history: tuple[str, ...]) -> str:
    return "-".join(history)


@pytest.fixture
def upgraded(store_url: str) -> OrderBook:
    """A store of the schema before, with one order for each history, opened by today's code."""
    old = engine._create_engine(store_url).execution_options(ballast_write=True)
    with old.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(engine._MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    with old.begin() as connection:
        for history in HISTORIES:
            connection.execute(
                sa.insert(_ORDERS).values(
                    client_order_id=name_of(history), account_id="a", origin="plan",
                    origin_id="plan", session=date(2020, 8, 20), side="buy", symbol="A",
                    quantity=Decimal(5),
                )
            )  # fmt: skip
            for number, state in enumerate(history):
                connection.execute(
                    sa.insert(_EVENTS).values(
                        client_order_id=name_of(history), sequence=number, state=state,
                        recorded_at=MOMENT,
                    )
                )  # fmt: skip
    old.dispose()
    return OrderBook(Store(store_url))


def test_every_order_of_before_is_read_and_lives_on(upgraded: OrderBook) -> None:
    with closing(upgraded.store):
        states = dict(upgraded.table().select("client_order_id", "state").iter_rows())
        assert states == {name_of(history): state for history, state in HISTORIES.items()}
        for history, state in HISTORIES.items():
            progress = upgraded.progress(name_of(history))
            assert progress is not None
            assert progress.state == state
        # What may have been sent is not given up as if it had not been.
        assert not upgraded.give_up("intent", "no longer wanted")


def test_a_fill_of_an_order_of_before_is_taken(upgraded: OrderBook) -> None:
    with closing(upgraded.store):
        fills = [
            Fill(
                f"fill-{number}", "a", "A", Decimal(5), Decimal(10), "EUR", Decimal(1), "EUR",
                MOMENT, name_of(history),
            )
            for number, history in enumerate(HISTORIES)
        ]  # fmt: skip
        assert upgraded.apply_fills(fills) == len(HISTORIES)
        assert set(upgraded.table()["state"]) == {"filled"}
