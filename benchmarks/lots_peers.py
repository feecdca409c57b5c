"""Others that match lots: plain Python with any kind of number, beancount's booking and rp2's tax engine."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import defaultdict, deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Symbol, quantity and price.
Trades = list[tuple[int, int, Any]]

METHODS = {"rp2": ("fifo", "lifo", "hifo"), "beancount": ("fifo", "lifo", "hifo")}
_FIRST = date(1900, 1, 1)


def plain(trades: Trades, method: str, zero: Any) -> Any:
    """Return the gain of all trades, long and short, and build the table of matches."""
    return _average(trades, zero) if method == "average" else _queues(trades, method)


def _queues(trades: Trades, method: str) -> Any:
    books: dict[int, deque[list[Any]]] = defaultdict(deque)
    matches = []
    gain: Any = 0
    place = 0 if method == "fifo" else -1
    for number, (symbol, quantity, price) in enumerate(trades):
        lots = books[symbol]
        left = quantity
        while left and lots and (lots[0][0] > 0) != (left > 0):
            lot = lots[place]
            units, cost, opened = lot
            taken = min(abs(units), abs(left))
            signed = taken if units > 0 else -taken
            gain += signed * (price - cost)
            matches.append((opened, number, taken, taken * cost, taken * price))
            left += signed
            if taken == abs(units):
                if place == 0:
                    lots.popleft()
                else:
                    lots.pop()
            else:
                lot[0] = units - signed
        if left:
            lots.append([left, price, number])
    return gain


def _average(trades: Trades, zero: Any) -> Any:
    """Match in order of time as well, at the average of what is held."""
    books: dict[int, deque[list[int]]] = defaultdict(deque)
    held: dict[int, int] = defaultdict(int)
    paid: dict[int, Any] = defaultdict(lambda: zero)
    matches = []
    gain = zero
    for number, (symbol, quantity, price) in enumerate(trades):
        lots, units = books[symbol], held[symbol]
        left = quantity
        while left and units and (units > 0) != (left > 0):
            lot = lots[0]
            taken = min(abs(lot[0]), abs(left))
            signed = taken if units > 0 else -taken
            cost = paid[symbol] * signed / units
            gain += signed * price - cost
            matches.append((lot[1], number, taken, abs(cost), taken * price))
            paid[symbol] -= cost
            units -= signed
            left += signed
            if taken == abs(lot[0]):
                lots.popleft()
            else:
                lot[0] -= signed
        if left:
            lots.append([left, number])
            paid[symbol] += left * price
        held[symbol] = units + left
    return gain


def beancount(trades: Trades, method: str) -> float:
    """Book trades on days of their own; returns the seconds that booking took."""
    from beancount.parser import booking, parser

    names = sorted({symbol for symbol, _, _ in trades})
    lines = [f'{_FIRST} open Assets:S{name} "{method.upper()}"' for name in names]
    lines += [f"{_FIRST} open Assets:Cash", f"{_FIRST} open Income:Gains"]
    for number, (symbol, quantity, cents) in enumerate(trades, start=1):
        cost = f"{Decimal(cents) / 100:.2f} USD" if quantity > 0 else ""
        lines += [
            f'{_FIRST + timedelta(days=number)} * "trade"',
            f"  Assets:S{symbol}  {quantity} S{symbol}A {{{cost}}}",
            f"  Assets:Cash  {-quantity * Decimal(cents) / 100:.2f} USD",
        ]
        if quantity < 0:
            lines.append("  Income:Gains")
    entries, errors, options = parser.parse_string("\n".join(lines) + "\n")
    assert not errors, errors[:3]
    started = time.perf_counter()
    _, errors = booking.book(entries, options)
    taken = time.perf_counter() - started
    assert not errors, errors[:3]
    return taken


def rp2(trades: Trades, method: str) -> float:
    """Compute gains security by security; returns the seconds that the tax engine took."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        # It opens a log in the folder where it is imported.
        import_module("rp2.logger").LOGGER.setLevel(logging.WARNING)
        configuration = _rp2_configuration(Path(folder))
    from prezzemolo.avl_tree import AVLTree
    from rp2.accounting_engine import AccountingEngine
    from rp2.tax_engine import compute_tax

    plugin = import_module(f"rp2.plugin.accounting_method.{method}").AccountingMethod()
    inputs = _rp2_inputs(trades, configuration)
    taken = 0.0
    for tables in inputs:
        methods: Any = AVLTree()
        methods.insert_node(1970, plugin)
        started = time.perf_counter()
        compute_tax(configuration, AccountingEngine(methods), tables)
        taken += time.perf_counter() - started
    return taken


def _rp2_configuration(folder: Path) -> Any:
    from rp2.configuration import Configuration
    from rp2.plugin.country.us import US

    columns = {
        "in_header": "timestamp asset exchange holder transaction_type spot_price crypto_in",
        "out_header": "timestamp asset exchange holder transaction_type spot_price"
        " crypto_out_no_fee crypto_fee",
        "intra_header": "timestamp asset from_exchange from_holder to_exchange to_holder"
        " spot_price crypto_sent crypto_received",
    }
    names = ", ".join(f"S{number}" for number in range(50))
    lines = ["[general]", f"assets = {names}", "exchanges = broker", "holders = owner"]
    for section, fields in columns.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {place}" for place, name in enumerate(fields.split())]
    path = folder / "rp2.ini"
    path.write_text("\n".join(lines) + "\n")
    return Configuration(str(path), US())


def _rp2_inputs(trades: Trades, configuration: Any) -> list[Any]:
    from rp2.configuration import MAX_DATE, MIN_DATE
    from rp2.in_transaction import InTransaction
    from rp2.input_data import InputData
    from rp2.out_transaction import OutTransaction
    from rp2.rp2_decimal import ZERO, RP2Decimal
    from rp2.transaction_set import TransactionSet

    tables: dict[str, list[Any]] = {}
    for row, (symbol, quantity, cents) in enumerate(trades, start=1):
        name = f"S{symbol}"
        if name not in tables:
            tables[name] = [
                TransactionSet(configuration, kind, name, MIN_DATE, MAX_DATE)
                for kind in ("IN", "OUT", "INTRA")
            ]
        moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=row)
        where = (f"{moment:%Y-%m-%d %H:%M:%S %z}", name, "broker", "owner")
        price, units = RP2Decimal(cents) / RP2Decimal(100), RP2Decimal(abs(quantity))
        if quantity > 0:
            bought = InTransaction(configuration, *where, "buy", price, units, row=row)
            tables[name][0].add_entry(bought)
        else:
            sold = OutTransaction(configuration, *where, "sell", price, units, ZERO, row=row)
            tables[name][1].add_entry(sold)
    return [InputData(name, *sets) for name, sets in tables.items()]
