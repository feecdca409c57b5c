"""Reading statements into postings, beside readers that do less: no check sums, no quarantine, no identifiers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from ballast.books.postings import postings_of
from ballast.books.statements import read_statements
from benchmarks.cases import REPOSITORY
from benchmarks.measure import Report, Row, alternate

_TRADES = 20_000
_ROUNDS = 3
_ACCOUNTS = {"U0000001": "main"}
_EXAMPLE = REPOSITORY / "examples" / "statements" / "inbox" / "2018.csv"
_BEGINS = datetime(2018, 1, 2, 9, 30)  # noqa: DTZ001


def run() -> list[Report]:
    """Measure both formats with as many trades."""
    report = Report("statements")
    activity, flex = _activity(), _flex()
    peers: dict[str, Callable[[int], object]] = {
        "activity": lambda _: _booked(activity, "year.csv"),
        "csv": lambda _: _plain_csv(activity),
        "flex": lambda _: _booked(flex, "year.xml"),
        "ibflex": lambda _: _ibflex(flex),
    }
    taken = alternate(peers, rounds=_ROUNDS)
    rows = activity.count(b"\n")
    report.rows += [
        Row("activity statement to postings", taken["activity"], taken["csv"], "csv and decimals"),
        Row("Flex statement to postings", taken["flex"], taken["ibflex"], "ibflex"),
    ]
    report.details["rows per second"] = {
        "activity statement": {"rows/s": rows / taken["activity"] * 1e3},
        "Flex statement": {"rows/s": _TRADES / taken["flex"] * 1e3},
    }
    return [report]


def _booked(content: bytes, name: str) -> pl.DataFrame:
    (statement,) = read_statements(content, name, _ACCOUNTS)
    postings = postings_of(statement.events, source="ibkr")
    assert postings.height >= 3 * _TRADES
    return postings


def _plain_csv(content: bytes) -> int:
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    trades = [row for row in csv.reader(text) if row[2:4] == ["Order", "Stocks"]]
    return sum(len([Decimal(row[at]) for at in (7, 8, 10, 11)]) for row in trades)


def _ibflex(content: bytes) -> object:
    from ibflex import parser

    return parser.parse(io.BytesIO(content))


def _moments() -> list[str]:
    step = timedelta(minutes=20)
    return [f"{_BEGINS + number * step:%Y-%m-%d, %H:%M:%S}" for number in range(_TRADES)]


def _activity() -> bytes:
    lines = _EXAMPLE.read_bytes().decode("utf-8-sig").splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("Trades,Data,Order,Stocks"))
    trades = [
        f'Trades,Data,Order,Stocks,USD,AAPL,"{moment}",60,174.35,174.35,-10461.00,-1.05,10462.05,0,,O'
        for moment in _moments()
        if moment < "2018-12-31"
    ]
    # The year is shorter than the list: what is left over is put into its last days, a second apart.
    late = [
        line.replace(
            '"2018-01-02, 09:30:00"', f'"2018-12-28, {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}"'
        )
        for n, line in enumerate([trades[0]] * (_TRADES - len(trades)))
    ]
    return "\n".join([*lines[:at], *trades, *late, *lines[at:]]).encode()


def _flex() -> bytes:
    trades = "".join(
        f'<Trade accountId="U0000001" currency="USD" assetCategory="STK" symbol="AAPL" conid="265598"'
        f' tradeID="{number}" transactionID="{number}" dateTime="2018-01-02;{number % 86400 // 3600:02}'
        f'{number // 60 % 60:02}{number % 60:02}" tradeDate="2018-01-02" quantity="60" tradePrice="174.35"'
        f' proceeds="-10461" ibCommission="-1.05" ibCommissionCurrency="USD" multiplier="1"'
        f' levelOfDetail="EXECUTION" buySell="BUY" fxRateToBase="0.83"/>'
        for number in range(_TRADES)
    )
    return (
        '<FlexQueryResponse queryName="all" type="AF"><FlexStatements count="1">'
        '<FlexStatement accountId="U0000001" fromDate="2018-01-01" toDate="2018-12-31"'
        ' period="LastYear" whenGenerated="2019-01-02;120000">'
        '<AccountInformation accountId="U0000001" currency="EUR"/>'
        f"<OpenPositions/><CashTransactions/><Trades>{trades}</Trades>"
        "</FlexStatement></FlexStatements></FlexQueryResponse>"
    ).encode()
