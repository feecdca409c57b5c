"""One fault of the month, and the account and session that it is drawn for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ballast.trading.orders import OrderIntent
from resources.brokers.faults import Fault, FaultKind
from tests.resources.brokers.faulty import fault, market_with_option
from tests.simulation.world import Account

D = Decimal
STOCK_OF_OPTION = "AAPL"
_LASTING = ("pending_settlement", "wrong_average", "wrong_lots", "unreachable")


@dataclass(frozen=True)
class Planned:
    """A fault of the month.

    Parameters
    ----------
    name : str
        Its row in the result.
    causes : frozenset of str
        Any of them names it right.
    items : frozenset of str
        Securities and currencies in which it shows.
    """

    fault: Fault
    name: str
    causes: frozenset[str]
    items: frozenset[str]

    @property
    def lasts(self) -> bool:
        """Whether it stays until its own end, whatever is booked."""
        return self.fault.kind in _LASTING

    @property
    def claims(self) -> frozenset[str]:
        """What it shows in, and the security whose fill it takes."""
        return self.items | {self.fault.symbol or ""}

    def claims_on(self, session: date) -> bool:
        """Whether it keeps others away: while it may show, and on the session on which it must be gone."""
        return self.is_open(session) or self.fault.until == session

    @property
    def is_inferred(self) -> bool:
        """Whether nobody tells of it, so that only what it left behind can give it away."""
        return self.fault.told == "nowhere"

    def is_open(self, session: date) -> bool:
        """Whether it may show on a session: on its own, or for as long as it lasts."""
        return self.fault.is_on(session) if self.lasts else session == self.fault.session


@dataclass
class Stage:
    """One account on one session, for the recipes to choose from.

    Parameters
    ----------
    is_taken, is_sealed : set of str
        Items of other faults, and those of them that no further fault may touch.
    """

    account: Account
    session: date
    dice: random.Random
    sessions: Sequence[date]
    has_option: bool = False
    is_taken: set[str] = field(default_factory=set)
    is_sealed: set[str] = field(default_factory=set)

    def trades(self, *sides: str, is_alone: bool = False) -> list[OrderIntent]:
        """The orders in securities of no other fault, the first of each security, which a fault takes.

        Parameters
        ----------
        sides : str
            Of these sides only; of both if none is named.
        is_alone : bool
            Only of securities that are traded once in the session: in what order trades came that nobody tells of
            cannot be known, and with it which lots they used.
        """
        orders = self.account.orders.get(self.session, [])
        times = Counter(order.symbol for order in orders)
        first = {order.symbol: order for order in reversed(orders) if order.side != "exchange"}
        return [
            order
            for order in first.values()
            if order.symbol not in self.is_taken
            and (not sides or order.side in sides)
            and (times[order.symbol] == 1 or not is_alone)
        ]

    def close(self, symbol: str) -> Decimal:
        return market_with_option().close(symbol, self.session)

    def later(self, sessions: int) -> date | None:
        at = self.sessions.index(self.session) + sessions
        return self.sessions[at] if at < len(self.sessions) else None

    def kept(self) -> str | None:
        free = [symbol for symbol in self.account.kept if symbol not in self.is_taken]
        return self.dice.choice(free) if free else None

    def absent(self) -> str | None:
        free = [symbol for symbol in self.account.absent if symbol != STOCK_OF_OPTION]
        return self.dice.choice(free) if free else None

    def cash(self, low: int, high: int) -> tuple[Decimal, str]:
        return D(self.dice.randrange(low * 100, high * 100)) / 100, self.dice.choice(["EUR", "USD"])

    def planned(
        self, kind: FaultKind, name: str, causes: str, items: Sequence[str], **facts: object
    ) -> Planned:
        made = fault(
            kind,
            self.session,
            self.account.account_id,
            fault_id=f"{kind}-{self.account.account_id}-{self.session}",
            **facts,
        )
        return Planned(made, name, frozenset(causes.split()), frozenset(items))
