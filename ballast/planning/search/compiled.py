"""The loops of `kernel`, `walk` and `branching` compiled by Numba; importing this file costs a quarter of a second.

The compiler keeps its work until these files change: a change of this file alone needs one there too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import register_jitable

from ballast.planning.search import branching, kernel, vectorised, walk
from ballast.planning.search.effects import Effects
from ballast.planning.search.kernel import CASH, DIVIDEND, GROUPS, MERIT, TOTAL
from ballast.planning.search.problem import I32, I64, Flags
from ballast.planning.search.ranking import Ranked, best_first
from ballast.planning.search.vectorised import Figures

_Result = TypeVar("_Result")

# Nothing here makes an array, so none has to be counted; without the interpreter's lock threads run at once. Division
# by zero gives what it gives in NumPy; no sum is reordered.
_OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy"}
for _part in (
    kernel.trades_twice,
    walk.extend, walk.descend, walk.score_row, walk.leads, walk.is_better, walk.note, walk.copy,
    walk.holds, walk.insert, walk.compare_without,
    branching.bound_of, branching.is_excluded, branching.add, branching.score_of, branching.can_be_done,
    branching.may_lead, branching.settle, branching.insert, branching.is_better, branching.is_same,
    branching.copy,
):  # fmt: skip
    register_jitable(**_OPTIONS)(_part)

_evaluate: Callable[..., None] = numba.njit(cache=True, **_OPTIONS)(kernel.evaluate)
_search: Callable[..., int] = numba.njit(cache=True, **_OPTIONS)(walk.search)
branch: Callable[..., tuple[int, int, float]] = numba.njit(cache=True, **_OPTIONS)(branching.branch)


def evaluate(
    effects: Effects, securities: I64, sequences: I32, threads: int = 1
) -> tuple[Flags, Figures]:
    """Return what `vectorised.evaluate` does; threads share the rows."""
    rows, depth = sequences.shape
    feasible, figures = np.empty(rows, dtype=np.bool_), Figures.empty(rows)
    size = -(-rows // threads)
    # The padding has no mark: it may come up as often as it likes.
    marks = np.append(np.uint64(1) << (securities % 64).astype(np.uint64), np.uint64(0))

    def work(thread: int) -> None:
        part = slice(thread * size, (thread + 1) * size)
        room = np.empty(-(-max(depth, 1) // kernel.BLOCK) * kernel.BLOCK, dtype=np.int64)
        _evaluate(
            effects.start, effects.trades, securities, marks, sequences[part], effects.rules,
            np.empty_like(effects.start), room, feasible[part],
            *(figure[part] for figure in figures),
        )  # fmt: skip

    _shared(work, threads)
    return feasible, figures


def _shared(work: Callable[[int], _Result], threads: int) -> list[_Result]:
    """Run work for each thread, at once if there are several; results in the order of the threads."""
    if threads == 1:
        return [work(0)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def enumerate_sets(
    effects: Effects, securities: I64, depth: int, keep: int, threads: int
) -> Ranked:
    """Return what `exhaustive.rank_sets` does, with trades in the order of execution."""
    trades = len(securities)
    columns = np.ascontiguousarray(effects.trades[:-1].T)
    effect = walk.Effect(
        cash=columns[CASH],
        total=columns[TOTAL],
        merit=columns[MERIT],
        dividend=columns[DIVIDEND],
        groups=np.ascontiguousarray(columns[GROUPS:]),
        security=securities,
        first_buy=int((effects.trades[:-1, kernel.BUYS] == 0.0).sum()),
    )

    # Each thread takes the next first trade when it is done with one; what it finds does not depend on which.
    firsts = iter(range(trades))

    def work(_: int) -> tuple[int, walk.Records]:
        records = _records(effects, trades, depth, keep)
        levels = _levels(effects, securities, trades, depth)
        if threads == 1:
            return _search(effect, effects.rules, levels, records, keep, 0, trades), records
        found = 0
        for first in firsts:
            found += _search(effect, effects.rules, levels, records, keep, first, first + 1)
        return found, records

    results = _shared(work, threads)
    return _merged(effects, results, trades, keep)


def _levels(effects: Effects, securities: I64, trades: int, depth: int) -> walk.Levels:
    """Return room for the walk, with the state before on level 0."""
    groups = len(effects.rules.group_targets)
    room = {name: np.zeros(depth + 1) for name in ("cash", "total", "merit", "dividend")}
    for name, column in zip(room, (CASH, TOTAL, MERIT, DIVIDEND), strict=True):
        room[name][0] = effects.start[column]
    held = np.zeros((depth + 1, groups))
    held[0] = effects.start[GROUPS:]
    return walk.Levels(
        **room,
        groups=held,
        chosen=np.zeros(depth + 1, dtype=np.int64),
        is_used=np.zeros(int(securities.max(initial=0)) + 1, dtype=np.bool_),
        share=np.empty(trades),
        gap=np.empty(trades),
        score=np.empty(trades),
        lowest=np.array([_score_of_nothing(effects)]),
    )


def _records(effects: Effects, trades: int, depth: int, keep: int) -> walk.Records:
    """Return records of nothing but doing nothing, which is the best so far."""
    rows = 2 * trades + 2 + keep
    records = walk.Records(
        score=np.full(rows, -np.inf),
        size=np.zeros(rows, dtype=np.int64),
        total=np.zeros(rows),
        sets=np.full((rows, depth), -1, dtype=np.int32),
    )
    records.score[2 * trades] = _score_of_nothing(effects)
    records.total[2 * trades] = effects.start[TOTAL]
    return records


def _score_of_nothing(effects: Effects) -> float:
    return float(vectorised.figures(effects, effects.start[None, :]).score[0])


def _merged(
    effects: Effects, results: list[tuple[int, walk.Records]], trades: int, keep: int
) -> Ranked:
    """Return the best of what each thread found; no two threads looked at the same set."""
    score = np.stack([records.score for _, records in results])
    total = np.stack([records.total for _, records in results])
    sets = np.stack([records.sets for _, records in results])
    # Doing nothing belongs to no thread; it gets the place in which the first one wrote down what it had just found.
    nothing = 2 * trades + 1
    score[:, nothing] = -np.inf
    score[0, nothing], total[0, nothing] = _score_of_nothing(effects), effects.start[TOTAL]
    sets[0, nothing] = -1

    rows, depth = score.shape[1], sets.shape[2]
    exists = np.flatnonzero(score > -np.inf)
    sets = sets.reshape(-1, depth)
    order = exists[best_first(score.ravel()[exists], total.ravel()[exists], sets[exists])]
    best = order[order % rows >= nothing][:keep]
    place = np.full(score.shape, score.size)
    place.ravel()[order] = np.arange(len(order))
    thread, trade = place.argmin(axis=0), np.arange(trades)
    return Ranked(
        best=sets[best],
        containing=sets[thread[:trades] * rows + trade],
        contained=place.min(axis=0)[:trades] < score.size,
        without=sets[thread[trades : 2 * trades] * rows + trades + trade],
        feasible=sum(feasible for feasible, _ in results),
    )
