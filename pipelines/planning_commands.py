"""Commands of planning: compute a plan once more, decline advice, and look at the history of the configuration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ballast.configuration import load
from ballast.errors import ConfigurationError
from resources.configurations import changes, readable
from resources.workspace import Workspace

_EXIT_PROBLEM = 1


def add_planning_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    again = commands.add_parser(
        "replay", help="compute a recommendation once more from its stored inputs"
    )
    again.add_argument("recommendation", help="id of a recommendation, or an inputs hash")
    again.set_defaults(command=_replay)

    dismiss = commands.add_parser("dismiss", help="decline a recommendation")
    dismiss.add_argument("recommendation", help="id of a pending recommendation")
    dismiss.set_defaults(command=_dismiss)

    configuration = commands.add_parser(
        "configuration", help="check the portfolio file, or look at what was in force"
    )
    actions = configuration.add_subparsers(required=True, metavar="action")
    history = actions.add_parser("history", help="list the versions that runs have used")
    history.set_defaults(command=_history)
    check = actions.add_parser("check", help="validate a file and say what it would change")
    check.add_argument("file", type=Path, nargs="?", help="default: the portfolio file")
    check.set_defaults(command=_check)
    difference = actions.add_parser("diff", help="show what changed between two versions")
    difference.add_argument("before", type=int)
    difference.add_argument("after", type=int)
    difference.set_defaults(command=_diff)


def _replay(workspace: Workspace, options: argparse.Namespace) -> int:
    from ballast.planning.replay import replay

    kept = workspace.plans.find(options.recommendation)
    found = replay(kept.inputs, kept.inputs_hash, kept.steps)
    account = found.plan.case.account
    print(f"{account.account_id}, session {account.session}, inputs {kept.inputs_hash}")
    for row in found.steps.iter_rows(named=True):
        print(f"{row['step']:>3}  {row['narrative']}")
    if found.is_identical:
        print("The plan is identical, bit for bit, to what was recommended.")
        return 0
    if kept.code_version != workspace.code_version:
        print(f"It was computed by version {kept.code_version}; this is {workspace.code_version}.")
    print("The plan differs from what was recommended:", *found.differences, sep="\n  ")
    return _EXIT_PROBLEM


def _dismiss(workspace: Workspace, options: argparse.Namespace) -> int:
    if not workspace.recommendations.dismiss(options.recommendation):
        raise ConfigurationError(
            f"no recommendation {options.recommendation!r} is pending",
            where="ballast dismiss",
            remedy="planner_recommendations lists their ids; what is executed or replaced stays so.",
        )
    print("It is dismissed, and stays so until the account's holdings or cash change.")
    return 0


def _history(workspace: Workspace, _options: argparse.Namespace) -> int:
    versions = workspace.configurations.versions()
    for each in versions:
        print(f"{each.version:>4}  {each.recorded_at:%Y-%m-%d %H:%M} UTC  {each.fingerprint}")
    if not versions:
        print("No run has recorded a configuration yet.")
    return 0


def _check(workspace: Workspace, options: argparse.Namespace) -> int:
    portfolio = workspace.portfolio if options.file is None else load(options.file)
    versions = workspace.configurations.versions()
    if not versions:
        print("It is valid. No run has recorded a configuration yet.")
        return 0
    newest = versions[0].version
    found = changes(workspace.configurations.content(newest), readable(portfolio))
    words = f"as version {newest}" if not found else f"and changes version {newest}:"
    print(f"It is valid, {words}", *found, sep="\n  ")
    return 0


def _diff(workspace: Workspace, options: argparse.Namespace) -> int:
    before = workspace.configurations.content(options.before)
    after = workspace.configurations.content(options.after)
    print(*(changes(before, after) or ["They are the same."]), sep="\n")
    return 0
