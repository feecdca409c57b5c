"""What the repair of an account looks at: the broker's word, lots and targets, what is under way, what is shut."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from assets.gate_facts import GateFacts, open_orders_of
from assets.session_run import SessionRun
from ballast.errors import NotPublishedError
from ballast.money import ZERO, exact, multiply
from ballast.trading.costs import Costs
from ballast.trading.emergency import Policy, Sellable, Situation
from ballast.trading.sale_lots import sale_lots
from ballast.trading.sales import SaleCosts, SaleLot
from resources.brokers.protocol import Broker, BrokerPosition, OpenOrder
from resources.recommendations import EMERGENCY

_NOT_FILLED = ("rejected", "cancelled", "expired")


@dataclass(frozen=True)
class Emergency:
    """One account in need: what is published of it, and how it is to be repaired."""

    run: SessionRun
    account_id: str
    facts: GateFacts
    costs: Costs

    @property
    def policy(self) -> Policy:
        """How the settings want accounts repaired."""
        settings = self.run.workspace.portfolio.emergency
        return Policy(
            settings.sell_buffer,
            settings.exchange_buffer,
            settings.sales,
            SaleCosts(settings.gain_tax, settings.drift_cost),
        )

    @property
    def base_currency(self) -> str:
        """Base currency of the account."""
        return self.run.workspace.portfolio.base_currency_of(self.account_id)

    def situation(self, episode: str | None, refused: frozenset[str]) -> Situation:
        """Ask the broker, and put together what is known.

        Parameters
        ----------
        refused : frozenset of str
            Securities and FROM/TO pairs whose orders came to nothing in this run.
        """
        workspace, session = self.run.workspace, self.run.session
        broker = workspace.broker(self.account_id)
        unresolved = workspace.orders.unresolved(self.account_id)
        at_broker = broker.open_orders(self.account_id)
        arriving = dict(broker.arriving_cash(self.account_id, session))
        for currency, amount in self._held_back(at_broker).items():
            arriving[currency] = arriving.get(currency, ZERO) - amount
        balances = broker.balances(self.account_id, session)
        sellable = self._sellable(broker)
        return Situation(
            self.account_id,
            self.base_currency,
            balances,
            sellable,
            frozenset([order.symbol for order in at_broker] + [i.symbol for i in unresolved]),
            any(intent.origin == EMERGENCY for intent in unresolved),
            minimums=self.minimums(balances),
            arriving=arriving,
            offered_pairs=broker.currency_pairs(self.account_id),
            closed_symbols=self._closed(sellable),
            refused=refused,
            used_pairs=() if episode is None else self._used_pairs(episode),
        )

    def _held_back(self, at_broker: list[OpenOrder]) -> dict[str, Decimal]:
        """Return the cash that open orders of others will still take, as far as it is known."""
        others = self.run.workspace.orders.table(self.account_id).filter(
            pl.col("origin") != EMERGENCY
        )
        repairs = {
            i.client_order_id
            for i in self.run.workspace.orders.unresolved(self.account_id)
            if i.origin == EMERGENCY
        }
        foreign = [order for order in at_broker if order.client_order_id not in repairs]
        return self.facts.reserved(others, open_orders_of(others, foreign)) or {}

    def refused_so_far(self, episode: str) -> frozenset[str]:
        """Return what the broker refused in this episode, so that no run tries it again.

        After a run that was halted by refusals everything is tried once more.
        """
        steps = self.run.workspace.episodes.timeline().filter(pl.col("episode_id") == episode)
        halted = steps.filter(pl.col("phase") == "halted")["number"].max()
        since = steps if halted is None else steps.filter(pl.col("number") > halted)
        orders = self.run.workspace.orders.table(self.account_id).filter(
            pl.col("client_order_id").is_in(since["client_order_id"].drop_nulls().implode())
            & pl.col("state").is_in(_NOT_FILLED)
            & (pl.col("filled") == ZERO)
        )
        return frozenset(orders["symbol"])

    def minimums(self, balances: dict[str, Decimal]) -> dict[str, Decimal]:
        """Return the least balance of every currency: the reserve in base currency, converted."""
        reserve = self.run.workspace.portfolio.emergency.reserve
        if reserve == ZERO:
            return {}
        rates = self.costs.rates
        return {
            currency: rates.convert(reserve, self.base_currency, currency) for currency in balances
        }

    def _sellable(self, broker: Broker) -> tuple[Sellable, ...]:
        (prices,) = self.run.read("prices")
        tradable = dict(
            prices.filter(~pl.col("blocks_planning")).select("symbol", "price").iter_rows()
        )
        listed = {s.symbol: s for s in self.run.workspace.portfolio.securities if s.allow_sell}
        held = [
            position
            for position in broker.positions(self.account_id, self.run.session)
            if position.symbol in tradable
            and position.symbol in listed
            and position.quantity > ZERO
        ]
        lots, targets = self._lots(held), self._targets()
        return tuple(
            Sellable(
                position.symbol,
                position.quantity,
                tradable[position.symbol],
                position.currency,
                listed[position.symbol].lot_size,
                lots.get(position.symbol, ()),
                None if targets is None else targets.get(position.symbol, ZERO),
            )
            for position in held
        )

    def _lots(self, held: list[BrokerPosition]) -> dict[str, tuple[SaleLot, ...]]:
        """Return the lots of what is held, in the order in which a sale uses them up."""
        try:
            (table,) = self.run.read("tax_lots")
        except NotPublishedError:
            return {}
        method = self.run.workspace.portfolio.lot_methods[self.account_id]
        currencies = {position.symbol: position.currency for position in held}
        return sale_lots(table, self.account_id, method, currencies)

    def _targets(self) -> dict[str, Decimal] | None:
        """Return the wanted value of each security in base currency; None where it is unknown."""
        try:
            targets, positions = self.run.read("target_weights", "positions_snapshot")
        except NotPublishedError:
            return None
        values = positions.filter(pl.col("account_id") == self.account_id)["value_base"]
        if values.is_empty() or values.null_count():
            return None
        total = sum(values.to_list(), ZERO)
        own = targets.filter(pl.col("account_id") == self.account_id)
        return {
            symbol: multiply(total, exact(weight))
            for symbol, weight in own.select("symbol", "target_weight").iter_rows()
        }

    def _closed(self, sellable: tuple[Sellable, ...]) -> frozenset[str]:
        listed = {s.symbol: s.exchange for s in self.run.workspace.portfolio.securities}
        clock, workspace, session = self.facts.clock, self.run.workspace, self.run.session
        is_open = {
            exchange: clock.market(workspace, exchange, session).is_open
            for exchange in {listed[holding.symbol] for holding in sellable}
        }
        return frozenset(h.symbol for h in sellable if not is_open[listed[h.symbol]])

    def _used_pairs(self, episode: str) -> tuple[str, ...]:
        """Return the exchanges of the episode since its last sale of which anything was filled."""
        orders = self.run.workspace.orders.table(self.account_id).filter(
            (pl.col("origin_id") == episode)
            & ~(pl.col("state").is_in(_NOT_FILLED) & (pl.col("filled") == ZERO))
        )
        used: list[str] = []
        number = pl.col("client_order_id").str.extract(r"(\d+)$").cast(pl.Int64)
        for row in orders.sort(number).iter_rows(named=True):
            if row["side"] == "sell":
                used.clear()
            else:
                used.append(row["symbol"])
        return tuple(used)
