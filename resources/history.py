"""The price history in the lake: versions of bars in segments, arranged so that reading a part costs little.

A run publishes what it learned as the segment of its session; of equal keys the later segment's row counts. A large
segment is kept twice, by symbol and by session, in row groups small enough to skip, so that one symbol or one day is
read alone. The newest segments are merged now and then: what they held appears, and they disappear, in one
transaction; a segment that somebody publishes meanwhile stays beside the merged one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial, reduce
from itertools import groupby
from pathlib import Path

import polars as pl

from ballast.errors import InvalidTableError, StoreError
from ballast.market import history
from ballast.tables import Bars, KnownActions
from resources.lake import Lake, Published, Snapshot
from resources.lake_files import Table

BARS = "historical_data"
BARS_BY_SESSION = "historical_data_by_session"
ACTIONS = "corporate_actions"

_KEY = ["symbol", "session", "known_on"]
_ACTION_KEY = ["symbol", "ex_date", "kind"]
_SMALL_ROWS = 20_000  # A file up to here is read whole and remembered; a larger one is kept twice.
_GROUP_ROWS = 10_000  # Four symbols of ten years, or a month of 500 symbols.
_MOST_SEGMENTS = 16
_GROWTH = (
    10  # An older segment is merged too unless it is this many times larger than what follows.
)
_MERGED = "merged"
_NO_BARS = Bars.create_empty()


@dataclass(frozen=True)
class PriceHistory:
    """Reads and publishes the bars and corporate actions of a lake."""

    lake: Lake

    def as_of(
        self,
        session: date,
        *,
        symbols: Sequence[str] | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> pl.DataFrame:
        """Return the newest version of every bar known at the end of a session, sorted by symbol and session.

        Parameters
        ----------
        symbols : sequence of str, optional
            Only these.
        first, last : date, optional
            Only bars of sessions between them, both included.
        """
        wanted = [] if symbols is None else [pl.col("symbol").is_in(list(symbols))]
        wanted += [] if first is None else [pl.col("session") >= first]
        wanted += [] if last is None else [pl.col("session") <= last]
        snapshot = self.lake.snapshot((BARS, BARS_BY_SESSION))
        segments = _segments(snapshot)
        if any(segment.last > session for segment in segments):
            wanted.append(pl.col("known_on") <= session)
        by_session = symbols is None and first is not None
        parts = _read(snapshot.root, segments, BARS_BY_SESSION if by_session else BARS, wanted)
        rows = _in_order(parts, each_is_sorted=not by_session or first == last)
        return _last_of_equal(rows, ["session", "symbol"])

    def actions(self, session: date) -> pl.DataFrame:
        """Return the corporate actions up to a session that were known at its end."""
        return history.actions_as_of(_actions(self.lake.snapshot((ACTIONS,))), session)

    def publish(
        self,
        session: date,
        versions: pl.DataFrame,
        actions: pl.DataFrame,
        *besides: Table,
        run_id: str,
        code_version: str,
    ) -> None:
        """Publish what a run learned; rows that an earlier attempt at this session published stay.

        Parameters
        ----------
        versions : pl.DataFrame
            `Bars`, none of them known after the session.
        actions : pl.DataFrame
            `CorporateActions`; those that were published before, by this session or another, stay as they are.
        *besides : Table
            Published in the same transaction.

        Raises
        ------
        InvalidTableError
            If a bar is known after the session; then nothing is published.
        """
        partition = session.isoformat()
        own = self.lake.snapshot((BARS, ACTIONS), partition=partition)
        earlier = own.read(BARS, partition) if own.has(BARS, partition) else _NO_BARS
        versions = versions.sort(_KEY, maintain_order=True)
        bars = _last_of_equal(_in_order([earlier, versions]), _KEY)
        if (bars["known_on"] > session).any():
            raise InvalidTableError(
                "a bar is known later than the session that publishes it",
                where=f"{BARS} {partition}",
                remedy="Publish it with the session in which it was learned.",
            )
        tables = [*_arranged(partition, bars), *besides]
        snapshot = self.lake.snapshot((ACTIONS,))
        new = actions.join(_actions(snapshot), on=_ACTION_KEY, how="anti")
        if new.height or not snapshot.entries:
            stays = [own.read(ACTIONS, partition)] if own.has(ACTIONS, partition) else []
            learned = history.combine_known_actions([*stays, self._dated(new, session)])
            tables.append(Table(ACTIONS, partition, learned, KnownActions))
        self.lake.publish(tables, run_id=run_id, code_version=code_version, as_of=partition)

    def _dated(self, actions: pl.DataFrame, session: date) -> pl.DataFrame:
        if actions.is_empty():
            return history.dated_actions(actions, _NO_BARS, session)
        symbols, first = actions["symbol"].unique().to_list(), min(actions["ex_date"].to_list())
        known = self.as_of(session, symbols=symbols, first=first)
        return history.dated_actions(actions, known, session)

    def merge(self, *, run_id: str, code_version: str, as_of: date) -> bool:
        """Merge the newest segments if there are many; returns whether it did.

        Raises
        ------
        StoreError
            If a file is not what was published; then nothing is merged.
        """
        snapshot = self.lake.snapshot((BARS, BARS_BY_SESSION, ACTIONS))
        chosen = _to_merge(_segments(snapshot))
        if not chosen:
            return False
        bars = _in_order(_verified(snapshot.root, _files(chosen, BARS)))
        actions = history.combine_known_actions(_verified(snapshot.root, _files(chosen, ACTIONS)))
        retired = [file for segment in chosen for file in segment.files.values()]
        name = _merged_name(chosen, retired)
        tables = _arranged(name, _last_of_equal(bars, _KEY))
        tables.append(Table(ACTIONS, name, actions, KnownActions))
        known_by = as_of.isoformat()
        self.lake.publish(
            tables, run_id=run_id, code_version=code_version, as_of=known_by, retire=retired
        )
        return True


@dataclass(frozen=True)
class _Segment:
    partition: str
    files: Mapping[str, Published]  # By asset.

    @property
    def rows(self) -> int:
        return self.files[BARS].rows if BARS in self.files else 0

    @property
    def last(self) -> date:
        """The last session in which something of the segment was learned."""
        return date.fromisoformat(self.partition[-10:])

    @property
    def mark(self) -> tuple[int, str]:
        """Its place in the order of learning; a merged segment takes that of the newest it is made of."""
        if self.partition.startswith(_MERGED):
            return int(self.partition.split("-")[1]), self.partition
        return max(file.publication_id for file in self.files.values()), self.partition


def _segments(snapshot: Snapshot) -> list[_Segment]:
    files: dict[str, dict[str, Published]] = {}
    for (asset, partition), entry in snapshot.entries.items():
        files.setdefault(partition, {})[asset] = entry
    segments = [_Segment(partition, found) for partition, found in files.items()]
    return sorted(segments, key=lambda segment: segment.mark)


def _files(segments: Iterable[_Segment], asset: str) -> list[Published]:
    return [segment.files[asset] for segment in segments if asset in segment.files]


def _to_merge(segments: list[_Segment]) -> list[_Segment]:
    """Return the newest segments and of the older ones those that are not much larger, so that few stay."""
    if len(segments) <= _MOST_SEGMENTS:
        return []
    rows = 0
    for left in range(len(segments) - 1, -1, -1):
        if segments[left].rows > _GROWTH * max(rows, 1) and left < _MOST_SEGMENTS // 2:
            return segments[left + 1 :]
        rows += segments[left].rows
    return segments


def _merged_name(chosen: Sequence[_Segment], files: Iterable[Published]) -> str:
    # By what it is made of, so that of two merges that differ neither replaces the other.
    made_of = ",".join(sorted(str(file.publication_id) for file in files))
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    return f"{_MERGED}-{chosen[-1].mark[0]:012d}-{digest}-{max(s.last for s in chosen)}"


def _actions(snapshot: Snapshot) -> pl.DataFrame:
    files = [
        snapshot.root / file.path for file in _files(_segments(snapshot), ACTIONS) if file.rows
    ]
    return history.combine_known_actions([pl.read_parquet(path, glob=False) for path in files])


def _arranged(partition: str, bars: pl.DataFrame) -> list[Table]:
    if bars.height <= _SMALL_ROWS:
        return [Table(BARS, partition, bars, Bars)]
    # The same rows, which need be checked only once.
    by_session = bars.sort("session", maintain_order=True)
    return [
        Table(BARS, partition, bars, Bars, _GROUP_ROWS),
        Table(BARS_BY_SESSION, partition, by_session, row_group_rows=_GROUP_ROWS),
    ]


def _read(
    root: Path, segments: Sequence[_Segment], arranged: str, wanted: Sequence[pl.Expr]
) -> list[pl.DataFrame]:
    """Return the wanted rows in order of learning, small files together."""
    files = (segment.files.get(arranged) or segment.files.get(BARS) for segment in segments)
    held = [file for file in files if file and file.rows]
    parts = []
    for path, group in groupby(held, lambda file: file.path if file.rows > _SMALL_ROWS else ""):
        if path:
            parts.append(_scan(root / path).filter(*wanted).collect())
        else:
            small = _together(tuple(root / file.path for file in group))
            parts.append(small.filter(*wanted) if wanted else small)
    return parts


# What was read once stays true, because no path is ever used twice.
_scan = lru_cache(maxsize=4)(partial(pl.scan_parquet, glob=False))


@lru_cache(maxsize=4)
def _together(paths: tuple[Path, ...]) -> pl.DataFrame:
    rows = pl.concat([pl.read_parquet(path, glob=False) for path in paths])
    return _last_of_equal(rows.sort(_KEY, maintain_order=True), _KEY)


def _verified(root: Path, files: Iterable[Published]) -> list[pl.DataFrame]:
    frames = []
    for file in files:
        body = (root / file.path).read_bytes()
        if hashlib.sha256(body).hexdigest() != file.sha256:
            raise StoreError(
                "a file of the price history is not what was published",
                where=file.path,
                remedy="Restore it from a backup; until then nothing is merged.",
            )
        frames.append(pl.read_parquet(io.BytesIO(body)))
    return frames


def _in_order(parts: Sequence[pl.DataFrame], *, each_is_sorted: bool = True) -> pl.DataFrame:
    """Put parts of the history together by key, of equal keys the earlier part's row first."""
    filled = [part for part in parts if part.height]
    if not filled or not each_is_sorted:
        return pl.concat([_NO_BARS, *filled]).sort(_KEY, maintain_order=True)
    return reduce(_followed_by, filled)


def _followed_by(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    if old.row(-1)[:3] < new.row(0)[:3]:
        return pl.concat([old, new])
    if old.height <= _SMALL_ROWS or old["symbol"][0] == old["symbol"][-1]:
        return pl.concat([old, new]).sort(_KEY, maintain_order=True)
    # Symbol by symbol: copying slices takes a third of the time of sorting everything.
    symbols = new["symbol"].unique(maintain_order=True)
    starts, ends = (old["symbol"].search_sorted(symbols, side) for side in ("left", "right"))
    pieces, done = [], 0
    for rows, start, end in zip(new.partition_by("symbol"), starts, ends, strict=True):
        pieces += [old.slice(done, start - done), _in_order([old.slice(start, end - start), rows])]
        done = end
    return pl.concat([*pieces, old.slice(done)], rechunk=True)


def _last_of_equal(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    # Most reads are small and one of their columns shows at once that nothing is repeated.
    if rows.height <= _SMALL_ROWS and any(rows[name].n_unique() == rows.height for name in key):
        return rows
    repeats = pl.all_horizontal([pl.col(name) == pl.col(name).shift(-1) for name in key])
    return rows.filter(~repeats.fill_null(False))
