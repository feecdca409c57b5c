"""An account as its broker knows it and as the books know it, both made of events; all else follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.books.broker_events import BrokerEvent, CashMovement, ExchangeFill, Fill, SplitEvent
from ballast.books.lots.book import match_postings, tax_lots
from ballast.books.positions import known_postings, positions_snapshot, quantities
from ballast.books.postings import postings_of
from ballast.market.exchange_rates import Rates
from ballast.money import divide
from ballast.reconciliation.activity import broker_activity
from ballast.reconciliation.basis import held_by_lots
from ballast.reconciliation.compare import compare
from ballast.reconciliation.explain import Evidence, Explained, explain
from ballast.reconciliation.report import broker_holdings
from ballast.reconciliation.resolve import Books, Proposal, proposed_postings, resolve
from ballast.settings import LotMethod, ReconciliationSettings
from ballast.tables import (
    BrokerAccounts,
    BrokerBalances,
    BrokerPositions,
    CorporateActions,
    InFlight,
    Orders,
    Postings,
)
from tests.ballast.builders import D, Row, at, day, prices, rates, securities, table

SESSION = day(0)
SOURCE = "test"
SYMBOLS = ("AAA", "BBB", "CCC", "OPT")
EXCHANGES = dict.fromkeys(SYMBOLS, "XNYS")


def fill(number: int, symbol: str, quantity: str, price: str, **more: Any) -> Fill:
    """Return a fill of an order of ours, `number` hours into the session."""
    facts: dict[str, Any] = {
        "fill_id": f"f{number}", "account_id": "a", "symbol": symbol, "quantity": D(quantity),
        "price": D(price), "currency": "USD", "fee": D(1), "fee_currency": "USD",
        "filled_at": at(0) + timedelta(hours=number), "client_order_id": f"o{number}",
    }  # fmt: skip
    return Fill(**(facts | more))


def cash(number: int, kind: str, amount: str, currency: str = "USD", **more: Any) -> CashMovement:
    """Return a cash movement, `number` hours into the session."""
    moment = at(0) + timedelta(hours=number)
    facts: dict[str, Any] = {"movement_id": f"c{number}", "account_id": "a", "kind": kind}
    return CashMovement(**facts, currency=currency, amount=D(amount), occurred_at=moment, **more)


def exchange(number: int, given: str, taken: str) -> ExchangeFill:
    """Return an exchange of dollars into euros."""
    return ExchangeFill(
        f"x{number}", "a", "USD", D(given), "EUR", D(taken), D(0), "USD",
        at(0) + timedelta(hours=number), f"o{number}",
    )  # fmt: skip


def split(number: int, symbol: str, added: str) -> SplitEvent:
    """Return units that a split adds."""
    return SplitEvent(f"s{number}", "a", symbol, D(added), at(0) + timedelta(hours=number))


def order(number: int, side: str, symbol: str, quantity: str, state: str = "filled") -> Row:
    """Return an order of ours."""
    return {
        "client_order_id": f"o{number}", "account_id": "a", "origin": "plan", "origin_id": "p",
        "session": SESSION, "side": side, "symbol": symbol, "quantity": D(quantity), "state": state,
    }  # fmt: skip


# What both sides know: money and ten shares of each security, long before.
OPENING: tuple[BrokerEvent, ...] = (
    cash(-400, "deposit", "1000000"),
    cash(-399, "deposit", "5000", "EUR"),
    fill(-398, "AAA", "10", "50"),
    fill(-397, "BBB", "20", "30"),
)


@dataclass(frozen=True)
class Account:
    """One account `a`.

    Parameters
    ----------
    broker, booked : sequence of BrokerEvent
        What happened, and what was booked of it, after the opening.
    tells : bool
        Whether the broker tells what happened when it is asked.
    """

    broker: Sequence[BrokerEvent] = ()
    booked: Sequence[BrokerEvent] = ()
    tells: bool = True
    orders: Sequence[Row] = ()
    actions: Sequence[Row] = ()
    method: LotMethod = "fifo"
    opening: Sequence[BrokerEvent] = OPENING
    closes: Mapping[str, str] = field(
        default_factory=lambda: {"AAA": "50", "BBB": "30", "CCC": "100", "OPT": "5"}
    )
    # Added to what the broker reports without any event behind it.
    unseen: Mapping[str, str] = field(default_factory=dict)
    unseen_cost: Mapping[str, str] = field(default_factory=dict)
    basis_currency: str = "USD"
    settings: ReconciliationSettings = field(default_factory=ReconciliationSettings)
    session: date = SESSION
    agreed_until: date | None = None

    @property
    def ledger(self) -> pl.DataFrame:
        """The books before anything is resolved."""
        return postings_of([*self.opening, *self.booked], source=SOURCE)

    @property
    def truth(self) -> pl.DataFrame:
        """What the broker knows, as postings."""
        return postings_of([*self.opening, *self.broker], source=SOURCE)

    def compare(self, ledger: pl.DataFrame | None = None) -> pl.DataFrame:
        """Compare some books with the broker."""
        book = known_postings(self.ledger if ledger is None else ledger, self.session)
        listed, priced = securities(*SYMBOLS), prices(self.closes)
        matched = match_postings(book, EXCHANGES, {"a": self.method})
        lots = tax_lots(matched.lots, priced, listed, self.session)
        positions = positions_snapshot(
            book, lots, listed, priced, self.rates_table, {"a": "USD"}, self.session
        )
        held, balances = self._reported()
        answer = {
            "account_id": "a", "broker": SOURCE, "is_available": True, "asked_as_of": self.session,
            "reports_lots": False, "asked_at": at(1),
        }  # fmt: skip
        return compare(
            positions, held, balances, table(BrokerAccounts, [answer]), InFlight.create_empty(),
            {"a": self.settings}, self.session, securities=listed,
        )  # fmt: skip

    @property
    def rates_table(self) -> pl.DataFrame:
        """One euro is 1.25 dollars."""
        return rates({"USD": "1.25"})

    def explain(self, ledger: pl.DataFrame | None = None) -> Explained:
        """Explain how some books differ from the broker."""
        book = self.ledger if ledger is None else ledger
        events = [*self.opening, *self.broker] if self.tells else []
        evidence = Evidence(
            session=self.session,
            ledger=book,
            securities=securities(*SYMBOLS),
            prices=prices(self.closes),
            rates=Rates.of(self.rates_table),
            activity=broker_activity(events, source=SOURCE),
            sources={"a": SOURCE} if self.tells else {},
            orders=table(Orders, self.orders),
            actions=table(CorporateActions, self.actions, source="test"),
        )
        return explain(self.compare(book), evidence, {"a": self.settings})

    def resolve(self, ledger: pl.DataFrame | None = None, **more: Any) -> list[Proposal]:
        """Propose what would make some books agree with the broker."""
        book = self.ledger if ledger is None else ledger
        facts = {"agreed_until": {} if self.agreed_until is None else {"a": self.agreed_until}}
        books = Books(
            session=self.session,
            ledger=book,
            held_after=held_by_lots(EXCHANGES, {"a": self.method}),
            holdings=broker_holdings(self._reported()[0], dict.fromkeys(SYMBOLS, "USD")),
            currencies=dict.fromkeys(SYMBOLS, "USD"),
            euro_rates={"USD": D("0.8"), "EUR": D(1)},
            **(facts | more),
        )
        return resolve(self.explain(book), books, {"a": self.settings})

    def resolved(self) -> pl.DataFrame:
        """Return the books after everything that is proposed has been booked."""
        return booked_into(self.ledger, proposed_postings(self.resolve()))

    def _reported(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        truth = known_postings(self.truth, self.session)
        lots = match_postings(truth, EXCHANGES, {"a": self.method}).lots
        bases = dict(lots.group_by("symbol").agg(pl.col("amount").sum()).iter_rows())
        held, balances = [], []
        own = {"currency": self.basis_currency}
        sums = dict(quantities(truth).select("commodity", "quantity").iter_rows())
        for commodity in sorted({*sums, *self.unseen}):
            quantity = sums.get(commodity, D(0)) + D(self.unseen.get(commodity, "0"))
            if quantity == 0:
                continue
            if commodity in SYMBOLS:
                cost = bases.get(commodity, D(0)) + D(self.unseen_cost.get(commodity, "0"))
                price = divide(cost, abs(quantity)) if cost > 0 else None
                held.append(_holding(commodity, quantity, price) | own)
            else:
                balances.append({"account_id": "a", "currency": commodity, "balance": quantity})
        return table(BrokerPositions, held), table(BrokerBalances, balances)


def booked_into(ledger: pl.DataFrame, postings: pl.DataFrame) -> pl.DataFrame:
    """Add postings as the store does: what is known by its id stays as it is."""
    both = pl.concat([ledger, postings]).unique("posting_id", keep="first")
    return Postings.validate(both.sort("occurred_at", "posting_id"))


def at_hour(number: int) -> datetime:
    """Return a moment of the session."""
    return at(0) + timedelta(hours=number)


def _holding(symbol: str, quantity: Decimal, price: Decimal | None) -> Row:
    return {
        "account_id": "a", "symbol": symbol, "quantity": quantity, "average_price": price,
        "currency": "USD",
    }  # fmt: skip
