"""Runs of the jobs by which a person places, cancels and settles orders, on a copy of a researched session."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg

from tests.demonstration import QUIET, SESSION, Demonstration

PAPER = ('mode = "research"', 'mode = "paper"')
FAULTY = ('opening = "demonstration"', 'opening = "demonstration"\nfaults = "faults.csv"')
BEFORE, AFTER = date(2020, 8, 19), date(2020, 8, 21)
SALE = {
    "account": "europe", "side": "sell", "symbol": "ASML.AS", "quantity": "2",
    "reason": "I need the money", "requested_by": "the owner",
}  # fmt: skip
NAME = "europe.person-sale.1"


Faults = tuple[str, date | None]


def opened_on(
    folder: Path, researched: Path, *faults: Faults, session: date = SESSION
) -> Demonstration:
    """Open a copy in paper mode; each fault is its kind and, if it needs one, `until`."""
    shutil.copytree(researched, folder)
    rows = [
        f"{kind}-{number},europe,{session},{kind},{until or ''}"
        for number, (kind, until) in enumerate(faults)
    ]
    script = "\n".join(["fault_id,account_id,session,kind,until", *rows])
    (folder / "faults.csv").write_text(script)
    return Demonstration.create(folder, PAPER, *([FAULTY] if faults else []))


@dataclass(frozen=True)
class Run:
    """How a run of a job with one step ended: what it tells people, or the sentences of its failure."""

    success: bool
    metadata: dict[str, Any]
    failure: str

    @property
    def state(self) -> object:
        return self.metadata["state"]


def run(demonstration: Demonstration, job: str, op: str, **config: str) -> Run:
    settings: dict[str, Any] = {"ops": {op: {"config": config}}} if config else {}
    with dg.DagsterInstance.ephemeral() as instance:
        result = demonstration.definitions.resolve_job_def(job).execute_in_process(
            instance=instance, run_config=QUIET | settings, raise_on_error=False
        )
    metadata: dict[str, Any] = {}
    failure = ""
    for event in result.all_events:
        if event.is_successful_output:
            told = event.step_output_data.metadata
            metadata |= {name: value.value for name, value in told.items()}
        if event.is_step_failure and event.step_failure_data.error is not None:
            failure = event.step_failure_data.error.to_string()
            user = event.step_failure_data.user_failure_data
            told = {} if user is None else user.metadata
            metadata |= {name: value.value for name, value in told.items()}
    return Run(result.success, metadata, failure)


def place(demonstration: Demonstration, **changes: str) -> Run:
    config = SALE | {"request": "sale"} | changes
    return run(demonstration, "place_order", "place_one_order", **config)


def cancel(demonstration: Demonstration, name: str = NAME, reason: str = "I was wrong") -> Run:
    asked = {"client_order_id": name, "reason": reason}
    return run(demonstration, "cancel_order", "cancel_one_order", **asked)


def clear(demonstration: Demonstration) -> Run:
    return run(demonstration, "clear_stuck_orders", "settle_open_orders")


def held(demonstration: Demonstration, symbol: str = "ASML.AS") -> Decimal:
    positions = demonstration.workspace.paper.positions("europe", SESSION)
    return next(p.quantity for p in positions if p.symbol == symbol)


def orders(demonstration: Demonstration) -> list[dict[str, Any]]:
    return demonstration.workspace.orders.table().to_dicts()
