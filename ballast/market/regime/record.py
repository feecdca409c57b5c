"""How well a named regime warned: the falls of the index that it saw, how late, and its false alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

LEAST_FALL = 0.10
_SESSIONS_PER_YEAR = 252

_FALL = {
    "peak_session": pl.Date, "trough_session": pl.Date, "depth": pl.Float64,
    "sessions_to_trough": pl.Int64, "seen_session": pl.Date, "sessions_late": pl.Int64,
    "fallen_share": pl.Float64, "was_bear_before": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True)
class RegimeRecord:
    """What became of a regime's bear markets.

    Parameters
    ----------
    falls : pl.DataFrame
        One row per fall of the index from a high, of at least `LEAST_FALL`, oldest first: peak_session,
        trough_session, depth (negative share), sessions_to_trough, seen_session (first session of a bear market from
        the peak to the trough; null if there was none), sessions_late (from the peak to it), fallen_share (of the index
        by then), was_bear_before (the peak itself was already in a bear market, so that the fall was no surprise to
        it, or the alarm lasted through the rise before).
    alarms : int
        Spells of sessions in a bear market.
    false_alarms : int
        Those of which no session lies between the peak and the trough of such a fall.
    false_sessions : int
        Sessions in false alarms.
    switches : int
        Sessions whose regime differs from that of the session before.
    sessions : int
        Sessions with a known regime.
    """

    falls: pl.DataFrame
    alarms: int
    false_alarms: int
    false_sessions: int
    switches: int
    sessions: int

    @property
    def seen(self) -> int:
        """Falls during which there was a bear market before the trough."""
        return self.falls.height - self.falls["seen_session"].null_count()

    @property
    def switches_a_year(self) -> float | None:
        """Switches per 252 sessions; None if no regime is known."""
        return self.switches * _SESSIONS_PER_YEAR / self.sessions if self.sessions else None

    @property
    def in_words(self) -> str:
        """The record in a sentence."""
        if not self.sessions:
            return "no session with a known regime"
        late = self.falls["sessions_late"].median()
        lateness = f", {late:.0f} sessions late (median)" if isinstance(late, float) else ""
        return (
            f"saw {self.seen} of {self.falls.height} falls of {LEAST_FALL:.0%} and more{lateness};"
            f" {self.false_alarms} of {self.alarms} alarms false; {self.switches_a_year:.1f} switches a year"
        )


def regime_record(regimes: pl.DataFrame, column: str = "regime") -> RegimeRecord:
    """Hold the bear markets of a column against what the index did, from its first known regime on.

    Parameters
    ----------
    regimes : pl.DataFrame
        `Regimes` of one index, in any order.
    column : str
        regime, rule_regime or model_regime.
    """
    ordered = regimes.sort("session")
    is_known = ordered[column].is_not_null()
    first = is_known.arg_max() if is_known.any() else ordered.height
    table = ordered.slice(first or 0).select("session", "close", regime=column)
    is_bear = (table["regime"] == "bear").fill_null(False).to_numpy()
    falls, falling = _falls(table, is_bear)
    starts = np.flatnonzero(np.diff(is_bear.astype(np.int8), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(is_bear.astype(np.int8), append=0) == -1) + 1
    false = [
        (start, end)
        for start, end in zip(starts, ends, strict=True)
        if not falling[start:end].any()
    ]
    changes = table.select((pl.col("regime") != pl.col("regime").shift(1)).sum()).item()
    return RegimeRecord(
        falls=falls,
        alarms=len(starts),
        false_alarms=len(false),
        false_sessions=int(sum(end - start for start, end in false)),
        switches=int(changes or 0),
        sessions=table["regime"].count(),
    )


def _falls(table: pl.DataFrame, is_bear: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the falls, and which sessions lie between the peak and the trough of one."""
    close = table["close"].to_numpy()
    sessions = table["session"].to_list()
    falling = np.zeros(len(close), dtype=bool)
    # A session at the highest close so far starts an episode, which lasts until the next one.
    peaks = np.flatnonzero(close >= np.maximum.accumulate(close))
    ends = np.append(peaks, len(close))[1:]
    rows = []
    for peak, end in zip(peaks, ends[: len(peaks)], strict=True):
        trough = peak + int(close[peak:end].argmin())
        depth = float(close[trough] / close[peak] - 1)
        if depth > -LEAST_FALL:
            continue
        falling[peak : trough + 1] = True
        alarms = np.flatnonzero(is_bear[peak : trough + 1])
        seen = peak + int(alarms[0]) if len(alarms) else None
        rows.append(
            {
                "peak_session": sessions[peak],
                "trough_session": sessions[trough],
                "depth": depth,
                "sessions_to_trough": int(trough - peak),
                "seen_session": None if seen is None else sessions[seen],
                "sessions_late": None if seen is None else int(seen - peak),
                "fallen_share": None if seen is None else float(close[seen] / close[peak] - 1),
                "was_bear_before": bool(is_bear[peak]),
            }
        )
    return pl.DataFrame(rows, schema=_FALL), falling
