"""What the gate is told: the published tables of the session, the store, and the broker's word at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import polars as pl

from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError, MissingRateError, NotPublishedError
from ballast.guards.status import blocked_by_guards, restricted_sides
from ballast.market.exchange_rates import Rates
from ballast.money import ZERO, multiply
from ballast.reconciliation.compare import blocked_accounts
from ballast.trading.costs import Costs
from ballast.trading.gate import Facts, Market, OpenOrderFact, PastTrade, Quote, TradingHistory
from ballast.trading.modes import refusal
from ballast.trading.orders import OPEN_STATES, OrderIntent
from resources.brokers.protocol import OpenOrder
from resources.confirmation import confirmed_accounts
from resources.run_clock import RunClock, simulated_moment

# Orders that came to nothing were no trades.
_CAME_TO_NOTHING = ("rejected", "cancelled", "expired")


@dataclass(frozen=True)
class GateFacts:
    """Gathers the facts for the orders of one run; what is published is read once."""

    run: SessionRun

    @property
    def clock(self) -> RunClock:
        """The clock of the run, read anew: a run may last."""
        return RunClock.of(self.run.workspace, self.run.session)

    def of(self, intent: OrderIntent) -> Facts:
        """Return what is known for an order, the broker asked anew."""
        run, account, clock = self.run, intent.account_id, self.clock
        workspace, portfolio = run.workspace, run.workspace.portfolio
        settings = next(a for a in portfolio.accounts if a.id == account)
        orders = workspace.orders.table(account).filter(
            pl.col("client_order_id") != intent.client_order_id
        )
        balances: dict[str, Decimal] | None = None
        position: Decimal | None = None
        open_orders: tuple[OpenOrderFact, ...] | None = None
        problem = self._account_problem(account)
        try:
            broker = workspace.broker(account)
            balances = broker.balances(account, run.session)
            held = {p.symbol: p.quantity for p in broker.positions(account, run.session)}
            position = held.get(intent.symbol, ZERO)
            open_orders = open_orders_of(orders, broker.open_orders(account))
        except BrokerUnavailableError as error:
            problem = f"The broker cannot be asked: {error.what.rstrip('.')}."
        quote = self._quote(intent)
        return Facts(
            moment=clock.moment,
            session=run.session,
            refusal=refusal(
                portfolio.mode,
                account,
                settings.broker,
                confirmed=confirmed_accounts(),
                session=run.session,
                newest=clock.newest,
                has_an_end=portfolio.sessions.last is not None,
            ),
            switch=workspace.kill_switch.state(account),
            guard_block=None if self._guards is None else self._guard_blocks.get(account),
            restricted=self._restricted(account, intent.symbol),
            account_problem=problem,
            orders_in_session=orders.filter(pl.col("session") == run.session).height,
            trades=self._trades(orders),
            market=self._market(intent, clock),
            history=self._history(orders, intent),
            balances=balances,
            reserved=self.reserved(orders, open_orders),
            rates_to_base=self._rates_to(portfolio.base_currency_of(account)),
            cash_reserve=self._reserves.get(account),
            fee=self._fee(intent, quote),
            position=position,
            lot_size=self._lot_sizes.get(intent.symbol),
            open_orders=open_orders,
            quote=quote,
            is_single_position=settings.single_position,
        )

    @cached_property
    def costs(self) -> Costs | None:
        """Fees and rates of the session; None where no rates are published."""
        rates = self._published("exchange_rates")
        return None if rates is None else Costs(self.run.workspace.portfolio.costs, Rates.of(rates))

    @cached_property
    def _guards(self) -> pl.DataFrame | None:
        return self._published("guard_status")

    @cached_property
    def _guard_blocks(self) -> dict[str, str]:
        return {} if self._guards is None else blocked_by_guards(self._guards)

    @cached_property
    def _report(self) -> pl.DataFrame | None:
        return self._published("reconciliation_report")

    @cached_property
    def _quotes(self) -> dict[str, Quote]:
        prices = self._published("prices")
        listed = {s.symbol: s.currency for s in self.run.workspace.portfolio.securities}
        if prices is None:
            return {}
        return {
            row["symbol"]: Quote(
                row["price"],
                listed[row["symbol"]],
                not row["blocks_planning"],
                row["price_session"],
            )
            for row in prices.iter_rows(named=True)
            if row["symbol"] in listed and row["price"] is not None
        }

    @cached_property
    def _reserves(self) -> dict[str, Decimal]:
        plans = self._published("account_plans")
        if plans is None:
            return {}
        known = plans.filter(pl.col("reserve").is_not_null())
        return dict(known.select("account_id", "reserve").iter_rows())

    @cached_property
    def _lot_sizes(self) -> dict[str, Decimal]:
        return {s.symbol: s.lot_size for s in self.run.workspace.portfolio.securities}

    def _published(self, asset: str) -> pl.DataFrame | None:
        try:
            (table,) = self.run.read(asset)
        except NotPublishedError:
            return None
        return table

    def _account_problem(self, account: str) -> str | None:
        if self._report is None:
            return f"The books have not been reconciled in session {self.run.session}."
        if account not in self._report["account_id"]:
            return f"The reconciliation of session {self.run.session} does not know the account."
        blocked = blocked_accounts(self._report).get(account)
        return None if blocked is None else f"The books do not agree with the broker: {blocked}"

    def _restricted(self, account: str, symbol: str) -> frozenset[str] | None:
        if self._guards is None or account not in self._guards["account_id"]:
            return None
        return restricted_sides(self._guards, account, symbol)

    def _trades(self, orders: pl.DataFrame) -> tuple[PastTrade, ...]:
        """Return the trades that were ordered: all that came, or may still come, to something."""
        came_to_nothing = pl.col("state").is_in(_CAME_TO_NOTHING) & (pl.col("filled") == ZERO)
        rows = orders.filter(pl.col("side").is_in(["buy", "sell"]) & ~came_to_nothing)
        trades = (
            PastTrade(
                row["symbol"], row["side"], row["decided_at"] or simulated_moment(row["session"])
            )
            for row in rows.iter_rows(named=True)
            # A session that is run again does not know what was ordered in later ones.
            if row["session"] <= self.run.session
        )
        return tuple(trades)

    def _history(self, orders: pl.DataFrame, intent: OrderIntent) -> TradingHistory:
        """Put together when a security was traded, by the books and by orders that may not be in them yet."""
        days = self.run.workspace.ledger.trading_days(
            intent.account_id, intent.symbol, self.run.session
        )
        own = [t for t in self._trades(orders) if t.symbol == intent.symbol]
        every = [day for day, _ in days] + [trade.at.date() for trade in own]
        bought = [day for day, is_purchase in days if is_purchase]
        bought += [trade.at.date() for trade in own if trade.side == "buy"]
        if not every:
            return TradingHistory()
        return TradingHistory(min(every), max(every), max(bought) if bought else None)

    def _market(self, intent: OrderIntent, clock: RunClock) -> Market | None:
        listed = {s.symbol: s.exchange for s in self.run.workspace.portfolio.securities}
        exchange = listed.get(intent.symbol)
        if exchange is None:
            return None
        return clock.market(self.run.workspace, exchange, self.run.session)

    def _quote(self, intent: OrderIntent) -> Quote | None:
        if intent.side != "exchange":
            return self._quotes.get(intent.symbol)
        source, _, target = intent.symbol.partition("/")
        if self.costs is None:
            return None
        try:
            return Quote(self.costs.rates.rate(source, target), target)
        except MissingRateError:
            return None

    def _fee(self, intent: OrderIntent, quote: Quote | None) -> Decimal | None:
        if self.costs is None or quote is None:
            return None
        if intent.side == "exchange":
            return self.costs.exchange_fee(intent.quantity)
        value = multiply(intent.quantity, quote.price)
        return self.costs.trade_fee(value, quote.currency)

    def reserved(
        self, orders: pl.DataFrame, open_orders: tuple[OpenOrderFact, ...] | None
    ) -> dict[str, Decimal] | None:
        """Return what open purchases and exchanges may still take, fees and slippage included.

        Returns
        -------
        dict of str to Decimal or None
            None where the open orders, or the price of one of them, are unknown.
        """
        if open_orders is None or self.costs is None:
            return None
        decided = dict(orders.select("client_order_id", "price").iter_rows())
        reserved: dict[str, Decimal] = {}
        for order in open_orders:
            if order.side == "sell" or order.remaining <= ZERO:
                continue
            if "/" in order.symbol:
                currency, cash = order.symbol.partition("/")[0], order.remaining
                cash += self.costs.exchange_fee(cash)
            else:
                quote = self._quotes.get(order.symbol)
                known = None if quote is None else quote.price
                price = decided.get(order.client_order_id) or known
                if price is None or order.symbol not in self._currencies:
                    return None
                currency = self._currencies[order.symbol]
                slippage = Decimal(1) + self.run.workspace.portfolio.trading.slippage
                cash = multiply(multiply(order.remaining, price), slippage)
                cash += self.costs.trade_fee(cash, currency)
            reserved[currency] = reserved.get(currency, ZERO) + cash
        return reserved

    @cached_property
    def _currencies(self) -> dict[str, str]:
        return {s.symbol: s.currency for s in self.run.workspace.portfolio.securities}

    def _rates_to(self, base: str) -> dict[str, Decimal]:
        if self.costs is None:
            return {}
        pairs = self.costs.rates.by_pair
        return {source: rate for (source, target), rate in pairs.items() if target == base}


def open_orders_of(orders: pl.DataFrame, at_broker: list[OpenOrder]) -> tuple[OpenOrderFact, ...]:
    """Return our orders that may still be filled, and those that only the broker knows."""
    ours = tuple(
        OpenOrderFact(
            row["client_order_id"], row["symbol"], row["side"], row["quantity"] - row["filled"]
        )
        for row in orders.filter(pl.col("state").is_in(OPEN_STATES)).iter_rows(named=True)
    )
    known = {order.client_order_id for order in ours}
    return ours + tuple(
        OpenOrderFact(order.client_order_id, order.symbol, order.side, order.quantity)
        for order in at_broker
        if order.client_order_id not in known
    )
