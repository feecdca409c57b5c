"""Jobs of orders for a person: place one, cancel one, and find out what became of those that are stuck."""

from datetime import date
from decimal import Decimal, InvalidOperation

import dagster as dg
import polars as pl
from pydantic import Field

from assets.metadata import markdown_table
from assets.order_desk import BLOCKED, OrderDesk
from assets.session_run import SessionRun
from ballast.errors import ConfigurationError, OrderRefusedError
from ballast.money import ZERO, to_amount
from ballast.trading.orders import OrderIntent, client_order_id
from pipelines.reconciliation_triggers import newest_run_session
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

PERSON = "person"
# Beyond it a number is a slip of the hand, and too long for exact division.
_MOST_UNITS = Decimal(10) ** 15


class OrderRequest(dg.Config):
    """What is ordered, who asks for it, and why."""

    account: str = Field(description="Account.")
    side: str = Field(description="buy, sell or exchange.")
    symbol: str = Field(description="Security; FROM/TO for an exchange.")
    quantity: str = Field(
        description="Units; for an exchange, amount of FROM. A decimal in quotes."
    )
    reason: str = Field(description="Why; kept with the order.")
    requested_by: str = Field(description="Who asks for it.")
    request: str = Field(
        "", description="Name of the request: the same one again sends nothing. Default: the run."
    )


class CancelRequest(dg.Config):
    """Which order is cancelled, and why."""

    client_order_id: str = Field(description="Our id of the order.")
    reason: str = Field(description="Why; kept with the order.")


@dg.op(description="Send one order through the gate, as a plan would, because a person wants it.")
def place_one_order(
    context: dg.OpExecutionContext, workspace: WorkspaceResource, config: OrderRequest
) -> None:
    """Place an order and say what became of it."""
    opened = workspace.open()
    run = order_run(opened, context.run_id)
    intent = order_of(opened, run.session, config, config.request or _first_run(context)[:8])
    placed = OrderDesk(run).place(intent)
    answers = opened.gate_log.table(run.session).filter(
        pl.col("client_order_id") == intent.client_order_id
    )
    metadata: dict[str, str | dg.MetadataValue] = {
        "order": intent.client_order_id,
        "state": placed.state,
        "gate": dg.MetadataValue.md(
            markdown_table(answers.select("attempt", "layer", "verdict", "reason"))
        ),
    }
    if placed.state == BLOCKED:
        refused = OrderRefusedError(
            f"the gate stopped the order: {placed.detail}",
            where=f"layer {placed.stopped_by}",
            remedy="Nothing was sent; the metadata of the failure shows the answer of every layer.",
        )
        # A step that fails has no output, so that its metadata goes with the failure.
        raise dg.Failure(str(refused), metadata=metadata, allow_retries=False) from refused
    context.add_output_metadata(metadata)
    context.log.info("%s: %s", intent.client_order_id, placed.state)


@dg.op(description="Ask the broker to cancel an order; what it answers counts.")
def cancel_one_order(
    context: dg.OpExecutionContext, workspace: WorkspaceResource, config: CancelRequest
) -> None:
    """Cancel an order and say what became of it."""
    opened = workspace.open()
    _require_words(reason=config.reason)
    table = opened.orders.table().filter(pl.col("client_order_id") == config.client_order_id)
    if table.is_empty():
        raise ConfigurationError(
            f"there is no order {config.client_order_id!r}",
            where="client_order_id",
            remedy="The asset orders lists them.",
        )
    row = table.select(OrderIntent.model_fields.keys()).row(0, named=True)
    intent = OrderIntent(**row)
    status = opened.orders.cancel(intent, opened.broker(intent.account_id), config.reason)
    context.log.info("%s: %s", intent.client_order_id, status.state)
    context.add_output_metadata({"order": intent.client_order_id, "state": status.state})


@dg.op(description="Ask the brokers about every open order, and give up what they never saw.")
def settle_open_orders(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Settle what can be settled, and list what is still in doubt."""
    opened = workspace.open()
    before = {account: opened.orders.unresolved(account) for account in opened.brokers}
    desk = OrderDesk(order_run(opened, context.run_id))
    in_doubt = [
        placed for account in opened.brokers for placed in desk.settle(account, unsent_too=True)
    ]
    states = dict(opened.orders.table().select("client_order_id", "state").iter_rows())
    told = pl.DataFrame(
        [
            {"order": i.client_order_id, "session": i.session, "state": states[i.client_order_id]}
            for intents in before.values()
            for i in intents
        ]
    )
    context.add_output_metadata({
        "open_before": sum(map(len, before.values())),
        "in_doubt": len(in_doubt),
        "orders": dg.MetadataValue.md(markdown_table(told)),
    })  # fmt: skip
    for placed in in_doubt:
        context.log.warning("%s is in doubt: %s", placed.client_order_id, placed.detail)


def _first_run(context: dg.OpExecutionContext) -> str:
    """Return the run that was asked for first: one that is executed again sends nothing again."""
    run = context.run
    return run.root_run_id or run.tags.get("dagster/root_run_id") or context.run_id


@dg.job(
    description="Send one order for a person: it takes the same path, and passes the same gate, as any other."
)
def place_order() -> None:
    """Place one order."""
    place_one_order()


@dg.job(description="Cancel one open order at its broker.")
def cancel_order() -> None:
    """Cancel one order."""
    cancel_one_order()


@dg.job(
    description="Find out what became of orders without an answer; those that never arrived and are out of date end."
)
def clear_stuck_orders() -> None:
    """Settle open orders."""
    settle_open_orders()


def order_run(workspace: Workspace, run_id: str) -> SessionRun:
    """Return the run of the newest session that has prices: a person orders on what is known now.

    Raises
    ------
    ConfigurationError
        If no session has been run yet.
    """
    session = newest_run_session(workspace)
    if session is None:
        raise ConfigurationError(
            "no session has been run yet", where="orders", remedy="Run daily_pipeline first."
        )
    return SessionRun(workspace, date.fromisoformat(session), run_id)


def order_of(workspace: Workspace, session: date, request: OrderRequest, name: str) -> OrderIntent:
    """Return the order that a person asks for.

    Raises
    ------
    ConfigurationError
        If the account is unknown, the quantity no decimal, or the reason or the person empty.
    """
    if request.account not in workspace.portfolio.base_currencies:
        raise ConfigurationError(
            f"there is no account {request.account!r}",
            where="account",
            remedy=f"Use one of {', '.join(workspace.portfolio.base_currencies)}.",
        )
    _require_words(reason=request.reason, requested_by=request.requested_by)
    try:
        quantity = Decimal(request.quantity)
    except InvalidOperation:
        quantity = Decimal("NaN")
    is_sensible = quantity.is_finite() and ZERO < quantity < _MOST_UNITS
    if not is_sensible or to_amount(quantity) != quantity:
        raise ConfigurationError(
            f"{request.quantity!r} is no positive number of units",
            where="quantity",
            remedy='Write a decimal, such as "12" or "1500.00".',
        )
    return OrderIntent(
        client_order_id=client_order_id(request.account, f"{PERSON}-{name}", 1),
        account_id=request.account,
        origin=PERSON,
        origin_id=name,
        session=session,
        side=request.side,
        symbol=request.symbol,
        quantity=quantity,
        reason=f"{request.reason.strip()} ({request.requested_by.strip()})",
    )


def _require_words(**words: str) -> None:
    for field, said in words.items():
        if not said.strip():
            raise ConfigurationError(
                f"nobody orders or cancels without a {field}", where=field, remedy="Say it."
            )


ORDER_JOBS = (place_order, cancel_order, clear_stuck_orders)
