"""Assets of the guards: how every account stands against its limits, and the closes of those that act."""

from datetime import datetime

import dagster as dg
import polars as pl

from assets.closing import CLOSE_SCHEMA, carry_out
from assets.history import known_actions, known_closes
from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from ballast.books.positions import known_postings
from ballast.guards.activity import (
    account_data_guard,
    order_rate_guard,
    order_rates,
    stale_prices_guard,
)
from ballast.guards.alerts import guard_alerts, latch_alert
from ballast.guards.chart import guard_chart
from ballast.guards.drawdown import drawdown_guard, equities, measured_anew
from ballast.guards.kill_switch import kill_switch_rows, latches, peak_restarts
from ballast.guards.logs import drawdown_alerts, position_snapshots
from ballast.guards.losses import (
    daily_loss_guard,
    losing_streaks,
    loss_streak_guard,
    session_returns,
)
from ballast.guards.market import price_gap_guard, price_moves, spread_guard, stop_loss_guard
from ballast.guards.states import ACCOUNT
from ballast.guards.status import (
    blocked_by_guards,
    out_of_the_ordinary,
    status_of,
    watched_securities,
)
from ballast.tables import GuardStatus, Orders
from resources.clock import now
from resources.newest_session import newest_session
from resources.workspace_resource import WorkspaceResource

_SHOWN = (
    "account_id", "guard", "subject", "state", "measured", "warning_limit", "acting_limit", "unit",
    "effect", "explanation",
)  # fmt: skip


@dg.asset(
    group_name="control",
    kinds={"polars", "parquet"},
    deps=[
        "prices",
        "historical_data",
        "corporate_actions",
        "postings",
        "realised_gains",
        "positions_snapshot",
        "portfolio_performance",
        "broker_positions",
        "broker_balances",
    ],
    metadata=definition_metadata(GuardStatus),
    check_specs=[
        dg.AssetCheckSpec(
            "guards_can_judge",
            asset="guard_status",
            description="Some account can be judged; one that cannot is not planned.",
        ),
        dg.AssetCheckSpec(
            "no_guard_stops_an_account",
            asset="guard_status",
            description="Every account may be traded, and no guard wants a position closed.",
        ),
        dg.AssetCheckSpec(
            "kill_switch_is_not_tripped",
            asset="guard_status",
            description="No kill switch waits for a person to reset it.",
        ),
    ],
)
def guard_status(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """How every account stands against its limits: drawdown, losses, gaps, order rate, stale data, kill switch.

    Only the newest session trips the switch and tells people; a session that is looked back at does neither.
    """
    run = SessionRun.of(context, workspace)
    accounts = list(run.workspace.portfolio.base_currencies)
    settings = run.workspace.portfolio.guards
    is_newest = newest_session(run.workspace) == run.session
    moment = now() if is_newest and run.workspace.portfolio.sessions.last is None else None
    positions, growth, gains, ledger = run.read(
        "positions_snapshot", "portfolio_returns", "realised_gains", "postings"
    )
    known = known_postings(ledger, run.session)
    booked = known["account_id"].unique().to_list()
    restarts = peak_restarts(run.workspace.kill_switch.events(run.session), accounts)
    worth = equities(positions, growth, accounts, booked, restarts, run.session)
    judged = [
        drawdown_guard(worth, settings),
        daily_loss_guard(
            session_returns(growth, accounts, booked, run.session), settings, run.session
        ),
        loss_streak_guard(losing_streaks(gains, known, accounts), settings, run.session),
        stale_prices_guard(positions, accounts, settings, run.session),
        *_of_the_market(run, positions),
        *_of_activity(run, accounts, moment),
    ]
    tripping = latches(status_of(*judged), settings) if is_newest else []
    new = [
        latch
        for latch in tripping
        if run.workspace.kill_switch.latch(latch, run.session, run.run_id)
    ]
    # Read again: what has just been tripped is part of the state.
    events = run.workspace.kill_switch.events(run.session)
    table = status_of(*judged, kill_switch_rows(events, accounts))
    _write_down(run, table, positions, worth)
    run.publish(run.table("guard_status", table, GuardStatus))
    if is_newest:
        run.workspace.alerts.post(
            [
                *(latch_alert(latch, run.session) for latch in new),
                *guard_alerts(table, run.session),
            ]
        )
    return run.result(
        "guard_status",
        table,
        rows=_shown(table),
        metadata={
            "plot": plot(guard_chart(measured_anew(growth, restarts), settings), "Drawdown"),
            "is_newest_session": is_newest,
            "tripped_now": ", ".join(latch.account_id for latch in new) or "none",
            "kill_switch_events": dg.MetadataValue.md(markdown_table(events.drop("event_id"))),
        },
        checks=_checks(run, table, accounts),
    )


@dg.asset(
    group_name="trading",
    kinds={"sql", "parquet"},
    deps=["guard_status"],
    metadata=definition_metadata(Orders),
    check_specs=[
        dg.AssetCheckSpec(
            "every_close_is_done",
            asset="guard_actions",
            description="Whatever a guard wants closed is closed.",
        )
    ],
)
def guard_actions(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Closes of the guards that act: proposed in research mode, ordered in paper mode, once per position and episode.

    A close that fails is tried again by the next run, under the same identity; one failure does not stop the others.
    """
    run = SessionRun.of(context, workspace)
    (status,) = run.read("guard_status")
    is_newest = newest_session(run.workspace) == run.session
    reports = carry_out(run, status) if is_newest else []
    table = run.workspace.orders.table().filter(
        (pl.col("origin") == "guard") & (pl.col("session") == run.session)
    )
    run.publish(run.table("guard_actions", table, Orders))
    left = [report for report in reports if report.state != "closed"]
    found = f"{len(reports)} positions to close, {len(left)} not closed"
    return run.result(
        "guard_actions",
        table,
        rows=table.drop("origin_id"),
        metadata={
            "closes": dg.MetadataValue.md(
                markdown_table(pl.DataFrame(reports, schema=CLOSE_SCHEMA))
            ),
            "mode": run.workspace.portfolio.mode,
            "outcome": found if is_newest else "not the newest session: nothing is done for it now",
        },
        checks=[
            check(
                "every_close_is_done",
                "guard_actions",
                passed=not left,
                session=run.session,
                found=found,
                rows=pl.DataFrame(left, schema=CLOSE_SCHEMA),
            )
        ],
    )


def _of_the_market(run: SessionRun, positions: pl.DataFrame) -> list[pl.DataFrame]:
    portfolio = run.workspace.portfolio
    targets = [
        (account, symbol) for account, own in portfolio.choices.items() for symbol in sorted(own)
    ]
    tradable = [s.symbol for s in portfolio.securities if s.allow_buy or s.allow_sell]
    watched = watched_securities(positions, targets, tradable)
    moves = price_moves(known_closes(run, in_units_of_today=True), known_actions(run))
    return [
        price_gap_guard(watched, moves, portfolio.guards),
        # No source of quotes is configured yet.
        spread_guard(watched, None, portfolio.guards, run.session),
        stop_loss_guard(positions, portfolio.guards),
    ]


def _of_activity(
    run: SessionRun, accounts: list[str], moment: datetime | None
) -> list[pl.DataFrame]:
    settings = run.workspace.portfolio.guards
    (answers,) = run.read("broker_accounts")
    sent = run.workspace.guards.sent_orders(run.session)
    return [
        order_rate_guard(order_rates(sent, accounts), settings, run.session),
        account_data_guard(answers, accounts, settings, run.session, moment),
    ]


def _write_down(
    run: SessionRun, table: pl.DataFrame, positions: pl.DataFrame, worth: pl.DataFrame
) -> None:
    snapshots = position_snapshots(positions, worth, table, run.session)
    fallen = drawdown_alerts(table, snapshots, run.session, run.workspace.portfolio.mode)
    run.workspace.guards.log(snapshots, fallen)


def _shown(table: pl.DataFrame) -> pl.DataFrame:
    """Return what is out of the ordinary, and then the guards of whole accounts."""
    unusual = out_of_the_ordinary(table)
    usual = table.filter((pl.col("state") == "ok") & (pl.col("subject") == ACCOUNT))
    return pl.concat([unusual, usual]).head(60).select(_SHOWN)


def _checks(run: SessionRun, table: pl.DataFrame, accounts: list[str]) -> list[dg.AssetCheckResult]:
    blocked = blocked_by_guards(table)
    unusual = _shown(table.filter(pl.col("state") != "ok"))
    tripped = table.filter((pl.col("guard") == "kill_switch") & (pl.col("state") != "ok"))
    unknown = table.filter((pl.col("subject") == ACCOUNT) & (pl.col("state") == "unknown"))
    blind = sorted(unknown["account_id"].unique())
    restrained = table.filter(
        (pl.col("subject") == ACCOUNT) & ~pl.col("state").is_in(["ok", "warn"])
        | (pl.col("state") == "act")
    )
    return [
        check(
            "guards_can_judge",
            "guard_status",
            passed=blind != sorted(accounts),
            session=run.session,
            found=f"accounts with an unknown figure: {', '.join(blind) or 'none'}",
            rows=unknown.select(_SHOWN),
            severity=dg.AssetCheckSeverity.ERROR,
        ),
        check(
            "no_guard_stops_an_account",
            "guard_status",
            passed=restrained.is_empty(),
            session=run.session,
            found=f"stopped: {', '.join(blocked) or 'no account'}; restrained by"
            f" {restrained.height} guards",
            rows=unusual,
        ),
        check(
            "kill_switch_is_not_tripped",
            "guard_status",
            passed=tripped.is_empty(),
            session=run.session,
            found=f"tripped for {', '.join(sorted(tripped['account_id'])) or 'no account'}",
            rows=tripped.select("account_id", "state", "explanation"),
            severity=dg.AssetCheckSeverity.ERROR,
        ),
    ]
