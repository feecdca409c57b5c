"""The desk that keeps the books of the month: imports, compares, explains, corrects, and compares again.

Everything that is the product's own is called in `Desk.reconcile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl

from assets.sync import BrokerState, ask_brokers, import_events, look_again
from ballast.books.lots.book import match_postings, tax_lots
from ballast.books.positions import positions_snapshot
from ballast.market.exchange_rates import Rates
from ballast.reconciliation.basis import held_by_lots
from ballast.reconciliation.compare import compare
from ballast.reconciliation.explain import Evidence, Explained, explain
from ballast.reconciliation.report import broker_holdings
from ballast.reconciliation.resolve import Books, Proposal, proposed_postings, resolve
from ballast.settings import ReconciliationSettings
from ballast.tables import InFlight, Orders, polars_schema
from resources.brokers.protocol import Broker
from resources.ledger import Ledger
from resources.orders import OrderBook
from tests.simulation.world import World, actions, prices, rates, securities, trading_days

NO_DIFFERENCE = ("matched", "inconclusive", "unavailable")


@dataclass(frozen=True)
class Reconciled:
    """What one reconciliation of all accounts found and proposes."""

    explained: Explained
    proposals: list[Proposal]

    def differing(self, account_id: str) -> pl.DataFrame:
        """What is not as it should be in an account."""
        return self.explained.table.filter(account_id=account_id).filter(
            pl.col("outcome") != "matched"
        )


@dataclass
class Desk:
    """The books of all accounts of a world, kept in a real store."""

    world: World
    broker: Broker
    ledger: Ledger
    settings: Mapping[str, ReconciliationSettings] = field(init=False)
    clean_on: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = dict.fromkeys(self.world.base_currencies, ReconciliationSettings())

    def import_events(self, session: date) -> None:
        """Bring the books up to date."""
        import_events(self._run(session))

    def reconcile(self, session: date) -> Reconciled:
        """Compare, explain and propose, as the asset `reconciliation_report` does."""
        run = self._run(session)
        state = ask_brokers(run)
        ledger = self.ledger.read(session)
        exchanges = dict(securities().select("symbol", "exchange").iter_rows())
        matched = match_postings(ledger, exchanges, self.world.methods)
        lots = tax_lots(matched.lots, prices(session), securities(), session)
        positions = positions_snapshot(
            ledger, lots, securities(), prices(session), rates(session),
            self.world.base_currencies, session,
        )  # fmt: skip
        comparison = compare(
            positions, state.positions, state.balances, state.accounts, InFlight.create_empty(),
            self.settings, session, securities=securities(), lots=lots, broker_lots=state.lots,
        )  # fmt: skip
        differing = comparison.filter(~pl.col("outcome").is_in(NO_DIFFERENCE))
        look = look_again(run, state.accounts, differing["account_id"].unique().sort().to_list())
        evidence = Evidence(
            session=session,
            ledger=ledger,
            securities=securities(),
            prices=prices(session),
            rates=Rates.of(rates(session)),
            activity=look.activity,
            sources=look.sources,
            orders=self._orders(session),
            actions=actions(trading_days()[0], session),
        )
        explained = explain(comparison, evidence, self.settings)
        books = self._books(session, ledger, state, exchanges)
        return Reconciled(explained, resolve(explained, books, self.settings))

    def accept(self, proposals: list[Proposal]) -> None:
        """Book proposals."""
        self.ledger.append(proposed_postings(proposals))

    def _books(
        self, session: date, ledger: pl.DataFrame, state: BrokerState, exchanges: Mapping[str, str]
    ) -> Books:
        currencies = dict(securities().select("symbol", "currency").iter_rows())
        return Books(
            session=session,
            ledger=ledger,
            held_after=held_by_lots(exchanges, self.world.methods),
            holdings=broker_holdings(state.positions, currencies),
            currencies=currencies,
            agreed_until=dict(self.clean_on),
        )

    def _orders(self, session: date) -> pl.DataFrame:
        rows = [
            order.model_dump() | {"state": "filled", "filled": order.quantity, "detail": None}
            for order in self.world.orders
            if order.session <= session
        ]
        names = polars_schema(Orders).names()
        return Orders.validate(
            pl.DataFrame([{n: row[n] for n in names} for row in rows], schema=polars_schema(Orders))
        )

    def _run(self, session: date) -> Any:
        """What the functions that ask the brokers need of a run."""
        accounts = self.world.base_currencies
        workspace = SimpleNamespace(
            brokers=dict.fromkeys(accounts, self.broker),
            broker=lambda account_id: self.broker,
            ledger=self.ledger,
            orders=OrderBook(self.ledger.store),
            portfolio=SimpleNamespace(tolerances=self.settings),
        )
        return SimpleNamespace(session=session, workspace=workspace)
