"""Other people's matching of lots, for one security that is bought and sold, each trade on a day of its own."""

from __future__ import annotations

import contextlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ballast.money import to_cents

RP2_METHODS = ("fifo", "lifo", "hifo", "lofo")
BEANCOUNT_METHODS = ("fifo", "lifo", "hifo")


@dataclass(frozen=True)
class Trade:
    """Units bought (or, negative, sold) on a day at a price; the fee of a purchase is on top."""

    on: date
    quantity: Decimal
    price: Decimal
    fee: Decimal = Decimal(0)
    chosen: date | None = None


@dataclass(frozen=True)
class Answer:
    """Gain per day of sale, in cents; units per day of sale and day of purchase; those held for long."""

    gains: dict[date, Decimal]
    matches: dict[tuple[date, date], Decimal]
    long: frozenset[tuple[date, date]] | None = None


def beancount(trades: Sequence[Trade], method: str) -> Answer:
    """Book trades with beancount; `strict` sells from the lots of the days that were chosen."""
    from beancount import loader
    from beancount.core.data import Transaction

    first = min(trade.on for trade in trades) - timedelta(days=1)
    lines = [
        f'{first} open Assets:Shares AAA "{method.upper()}"',
        f"{first} open Assets:Cash USD",
        f"{first} open Income:Gains USD",
    ]
    for trade in trades:
        lines.append(f'{trade.on} * "trade"')
        if trade.quantity > 0:
            cost = trade.quantity * trade.price + trade.fee
            lines.append(f"  Assets:Shares  {trade.quantity} AAA {{{{{cost} USD}}}}")
            lines.append(f"  Assets:Cash  {-cost} USD")
        else:
            lot = "" if trade.chosen is None else str(trade.chosen)
            lines.append(f"  Assets:Shares  {trade.quantity} AAA {{{lot}}}")
            lines.append(f"  Assets:Cash  {-trade.quantity * trade.price} USD")
            lines.append("  Income:Gains")
    entries, errors, _ = loader.load_string("\n".join(lines) + "\n")
    assert not errors, errors
    gains: dict[date, Decimal] = {}
    matches: dict[tuple[date, date], Decimal] = defaultdict(Decimal)
    for entry in entries:
        if not isinstance(entry, Transaction):
            continue
        shares = [posting for posting in entry.postings if posting.cost is not None]
        for posting in shares:
            if posting.units.number < 0:
                matches[entry.date, posting.cost.date] += -posting.units.number
        # Not from the balancing posting, which beancount rounds.
        if shares[0].units.number < 0:
            cash = next(p.units.number for p in entry.postings if p.account == "Assets:Cash")
            costs = sum(p.units.number * p.cost.number for p in shares)
            gains[entry.date] = to_cents(cash + costs)
    return Answer(gains, dict(matches))


def rp2(trades: Sequence[Trade], method: str) -> Answer:
    """Compute the gains of trades with rp2, by the rules of the United States."""
    tables, engine, configuration = rp2_tables(trades, method)
    computed = import_module("rp2.tax_engine").compute_tax(configuration, engine, tables)
    gains: dict[date, Decimal] = defaultdict(Decimal)
    matches: dict[tuple[date, date], Decimal] = defaultdict(Decimal)
    long = set()
    for entry in computed.gain_loss_set:
        days = entry.taxable_event.timestamp.date(), entry.acquired_lot.timestamp.date()
        gains[days[0]] += Decimal(str(entry.fiat_gain))
        matches[days] += Decimal(str(entry.crypto_amount))
        if entry.is_long_term_capital_gains():
            long.add(days)
    cents = {day: to_cents(gain) for day, gain in gains.items()}
    return Answer(cents, dict(matches), frozenset(long))


def rp2_tables(trades: Sequence[Trade], method: str) -> tuple[Any, Any, Any]:
    """Build what rp2 computes with."""
    _import_rp2()
    from prezzemolo.avl_tree import AVLTree
    from rp2.accounting_engine import AccountingEngine
    from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
    from rp2.in_transaction import InTransaction
    from rp2.input_data import InputData
    from rp2.out_transaction import OutTransaction
    from rp2.plugin.country.us import US
    from rp2.rp2_decimal import ZERO, RP2Decimal
    from rp2.transaction_set import TransactionSet

    with TemporaryDirectory() as folder:
        path = Path(folder) / "rp2.ini"
        path.write_text(_rp2_settings())
        configuration = Configuration(str(path), US())
    bought, sold, moved = (
        TransactionSet(configuration, kind, "AAA", MIN_DATE, MAX_DATE)
        for kind in ("IN", "OUT", "INTRA")
    )
    for row, trade in enumerate(trades, start=1):
        where = (f"{trade.on} 12:00:00 +0000", "AAA", "broker", "owner")
        price, units = RP2Decimal(str(trade.price)), RP2Decimal(str(abs(trade.quantity)))
        if trade.quantity > 0:
            fee = RP2Decimal(str(trade.fee))
            bought.add_entry(
                InTransaction(configuration, *where, "buy", price, units, fiat_fee=fee, row=row)
            )
        else:
            sold.add_entry(
                OutTransaction(configuration, *where, "sell", price, units, ZERO, row=row)
            )
    methods: Any = AVLTree()
    plugin = import_module(f"rp2.plugin.accounting_method.{method}").AccountingMethod()
    methods.insert_node(MIN_DATE.year, plugin)
    return InputData("AAA", bought, sold, moved), AccountingEngine(methods), configuration


def _import_rp2() -> None:
    """Import rp2, which opens a log in the folder where it happens to be."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        import_module("rp2.logger").LOGGER.setLevel(logging.WARNING)


def _rp2_settings() -> str:
    columns = {
        "in_header": ("timestamp", "asset", "exchange", "holder", "transaction_type", "spot_price",
                      "crypto_in", "crypto_fee", "fiat_in_no_fee", "fiat_in_with_fee", "fiat_fee"),
        "out_header": ("timestamp", "asset", "exchange", "holder", "transaction_type", "spot_price",
                       "crypto_out_no_fee", "crypto_fee"),
        "intra_header": ("timestamp", "asset", "from_exchange", "from_holder", "to_exchange",
                         "to_holder", "spot_price", "crypto_sent", "crypto_received"),
    }  # fmt: skip
    lines = ["[general]", "assets = AAA", "exchanges = broker", "holders = owner"]
    for name, fields in columns.items():
        lines.append(f"[{name}]")
        lines += [f"{field} = {place}" for place, field in enumerate(fields)]
    return "\n".join(lines) + "\n"
