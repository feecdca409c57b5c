"""Reading and publishing the price history, which is kept as segments: one per run that learned something.

Segments are merged into one now and then, so that reading stays fast.
"""

from __future__ import annotations

import polars as pl

from assets.session_run import SessionRun
from ballast.market import history
from ballast.tables import Bars, CorporateActions, QualityFindings
from resources.lake import Snapshot, Table

_BARS = "historical_data"
_ACTIONS = "corporate_actions"
_FINDINGS = "quality_findings"
_ASSETS = (_BARS, _ACTIONS, _FINDINGS)
_BASE = "base"
_MOST_SEGMENTS = 32


def known_bars(run: SessionRun) -> pl.DataFrame:
    """Return the newest version of every bar known at the end of the session."""
    return history.as_of(_segments(run, _BARS), run.session)


def known_actions(run: SessionRun) -> pl.DataFrame:
    """Return the corporate actions up to the session."""
    return _segments(run, _ACTIONS).filter(pl.col("ex_date") <= run.session)


def publish_history(
    run: SessionRun, versions: pl.DataFrame, actions: pl.DataFrame, findings: pl.DataFrame
) -> pl.DataFrame:
    """Publish what a run learned; rows that an earlier attempt at this session published stay.

    Returns
    -------
    pl.DataFrame
        `QualityFindings` of this session, those of earlier attempts included.
    """
    snapshot = run.workspace.lake.snapshot(_ASSETS)
    bars = history.combine([_own(snapshot, _BARS, run.partition), versions])
    known = history.combine_actions(_frames(snapshot, _ACTIONS, skip=run.partition))
    new_actions = actions.join(known, on=["symbol", "ex_date", "kind"], how="anti")
    earlier = _own(snapshot, _FINDINGS, run.partition).filter(pl.col("rule") != "gap")
    all_findings = (
        pl.concat([QualityFindings.create_empty(), earlier, findings])
        .unique(["symbol", "session", "rule"], keep="last", maintain_order=True)
        .sort("session", "symbol", "rule")
    )
    run.publish(
        run.table(_BARS, bars.sort("symbol", "session", "known_on"), Bars),
        run.table(_ACTIONS, new_actions.sort("symbol", "ex_date", "kind"), CorporateActions),
        run.table(_FINDINGS, all_findings, QualityFindings),
    )
    _merge_segments(run)
    return all_findings


def _merge_segments(run: SessionRun) -> None:
    snapshot = run.workspace.lake.snapshot((_BARS, _ACTIONS))
    segments = snapshot.published(_BARS)
    if len(segments) <= _MOST_SEGMENTS:
        return
    bars = history.combine(_frames(snapshot, _BARS)).sort("symbol", "session", "known_on")
    actions = history.combine_actions(_frames(snapshot, _ACTIONS))
    merged = [*segments, *snapshot.published(_ACTIONS)]
    run.workspace.lake.publish(
        [
            Table(_BARS, _BASE, bars, Bars),
            Table(_ACTIONS, _BASE, actions, CorporateActions),
        ],
        run_id=run.run_id,
        code_version=run.workspace.code_version,
        as_of=run.partition,
        retire=[entry for entry in merged if entry.partition != _BASE],
    )


def _segments(run: SessionRun, asset: str) -> pl.DataFrame:
    frames = _frames(run.workspace.lake.snapshot((asset,)), asset)
    return history.combine(frames) if asset == _BARS else history.combine_actions(frames)


def _frames(snapshot: Snapshot, asset: str, *, skip: str | None = None) -> list[pl.DataFrame]:
    return [
        snapshot.read(asset, entry.partition)
        for entry in snapshot.published(asset)
        if entry.partition != skip
    ]


def _own(snapshot: Snapshot, asset: str, partition: str) -> pl.DataFrame:
    empty = {_BARS: Bars, _ACTIONS: CorporateActions, _FINDINGS: QualityFindings}[asset]
    if not snapshot.has(asset, partition):
        return empty.create_empty()
    return snapshot.read(asset, partition)
