"""The opening history: read whole or not at all, and booked whole or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ballast.errors import ConfigurationError, OrderRefusedError
from resources.brokers.paper_opening import OpeningEvent, read_opening
from tests.resources.brokers.papers import APPLES, NewStore, book_of, event, paper

LAST = date(2020, 8, 20)
_HEADER = "date,account_id,action,symbol,quantity"
_GOOD = "2020-08-03,america,deposit,USD,50000"


def _read(folder: Path, *lines: str) -> list[OpeningEvent]:
    (folder / "opening.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_opening("opening.csv", folder)


def test_lines_become_events_with_the_number_of_the_line(tmp_path: Path) -> None:
    assert _read(tmp_path, _HEADER, _GOOD, "2020-08-04,america,buy,AAPL,0.5") == [
        event(2, date(2020, 8, 3), "deposit", "USD", "50000"),
        event(3, date(2020, 8, 4), "buy", "AAPL", "0.5"),
    ]


def test_events_are_in_order_of_their_days_and_within_a_day_of_their_lines(tmp_path: Path) -> None:
    later = "2020-08-05,america,deposit,USD,1"
    events = _read(tmp_path, _HEADER, later, _GOOD, later)
    assert [e.event_id for e in events] == ["opening-0003", "opening-0002", "opening-0004"]


def test_comments_blank_lines_and_other_columns_are_left_out_but_counted(tmp_path: Path) -> None:
    events = _read(
        tmp_path, "# mine", _HEADER + ",note", "", "# the first", _GOOD + ',"gift, from me"'
    )
    assert [(e.event_id, e.quantity) for e in events] == [("opening-0005", Decimal(50_000))]


def test_the_demonstration_begins_with_two_deposits(tmp_path: Path) -> None:
    events = read_opening("demonstration", tmp_path)
    first = {e.account_id: (e.action, e.symbol) for e in reversed(events)}
    assert first == {"america": ("deposit", "USD"), "europe": ("deposit", "EUR")}
    assert len(events) == 39


@pytest.mark.parametrize(
    "line",
    [
        "03.08.2020,america,deposit,USD,1",
        "2020-08-32,america,deposit,USD,1",
        ",america,deposit,USD,1",
        "2020-08-03,america,lend,USD,1",
        "2020-08-03,america,Deposit,USD,1",
        "2020-08-03,,deposit,USD,1",
        "2020-08-03,america,deposit,DOLLARS,1",
        "2020-08-03,america,deposit,,1",
        "2020-08-03,america,buy,,1",
        "2020-08-03,america,exchange,EURUSD,1",
        "2020-08-03,america,deposit,USD,",
        "2020-08-03,america,deposit,USD,a lot",
        "2020-08-03,america,deposit,USD,0",
        "2020-08-03,america,deposit,USD,-1",
        "2020-08-03,america,deposit,USD,NaN",
        "2020-08-03,america,deposit,USD,sNaN",
        "2020-08-03,america,deposit,USD,Infinity",
        "2020-08-03,america,deposit,USD,1e40",
        "2020-08-03,america,buy,AAPL,0.123456789",
        "2020-08-03,america,deposit,USD",
        "2020-08-03,america,deposit,USD,1,2",
        "2020-08-03;america;deposit;USD;1",
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_nothing_is_accepted(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(ConfigurationError, match="line 5 of the opening history") as refusal:
        _read(tmp_path, "# a comment", _HEADER, _GOOD, "", line, _GOOD)
    assert "opening.csv" in refusal.value.where


@pytest.mark.parametrize("content", [b"", b"\n", b"# nothing\n", b"day,account\n", b"\xff\xfe,\n"])
def test_a_file_without_the_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "opening.csv").write_bytes(content)
    with pytest.raises(ConfigurationError, match="opening history"):
        read_opening("opening.csv", tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the opening history"):
        read_opening("nowhere.csv", tmp_path)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (event(9, date(2020, 8, 5), "sell", "AAPL", "41"), "only 40"),
        (event(9, date(2020, 8, 5), "buy", "MSFT", "1000"), "are needed"),
        (event(9, date(2020, 8, 5), "buy", "0700.HK", "50"), "lot of 100"),
        (event(9, date(2020, 8, 5), "buy", "NOPE", "1"), "unknown security"),
        (event(9, date(2020, 8, 5), "deposit", "XXX", "1"), "unknown currency"),
        (event(9, date(2020, 8, 5), "exchange", "USD/XXX", "1"), "USD/XXX"),
    ],
    ids=["too much", "no cash", "lot", "unknown", "currency", "pair"],
)
def test_an_opening_history_that_cannot_be_booked_books_nothing_and_names_its_line(
    new_store: NewStore, wrong: OpeningEvent, reason: str
) -> None:
    store = new_store()
    broker = paper(store, [*APPLES, wrong])
    with pytest.raises(OrderRefusedError, match=reason) as refusal:
        broker.positions("america", LAST)
    assert "opening-0009" in refusal.value.where
    assert not any(book_of(store).values())
