"""Limits of groups of countries and industries, made such that they can be met one by one and together.

A group has limits where it has a target. They are target ± tolerance, no more than a cap; then, because limits that
nothing can meet only hide the ones that can:

1. the least share is at most the greatest: a target above the cap cannot be reached, and that is noted;
2. neither goes beyond what the members' own bounds allow;
3. where all that may be held belongs to groups that together cannot hold the budget, the greatest shares are raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.optimize import linprog  # type: ignore[import-untyped]

from ballast.planning.groups import group_members, group_targets
from ballast.planning.targets.limits import GroupLimits, Vector
from ballast.settings.groups import GroupSettings
from ballast.settings.optimiser import OptimiserSettings

# Number of industry groups with a target above zero: the greatest share of each; for more, the last.
_INDUSTRY_CAPS = {1: 0.70, 2: 0.50, 3: 0.40, 4: 0.40}
_MANY_INDUSTRIES_CAP = 0.30
_ROUNDING = 1e-12
# What the linear solver may be off by.
_MARGIN = 1e-9


@dataclass(frozen=True)
class GroupLimit:
    """Least and greatest share of the account of one group, and the symbols in it."""

    kind: str
    name: str
    target: float
    lower: float
    upper: float
    members: tuple[str, ...]
    is_reachable: bool = True
    notes: tuple[str, ...] = ()


def group_constraints(
    bounds: pl.DataFrame,
    countries: Sequence[GroupSettings],
    industries: Sequence[GroupSettings],
    settings: OptimiserSettings,
    budget: float,
) -> list[GroupLimit]:
    """Return the limits of every group with a target, countries first, by name.

    Parameters
    ----------
    bounds : pl.DataFrame
        symbol, country, industry, lower, upper of everything that will be held or may be. A security of several
        industries counts in the group of each of them.
    budget : float
        Share of the account that all of them add up to; targets and tolerances are shares of it.
    """
    wanted = sum(target > 0 for target in group_targets(industries).values())
    cap = _INDUSTRY_CAPS.get(wanted, _MANY_INDUSTRIES_CAP)
    return [
        *_of_kind("country", bounds, countries, settings.country_tolerance, settings.country_cap, budget),
        *_of_kind("industry", bounds, industries, settings.industry_tolerance, cap, budget),
    ]  # fmt: skip


def _of_kind(
    kind: str,
    bounds: pl.DataFrame,
    groups: Sequence[GroupSettings],
    tolerance: float,
    cap: float,
    budget: float,
) -> list[GroupLimit]:
    placed = group_members(bounds, kind, groups).join(
        bounds.select("symbol", "lower", "upper"), on="symbol", maintain_order="left"
    )
    by_group = {
        name: (tuple(symbols), least, greatest)
        for name, symbols, least, greatest in placed.group_by("group", maintain_order=True)
        .agg("symbol", pl.col("lower").sum(), pl.col("upper").sum())
        .iter_rows()
    }
    limits = [
        _limit(kind, name, target, tolerance, cap, budget, by_group.get(name, ((), 0.0, 0.0)))
        for name, target in sorted(group_targets(groups).items())
    ]
    capacity = {name: greatest for name, (_, _, greatest) in by_group.items()}
    widened = _widened(limits, capacity, bounds.sort("symbol"), budget)
    return [_judged(limit, budget) for limit in widened]


def _limit(
    kind: str,
    name: str,
    target: float,
    tolerance: float,
    cap: float,
    budget: float,
    members: tuple[tuple[str, ...], float, float],
) -> GroupLimit:
    symbols, least, greatest = members
    notes = []
    upper = min(target + tolerance, 1.0, cap)
    lower = min(max(target - tolerance, 0.0), upper)
    lower, upper = lower * budget, upper * budget
    if upper < least:
        notes.append(f"its members keep at least {least:.1%}")
        upper = least
    if lower > greatest:
        notes.append(f"its members can have at most {greatest:.1%}")
        lower = greatest
    return GroupLimit(kind, name, target, min(lower, upper), upper, symbols, notes=tuple(notes))


def _judged(limit: GroupLimit, budget: float) -> GroupLimit:
    """Note a target that the limits do not allow."""
    if limit.lower - _ROUNDING <= limit.target * budget <= limit.upper + _ROUNDING:
        return limit
    note = f"target {limit.target:.1%} cannot be reached"
    return replace(limit, is_reachable=False, notes=(note, *limit.notes))


def _widened(
    limits: list[GroupLimit], capacity: Mapping[str, float], bounds: pl.DataFrame, budget: float
) -> list[GroupLimit]:
    """Raise the greatest shares in proportion, up to what the members can hold, until they hold what they must."""
    rooms = [max(capacity.get(limit.name, 0.0) - limit.upper, 0.0) for limit in limits]
    part = _part_to_raise(limits, np.array(rooms), bounds, budget)
    if part <= 0:
        return limits
    return [
        replace(
            limit,
            upper=limit.upper + part * room,
            notes=(*limit.notes, "raised, because nothing else can hold what is to be invested"),
        )
        if room > 0
        else limit
        for limit, room in zip(limits, rooms, strict=True)
    ]


def _part_to_raise(
    limits: Sequence[GroupLimit], rooms: Vector, bounds: pl.DataFrame, budget: float
) -> float:
    """Return the least part of the rooms by which groups must be raised so that weights can hold the budget.

    A linear problem, because a security may belong to several groups: its weight counts in each of them.
    """
    upper = bounds["upper"].to_numpy()
    # More than all of them may have cannot be held, whatever their groups.
    needed = min(budget, float(upper.sum()))
    if not (rooms > 0).any():
        return 0.0
    inside = limits_of(limits, {}, bounds["symbol"].to_list())
    n = len(upper)
    found = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.vstack([np.column_stack([inside.membership, -rooms]), np.append(-np.ones(n), 0.0)]),
        b_ub=np.append(inside.upper, -needed),
        bounds=[*((0.0, most) for most in upper.tolist()), (0.0, 1.0)],
    )
    if not found.success:
        return 1.0
    part = float(found.x[-1])
    return 0.0 if part <= _MARGIN else min(part + _MARGIN, 1.0)


def limits_of(
    groups: Sequence[GroupLimit], kept: Mapping[str, float], symbols: Sequence[str]
) -> GroupLimits:
    """Return the limits for some securities when what others keep is deducted.

    Parameters
    ----------
    kept : mapping of str to float
        Weights of securities that are no longer part of the problem.
    symbols : sequence of str
        The securities of the problem, in its order.
    """
    if not groups:
        return GroupLimits.none(len(symbols))
    taken = np.array([sum(kept.get(member, 0.0) for member in group.members) for group in groups])
    membership = np.array(
        [[float(symbol in set(group.members)) for symbol in symbols] for group in groups]
    )
    lower = np.array([group.lower for group in groups]) - taken
    upper = np.array([group.upper for group in groups]) - taken
    return GroupLimits(membership, lower, upper)
