"""Jobs and the sensor of the guards: judge and act, trip and reset the kill switch."""

import hashlib

import dagster as dg
from pydantic import Field

from ballast.errors import ConfigurationError
from ballast.guards.closing import acting_guards
from ballast.guards.kill_switch import EVERYTHING
from resources.guards import FAILED, WAITING
from resources.newest_session import newest_session
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

_EVERY_SECONDS = 30
_FIRST_OF_ALL = {"dagster/priority": "20"}
_NOT_DONE = (FAILED, WAITING)

run_guards = dg.define_asset_job(
    "run_guards",
    selection=dg.AssetSelection.assets(
        "broker_positions", "broker_balances", "guard_status", "guard_actions"
    ),
    description="Ask the brokers, judge every account against its limits, and close what an acting guard wants closed.",
    tags=_FIRST_OF_ALL,
)


class TripRequest(dg.Config):
    """Who stops the orders of which account, and why."""

    account: str = Field(EVERYTHING, description="Account, or * for all of them.")
    reason: str = Field(description="Why; kept with the event.")
    requested_by: str = Field(description="Who asks for it.")


class ResetRequest(TripRequest):
    """Who lets the orders of which account pass again, and why."""

    restart_peak: bool = Field(
        False, description="Also measure the drawdown anew from the newest session on."
    )


@dg.op(description="Trip the kill switch: no order is sent until a person resets it.")
def trip(context: dg.OpExecutionContext, workspace: WorkspaceResource, config: TripRequest) -> None:
    """Trip the switch of an account, or of all."""
    opened = workspace.open()
    _require_scope(opened, config.account)
    opened.kill_switch.trip(
        config.account,
        reason=config.reason,
        requested_by=config.requested_by,
        session=newest_session(opened) or opened.portfolio.sessions.first,
        run_id=context.run_id,
    )
    context.log.info("the kill switch of %s is tripped", config.account)


@dg.op(description="Reset the kill switch, with a reason and a name.")
def reset(
    context: dg.OpExecutionContext, workspace: WorkspaceResource, config: ResetRequest
) -> None:
    """Reset the switch of an account, or the one of all."""
    opened = workspace.open()
    _require_scope(opened, config.account)
    opened.kill_switch.reset(
        config.account,
        reason=config.reason,
        requested_by=config.requested_by,
        session=newest_session(opened) or opened.portfolio.sessions.first,
        run_id=context.run_id,
        restarts_peak=config.restart_peak,
    )
    context.log.info("the kill switch of %s is reset", config.account)


@dg.job(
    description="Stop all orders of an account, or of all, until reset_kill_switch is run with a reason.",
    tags=_FIRST_OF_ALL,
)
def trip_kill_switch() -> None:
    """Trip the kill switch."""
    trip()


@dg.job(
    description="Let orders pass again after the kill switch was tripped; asks for a reason and a name."
)
def reset_kill_switch() -> None:
    """Reset the kill switch."""
    reset()


@dg.sensor(
    job=run_guards,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts run_guards when a published guard wants positions closed.",
)
def guard_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one run per session and state of the acting guards and of the closes that are not done."""
    opened = workspace.open()
    snapshot = opened.lake.snapshot(["guard_status"])
    sessions = snapshot.partitions("guard_status")
    if not sessions:
        return dg.SkipReason("No guard status has been published yet; run daily_pipeline.")
    session, newest = sessions[-1], newest_session(opened)
    if newest is None or session != newest.isoformat():
        return dg.SkipReason(
            f"The newest guard status is of {session}, not of the newest session {newest}; guards act on today only."
        )
    status = snapshot.read("guard_status", session)
    acting = acting_guards(status)
    if not acting:
        return dg.SkipReason(f"No guard wants a position closed in session {session}.")
    accounts = sorted({guard.account_id for guard in acting})
    not_done = [
        f"{close} {state}"
        for account in accounts
        for close, state in sorted(opened.guards.states(account).items())
        if state in _NOT_DONE
    ]
    # A switch that is reset lets closes through that were only proposed.
    levels = [f"{account} {opened.kill_switch.state(account).level}" for account in accounts]
    episodes = [
        f"{guard.account_id} {guard.guard} {guard.subject} {guard.episode}" for guard in acting
    ]
    state = "|".join([opened.portfolio.mode, *episodes, *levels, *not_done])
    version = hashlib.sha256(state.encode()).hexdigest()[:12]
    return dg.RunRequest(
        run_key=f"guards:{'+'.join(accounts)}:{session}:{version}",
        partition_key=session,
        tags={"ballast/accounts": ",".join(accounts)},
    )


def _require_scope(workspace: Workspace, account: str) -> None:
    known = [EVERYTHING, *workspace.portfolio.base_currencies]
    if account not in known:
        raise ConfigurationError(
            f"there is no account {account!r}",
            where="account",
            remedy=f"Use one of {', '.join(known)}.",
        )


GUARD_JOBS = (run_guards, trip_kill_switch, reset_kill_switch)
