"""The desk at which alerts and broadcasts are handed in, and from which they are delivered."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from ballast.alerts import Alert, Broadcast, Route, routes_of
from ballast.settings.alerts import BROADCAST_ROUTE, AlertSettings
from resources.alerts import outbox
from resources.alerts.people import PeopleChannel
from resources.alerts.programs import ProgramChannel
from resources.clock import now
from resources.redaction import Redaction
from resources.secrets import REDIS_VARIABLE, redaction_of_environment
from resources.store import Store

_BROADCASTS_AT_ONCE = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeliverySummary:
    """What one round of deliveries did.

    Parameters
    ----------
    delivered, failed : int
        Attempts of this round that were accepted, and that were not.
    waiting : int
        Deliveries that are still to be made, now or later.
    problems : tuple of str
        What a person should mend, one sentence each, without secrets.
    """

    delivered: int
    failed: int
    waiting: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlertDesk:
    """Keeps alerts and broadcasts in the store until they are delivered.

    Parameters
    ----------
    store : Store
        Holds the outbox.
    settings : AlertSettings
        The routes and the limits of retrying.
    environment : mapping of str to str
        Where the addresses are.
    clock : callable
        Returns the current moment.
    last_session : date, optional
        Last session of a portfolio on recorded data, whose present it is.
    """

    store: Store
    settings: AlertSettings
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    clock: Callable[[], datetime] = now
    last_session: date | None = None

    def post(self, alerts: Sequence[Alert], broadcasts: Sequence[Broadcast] = ()) -> int:
        """Write alerts and broadcasts into the outbox, all in one transaction; what is known already stays as it is.

        An alert about a session long ago is kept, but takes no route: a backfill wakes nobody.
        Broadcasts are dropped where no Redis server is configured, because nobody could listen.

        Returns
        -------
        int
            Number of alerts and broadcasts that were new.
        """
        clean = [self._without_secrets(alert) for alert in alerts]
        heard = list(broadcasts) if self._redis_address else []
        if broadcasts and not heard:
            _log.info("%s is not set: %d broadcasts dropped", REDIS_VARIABLE, len(broadcasts))
        if not clean and not heard:
            return 0
        at = self.clock()
        with self.store.write() as connection:
            return outbox.add_alerts(
                connection, clean, self._routes_of, at
            ) + outbox.add_broadcasts(connection, heard, BROADCAST_ROUTE, at)

    def deliver(self) -> DeliverySummary:
        """Attempt every delivery that is due; a failure is recorded and tried again later, never raised.

        A route that fails is left alone for the rest of the round, so that a service that hangs costs one timeout.
        """
        outbox.give_up_removed_routes(self.store, [*self._channels, BROADCAST_ROUTE])
        rounds = [self._deliver_alerts(name, route) for name, route in self._channels.items()]
        rounds.append(self._deliver_broadcasts())
        keep = timedelta(days=self.settings.keep_broadcasts)
        outbox.forget_broadcasts(self.store, self.clock() - keep)
        summary = DeliverySummary(
            delivered=sum(done.delivered for done in rounds),
            failed=sum(done.failed for done in rounds),
            waiting=outbox.count_open(self.store),
            problems=tuple(problem for done in rounds for problem in done.problems),
        )
        for problem in summary.problems:
            _log.warning("alerts: %s", problem)
        return summary

    def try_routes(self, alert: Alert) -> dict[str, str | None]:
        """Send an alert on every route, past the outbox and whatever its severity, and ask the Redis server.

        Returns
        -------
        dict of str to (str or None)
            Per route None when it works, else why not. The Redis server is among them where it is configured.
        """
        clean = self._without_secrets(alert)
        found = {name: channel.send(clean) for name, channel in self._channels.items()}
        if self._redis_address:
            found[BROADCAST_ROUTE] = self._programs.ask()
        return found

    def due_state(self) -> list[tuple[str, str, int]]:
        """Return item, route and attempts of every delivery that is due; empty when there is nothing to do."""
        return outbox.due_state(self.store, self.clock())

    @cached_property
    def redact(self) -> Redaction:
        """Removes every secret of the environment that Ballast is given."""
        return redaction_of_environment(self.environment)

    @cached_property
    def _channels(self) -> dict[str, PeopleChannel]:
        return {
            route.name: PeopleChannel(
                route.environment, self.environment.get(route.environment), self.redact
            )
            for route in self.settings.routes
        }

    @property
    def _redis_address(self) -> str | None:
        return self.environment.get(REDIS_VARIABLE) or None

    @cached_property
    def _programs(self) -> ProgramChannel:
        return ProgramChannel(
            self._redis_address,
            self.redact,
            self.settings.stream_length,
            remember=2 * timedelta(hours=self.settings.give_up_after),
        )

    @cached_property
    def _retrying(self) -> outbox.Retrying:
        return outbox.Retrying(
            first=timedelta(seconds=self.settings.first_retry),
            longest=timedelta(seconds=self.settings.longest_retry),
            give_up_after=timedelta(hours=self.settings.give_up_after),
        )

    def _routes_of(self, alert: Alert) -> Sequence[str]:
        if not self._is_news(alert):
            return ()
        routes = [Route(r.name, r.least_severity, r.kinds) for r in self.settings.routes]
        return routes_of(alert, routes)

    def _is_news(self, alert: Alert) -> bool:
        if alert.session is None:
            return True
        present = self.clock().date()
        if self.last_session is not None:
            present = min(present, self.last_session)
        return present - alert.session <= timedelta(days=self.settings.news_days)

    def _deliver_alerts(self, name: str, channel: PeopleChannel) -> DeliverySummary:
        def send(claimed: list[outbox.Claimed]) -> list[str | None]:
            return [channel.send(one.item) for one in claimed if isinstance(one.item, Alert)]

        done = self._deliver_route(name, send, at_once=1, is_broadcast=False)
        if not channel.address and not done.problems:
            return replace(done, problems=(f"route {name}: {channel.variable} is not set",))
        return done

    def _deliver_broadcasts(self) -> DeliverySummary:
        def send(claimed: list[outbox.Claimed]) -> list[str | None]:
            return self._programs.send(
                [one.item for one in claimed if isinstance(one.item, Broadcast)]
            )

        return self._deliver_route(
            BROADCAST_ROUTE, send, at_once=_BROADCASTS_AT_ONCE, is_broadcast=True
        )

    def _deliver_route(
        self,
        name: str,
        send: Callable[[list[outbox.Claimed]], list[str | None]],
        *,
        at_once: int,
        is_broadcast: bool,
    ) -> DeliverySummary:
        lease = timedelta(seconds=self.settings.lease)
        delivered = 0
        while claimed := outbox.claim(
            self.store, name, self.clock(), lease, at_once, is_broadcast=is_broadcast
        ):
            errors = send(claimed)
            results = list(zip(claimed, errors, strict=True))
            outbox.settle(self.store, results, self.clock(), self._retrying)
            failures = [error for error in errors if error is not None]
            delivered += len(errors) - len(failures)
            if failures:
                problem = f"route {name}: {failures[0]}"
                return DeliverySummary(delivered, len(failures), 0, (problem,))
        return DeliverySummary(delivered, 0, 0)

    def _without_secrets(self, alert: Alert) -> Alert:
        title = " ".join(self.redact(alert.title).split())
        return replace(alert, title=title, text=self.redact(alert.text))
