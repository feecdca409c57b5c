"""The command of the drill: run it, and print what came of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from resources.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.drill.coordinator import Tally

_EXIT_PROBLEM = 1
_SHOWN = 10


def add_drill_commands(commands: Any) -> None:
    """Add `drill` to the command line."""
    drill = commands.add_parser(
        "drill",
        help="rehearse orders and repairs on a copy of the portfolio, with faults and a process that is killed",
    )
    drill.add_argument(
        "--runs", type=int, default=25, help="how many; default 25, in about a minute"
    )
    drill.add_argument(
        "--seed", type=int, default=1, help="the same one plays the same faults again"
    )
    drill.set_defaults(command=_drill)


def _drill(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.drill.coordinator import drill

    print("Preparing a copy of the portfolio; its own data is not touched.", flush=True)
    tally = drill(workspace, options.runs, options.seed)
    print(report(tally))
    return 0 if tally.is_clean else _EXIT_PROBLEM


def report(tally: Tally) -> str:
    """Return the counts of a drill as text for a terminal."""
    repairs = ", ".join(f"{count} {name}" for name, count in sorted(tally.repairs.items()))
    faults = ", ".join(f"{count} {name}" for name, count in sorted(tally.faults.items()))
    lines = [
        f"runs                 {tally.runs:>6}   {tally.killed} killed and finished by the next,"
        f" {tally.rivals} in two processes at once",
        f"orders written       {tally.orders:>6}   and {tally.stopped} stopped by the gate",
        f"repairs              {sum(tally.repairs.values()):>6}   {repairs}",
        f"faults of the broker {sum(tally.faults.values()):>6}   {faults}",
        f"orders lost          {len(tally.lost):>6}",
        f"orders doubled       {len(tally.doubled):>6}",
        f"books that differ    {len(tally.differences):>6}",
        f"needless sales       {len(tally.needless):>6}   by repairs, while cash was there",
        f"orders in doubt      {tally.in_doubt_at_the_end:>6}   at the end",
    ]
    found = [*tally.lost, *tally.doubled, *tally.differences, *tally.needless]
    lines += [f"  {item}" for item in found[:_SHOWN]]
    if tally.is_clean:
        lines.append("Nothing was lost or doubled, and broker and books agreed after every run.")
    return "\n".join(lines)
