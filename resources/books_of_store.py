"""The books that are kept in the store, each opened when it is first asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from resources.configurations import ConfigurationHistory
from resources.episodes import EpisodeBook
from resources.gate_log import GateLog
from resources.guards import GuardBook
from resources.kill_switch import KillSwitch
from resources.ledger import Ledger
from resources.orders import OrderBook
from resources.plan_archive import PlanArchive
from resources.proposals import ProposalBook
from resources.recommendations import RecommendationBook
from resources.reconciliation import ReconciliationMemory
from resources.store import Store


class BooksOfStore(ABC):
    """Whoever has a store has these."""

    @property
    @abstractmethod
    def store(self) -> Store:
        """The store, which who inherits this opens."""

    @cached_property
    def ledger(self) -> Ledger:
        """The postings."""
        return Ledger(self.store)

    @cached_property
    def orders(self) -> OrderBook:
        """The orders; `assets.order_desk` places them, behind the gate."""
        return OrderBook(self.store)

    @cached_property
    def gate_log(self) -> GateLog:
        """What the gate said of every order."""
        return GateLog(self.store)

    @cached_property
    def kill_switch(self) -> KillSwitch:
        """What stops orders until a person resets it."""
        return KillSwitch(self.store)

    @cached_property
    def guards(self) -> GuardBook:
        """The logs of the guards."""
        return GuardBook(self.store)

    @cached_property
    def reconciliation(self) -> ReconciliationMemory:
        """What the reconciliation remembers."""
        return ReconciliationMemory(self.store)

    @cached_property
    def proposals(self) -> ProposalBook:
        """What the reconciliation proposes, and what became of it."""
        return ProposalBook(self.store)

    @cached_property
    def recommendations(self) -> RecommendationBook:
        """What was recommended, and what became of it."""
        return RecommendationBook(self.store)

    @cached_property
    def plans(self) -> PlanArchive:
        """What plans were computed from."""
        return PlanArchive(self.store)

    @cached_property
    def configurations(self) -> ConfigurationHistory:
        """The configurations that have been in force."""
        return ConfigurationHistory(self.store)

    @cached_property
    def episodes(self) -> EpisodeBook:
        """Emergency episodes."""
        return EpisodeBook(self.store)
