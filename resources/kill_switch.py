"""The kill switch in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from ballast.errors import ConfigurationError
from ballast.guards.kill_switch import Latch, Switch, switch_of
from ballast.tables import KillSwitchEvents, polars_schema
from resources.clock import now
from resources.store import Store, insert_unknown
from resources.store.guard_schema import kill_switch_events


@dataclass(frozen=True)
class KillSwitch:
    """Events that trip and reset the switches; they are only ever added to."""

    store: Store

    def events(self, as_of: date | None = None) -> pl.DataFrame:
        """Return all events, or those up to a session, as `KillSwitchEvents`."""
        query = sa.select(kill_switch_events).order_by(kill_switch_events.c.sequence)
        if as_of is not None:
            query = query.where(kill_switch_events.c.session <= as_of)
        with self.store.read() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        return KillSwitchEvents.validate(
            pl.DataFrame(found, schema=polars_schema(KillSwitchEvents))
        )

    def state(self, account_id: str) -> Switch:
        """Return the switch that holds for an account now; `*` asks for the one of all accounts."""
        return switch_of(self.events(), account_id)

    def latch(self, wish: Latch, session: date, run_id: str) -> bool:
        """Trip the switch of an account for a guard, once per episode; returns whether it was new.

        A switch that a person has reset since is not tripped again for the same episode.
        """
        return self._add(
            event_id=f"latch:{wish.account_id}:{wish.episode}:{wish.level}",
            scope=wish.account_id,
            kind="latch",
            level=wish.level,
            reason=wish.reason,
            requested_by=f"guard {wish.guard}",
            session=session,
            run_id=run_id,
        )

    def trip(
        self, scope: str, *, reason: str, requested_by: str, session: date, run_id: str
    ) -> bool:
        """Trip a switch because a person says so; nothing is sent until it is reset.

        Parameters
        ----------
        scope : str
            Account, or `*` for all.

        Raises
        ------
        ConfigurationError
            If the reason or the person is empty.
        """
        _require_words("trip", reason, requested_by)
        return self._add(
            event_id=f"trip:{scope}:{run_id}",
            scope=scope,
            kind="latch",
            level="halt",
            reason=reason.strip(),
            requested_by=requested_by.strip(),
            session=session,
            run_id=run_id,
        )

    def reset(
        self,
        scope: str,
        *,
        reason: str,
        requested_by: str,
        session: date,
        run_id: str,
        restarts_peak: bool = False,
    ) -> bool:
        """Reset a switch because a person says so, once per run.

        Parameters
        ----------
        scope : str
            Account, or `*`. Each scope is reset by itself.
        restarts_peak : bool
            Measure the drawdown of the scope anew from the end of the session; also without a tripped switch.

        Raises
        ------
        ConfigurationError
            If the reason or the person is empty, or nothing is tripped.
        """
        _require_words("reset", reason, requested_by)
        event_id = f"reset:{scope}:{run_id}"
        events = self.events()
        is_known = event_id in events["event_id"]
        own = switch_of(events.filter(pl.col("scope") == scope), scope)
        if not own.is_latched and not restarts_peak and not is_known:
            others = sorted(
                other
                for other in set(events["scope"])
                if switch_of(events.filter(pl.col("scope") == other), other).is_latched
            )
            raise ConfigurationError(
                f"the kill switch of {scope!r} is not tripped",
                where="reset_kill_switch",
                remedy=f"Tripped are: {', '.join(others) or 'none'}.",
            )
        return self._add(
            event_id=event_id,
            scope=scope,
            kind="reset",
            level=None,
            reason=reason.strip(),
            requested_by=requested_by.strip(),
            session=session,
            run_id=run_id,
            restarts_peak=restarts_peak,
        )

    def _add(self, *, restarts_peak: bool = False, **event: object) -> bool:
        row = event | {"restarts_peak": restarts_peak, "recorded_at": now()}
        with self.store.write() as connection:
            return insert_unknown(connection, kill_switch_events, [row]) == 1


def _require_words(verb: str, reason: str, requested_by: str) -> None:
    for name, words in (("reason", reason), ("requested_by", requested_by)):
        if not words.strip():
            raise ConfigurationError(
                f"nobody may {verb} the kill switch without a {name}",
                where=f"{verb}_kill_switch",
                remedy=f"Say it in {name!r} of the run's configuration.",
            )
