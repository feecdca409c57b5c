"""The kill switch: once tripped, it stops orders until a person resets it with a reason.

There is one per account, and one for all accounts together (scope `*`). Its state is a fold of its events; nothing but
a reset of the same scope ends a latch: not time, not a restart, not better figures. A latch at `halt` stops every
order; one at `reduce_only` lets repairs of negative cash and the closes of guards through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from ballast.guards.drawdown import DRAWDOWN
from ballast.guards.losses import DAILY_LOSS
from ballast.guards.states import STATE, rows
from ballast.settings import GuardSettings

EVERYTHING = "*"
KILL_SWITCH = "kill_switch"
Level = Literal["reduce_only", "halt"]

# Whose orders each level lets through; what is not named here is stopped.
_LETS_THROUGH: Mapping[Level | None, frozenset[str] | None] = {
    None: None,
    "reduce_only": frozenset({"emergency", "guard"}),
    "halt": frozenset(),
}
_STRICTER: tuple[Level | None, ...] = (None, "reduce_only", "halt")


@dataclass(frozen=True)
class Switch:
    """The state of a kill switch; `level` is None while it is not tripped."""

    level: Level | None = None
    reason: str = ""
    since: date | None = None

    @property
    def is_latched(self) -> bool:
        """Whether it is tripped."""
        return self.level is not None

    def lets_through(self, origin: str) -> bool:
        """Say whether an order of an origin (plan, emergency, guard) may be sent."""
        allowed = _LETS_THROUGH[self.level]
        return allowed is None or origin in allowed


@dataclass(frozen=True)
class Latch:
    """A guard's wish to trip the switch of an account; `episode` makes it one wish however often it is uttered."""

    account_id: str
    level: Level
    reason: str
    episode: str
    guard: str


def switch_of(events: pl.DataFrame, account_id: str) -> Switch:
    """Return the switch that holds for an account: its own, or that of all accounts if that is stricter.

    Parameters
    ----------
    events : pl.DataFrame
        `KillSwitchEvents` of any scopes.
    """
    own, everyone = (_folded(events, scope) for scope in (account_id, EVERYTHING))
    return max(own, everyone, key=lambda switch: _STRICTER.index(switch.level))


def peak_restarts(events: pl.DataFrame, accounts: Iterable[str]) -> dict[str, date]:
    """Return the newest session from which on the drawdown of each account is measured anew."""
    restarts = events.filter("restarts_peak")
    found = {}
    for account in accounts:
        own = restarts.filter(pl.col("scope").is_in([account, EVERYTHING]))["session"].max()
        if isinstance(own, date):
            found[account] = own
    return found


def latches(status: pl.DataFrame, settings: GuardSettings) -> list[Latch]:
    """Return which accounts' switches the guards trip, as the settings say.

    Parameters
    ----------
    status : pl.DataFrame
        `GuardStatus`. An unknown figure trips nothing: what it stops, it stops by itself until it is known.
    """
    cases: tuple[tuple[str, str, Level, bool], ...] = (
        (DAILY_LOSS, "halt", "halt", settings.latch_on_daily_loss),
        (DRAWDOWN, "act", "reduce_only", settings.latch_on_drawdown),
    )
    found = []
    for guard, state, level, is_wanted in cases:
        tripping = status.filter((pl.col("guard") == guard) & (pl.col("state") == state))
        for row in tripping.iter_rows(named=True) if is_wanted else ():
            found.append(Latch(row["account_id"], level, row["explanation"], row["episode"], guard))
    return found


def kill_switch_rows(events: pl.DataFrame, accounts: Iterable[str]) -> pl.DataFrame:
    """Return the state of each account's switch as rows of the guards."""
    switches = {account: switch_of(events, account) for account in accounts}
    frame = pl.DataFrame(
        [
            {
                "account_id": account,
                "state": switch.level or "ok",
                "explanation": (
                    f"Tripped in session {switch.since}: {switch.reason} Only the job reset_kill_switch ends it."
                    if switch.is_latched
                    else "The kill switch is not tripped."
                ),
                "episode": f"{KILL_SWITCH}-{switch.since}" if switch.is_latched else None,
            }
            for account, switch in switches.items()
        ],
        schema={
            "account_id": pl.String, "state": STATE, "explanation": pl.String, "episode": pl.String,
        },
    )  # fmt: skip
    return rows(
        frame,
        KILL_SWITCH,
        unit="",
        measured=pl.lit(None),
        explanation=pl.col("explanation"),
        episode=pl.col("episode"),
    )


def _folded(events: pl.DataFrame, scope: str) -> Switch:
    switch = Switch()
    for event in events.filter(pl.col("scope") == scope).sort("sequence").iter_rows(named=True):
        if event["kind"] == "reset":
            switch = Switch()
        elif _STRICTER.index(event["level"]) > _STRICTER.index(switch.level):
            switch = Switch(event["level"], event["reason"], event["session"])
    return switch
