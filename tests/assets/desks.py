"""A desk in paper mode on one researched session of the demonstration, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

from assets.order_desk import OrderDesk
from assets.session_run import SessionRun
from ballast.trading.orders import OrderIntent
from tests.demonstration import SESSION, Demonstration

PAPER = ('mode = "research"', 'mode = "paper"')


def desk_on(folder: Path, researched: Path, *changes: tuple[str, str]) -> OrderDesk:
    """Open a copy of the researched session."""
    shutil.copytree(researched, folder, dirs_exist_ok=True)
    demonstration = Demonstration.create(folder, *changes)
    return OrderDesk(SessionRun(demonstration.workspace, SESSION, "run"))


def order(name: str, side: str, symbol: str, quantity: str, **facts: object) -> OrderIntent:
    """An order of a person in account europe."""
    usual: dict[str, object] = {
        "client_order_id": f"europe.{name}.1",
        "account_id": "europe",
        "origin": "person",
        "origin_id": name,
        "session": SESSION,
        "side": side,
        "symbol": symbol,
        "quantity": quantity,
    }
    return OrderIntent.model_validate(usual | facts)
