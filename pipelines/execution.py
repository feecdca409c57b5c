"""Run jobs in this process, on the same history that the UI shows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import dagster as dg

from ballast.errors import ConfigurationError
from pipelines.build import build_definitions
from pipelines.run_alerts import tell_of_run
from pipelines.sessions import session_partitions
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

# What happens is in the UI; the terminal is for the report.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """Whether a run succeeded, and in one line for each failed step why not."""

    success: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runner:
    """Runs jobs of one workspace."""

    workspace: Workspace

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The definitions of the workspace."""
        return build_definitions(self.workspace, WorkspaceResource())

    @cached_property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """The sessions of the workspace."""
        return session_partitions(self.workspace.portfolio, self.workspace.portfolio_calendars)

    def newest_session(self) -> date:
        """Return the newest session that may be run."""
        newest = self.partitions.get_last_partition_key()
        if newest is None:
            raise ConfigurationError(
                "no session has ended yet", where="sessions.first", remedy="Choose an earlier day."
            )
        return date.fromisoformat(newest)

    def sessions(self, first: date, last: date) -> list[date]:
        """Return the sessions of a span."""
        keys = self.partitions.get_partition_keys()
        return [session for key in keys if first <= (session := date.fromisoformat(key)) <= last]

    def run(
        self,
        job: str,
        session: date,
        *,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Outcome:
        """Run a job for a session.

        Parameters
        ----------
        tags : mapping of str to str, optional
            Tags of the run.
        config : mapping of str to mapping, optional
            Configuration per asset; never a secret.

        Raises
        ------
        ConfigurationError
            If the day is not a session of the portfolio.
        """
        partition = session.isoformat()
        if not self.partitions.has_partition_key(partition):
            raise ConfigurationError(
                f"{partition} is not a session of this portfolio",
                where="--session",
                remedy="Choose a trading day between sessions.first and sessions.last.",
            )
        with dg.DagsterInstance.get() as instance:
            result = self.definitions.resolve_job_def(job).execute_in_process(
                partition_key=partition,
                instance=instance,
                run_config=_QUIET
                | {"ops": {asset: {"config": dict(own)} for asset, own in (config or {}).items()}},
                tags=dict(tags or {}),
                raise_on_error=False,
            )
            # Nobody may be watching: the sensors run only beside the UI.
            tell_of_run(self.workspace, instance, result.run_id)
        return Outcome(result.success, tuple(_problem(event) for event in _failures(result)))


def explain(outcome: Outcome) -> None:
    """Say on the terminal why a run did not finish."""
    for problem in outcome.problems:
        print(problem, file=sys.stderr)
    print("The run did not finish; `make dev` shows every step.", file=sys.stderr)


def _failures(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.is_step_failure]


def _problem(event: dg.DagsterEvent) -> str:
    """Return the innermost message of a failed step, in one line."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    message = "" if error is None else error.message.strip().splitlines()[0]
    return f"{event.step_key}: {message}"
