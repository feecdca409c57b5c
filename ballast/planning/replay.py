"""A plan computed once more from what is kept of it, and compared with what was recommended."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl
from pydantic import ValidationError

from ballast.errors import ConfigurationError
from ballast.planning.best_plan import BestPlan, best_plan
from ballast.planning.case import case_from_json
from ballast.planning.tables import recommendations_table

_ABSENT = "nothing"


@dataclass(frozen=True)
class Replay:
    """A plan that was computed again.

    Parameters
    ----------
    plan : BestPlan
        What the inputs lead to now.
    steps : pl.DataFrame
        `Recommendations` of it.
    differences : tuple of str
        Where it differs from what was recommended, in words; empty if it is identical, bit for bit.
    """

    plan: BestPlan
    steps: pl.DataFrame
    differences: tuple[str, ...]

    @property
    def is_identical(self) -> bool:
        """Whether everything is as it was."""
        return not self.differences


def replay(inputs: str, inputs_hash: str, steps: str) -> Replay:
    """Plan once more.

    Parameters
    ----------
    inputs : str
        The case, as `PlanningCase.canonical_json` wrote it.
    inputs_hash : str
        The hash under which it is kept.
    steps : str
        The recommended steps, as `steps_as_text` wrote them.
    """
    try:
        case = case_from_json(inputs)
    except ValidationError as error:
        raise ConfigurationError(
            f"the stored inputs of {inputs_hash} are not those of this version: {error.error_count()} facts differ",
            where="ballast replay",
            remedy="Replay it with the version that made the plan; it is kept with the inputs.",
        ) from error
    plan = best_plan(case)
    table = recommendations_table([plan])
    again = steps_as_text(table)
    differences: list[str] = []
    if case.inputs_hash != inputs_hash:
        differences.append(f"the inputs have hash {case.inputs_hash}, not {inputs_hash}")
    if again != steps:
        found = _different_steps(json.loads(steps), json.loads(again))
        differences += found or ["the steps are written in another way"]
    return Replay(plan, table, tuple(differences))


def steps_as_text(steps: pl.DataFrame) -> str:
    """Write `Recommendations` of one plan as text in which equal steps are equal to the last bit."""
    rows = [
        {name: value if isinstance(value, float) else _text(value) for name, value in row.items()}
        for row in steps.sort("step").iter_rows(named=True)
    ]
    return json.dumps(rows, sort_keys=True)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _different_steps(before: list[dict[str, object]], after: list[dict[str, object]]) -> list[str]:
    if len(before) != len(after):
        return [f"{len(after)} steps, not {len(before)}"]
    return [
        f"step {number}: {name} is {now[name]!r}, not {then[name]!r}"
        for number, (then, now) in enumerate(zip(before, after, strict=True), start=1)
        for name in sorted({*then, *now})
        if then.get(name, _ABSENT) != now.get(name, _ABSENT)
    ]
