"""What the pipeline is run on: the demonstration, and 500 generated securities over ten years. No Dagster here."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from ballast.configuration import load
from benchmarks import synthetic
from resources.market_data.protocol import MarketData
from resources.workspace import Workspace

REPOSITORY = Path(__file__).parent.parent
SECURITIES = 500
SESSIONS = 2_520
_FIRST_RUN, _INCREMENT = date(2020, 8, 19), date(2020, 8, 20)
_TARGETS = 60
_DEPOSIT = 2_000_000


@dataclass(frozen=True)
class Case:
    """A portfolio in a folder, a session to begin with, and the next one."""

    name: str
    folder: Path
    first: date = _FIRST_RUN
    second: date = _INCREMENT

    def workspace(self, name: str) -> Workspace:
        """Return a workspace without any data, in a folder of its own beside the others."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / "portfolio", folder)
        return open_case(folder)


def demonstration(folder: Path) -> Case:
    """Return the demonstration portfolio."""
    target = folder / "portfolio"
    target.mkdir(parents=True)
    shutil.copy(REPOSITORY / "portfolio.toml", target)
    return _with_calendars(Case("demonstration", folder))


def generated(folder: Path) -> Case:
    """Return a portfolio of generated securities with one account that holds some of them."""
    target = folder / "portfolio"
    target.mkdir(parents=True)
    days = synthetic.sessions(SESSIONS, _FIRST_RUN, folder / "calendars")
    names = synthetic.symbols(SECURITIES)
    held = names[:: SECURITIES // _TARGETS][:_TARGETS]
    lines = [
        f'base_currency = "USD"\n[sessions]\nfirst = {days[-300]}\nlast = {_INCREMENT}',
        f'[market_data]\nhistory_start = {days[0]}\n[regime]\nindex = "{synthetic.INDEX}"',
        '[paper]\nopening = "opening.csv"\n[[accounts]]\nid = "main"\n[accounts.targets]',
        *(f"{symbol} = {0.95 / _TARGETS:.4f}" for symbol in held),
        _security(synthetic.INDEX, 'kind = "index"\nallow_buy = false\nallow_sell = false'),
        *(_security(symbol, 'kind = "equity"') for symbol in names),
    ]
    (target / "portfolio.toml").write_text("\n".join(lines) + "\n")
    bought = [f"{days[-200]},main,buy,{symbol},{100 + 10 * number}" for number, symbol in
              enumerate(held)]  # fmt: skip
    opening = [
        "date,account_id,action,symbol,quantity",
        f"{days[-201]},main,deposit,USD,{_DEPOSIT}",
        *bought,
    ]
    (target / "opening.csv").write_text("\n".join(opening) + "\n")
    return _with_calendars(Case("generated", folder))


def _with_calendars(case: Case) -> Case:
    # Computed once per machine and release, and then remembered; no part of a daily run.
    assert open_case(case.folder / "portfolio").portfolio_calendars
    return case


def _security(symbol: str, rest: str) -> str:
    return (
        f'[[securities]]\nsymbol = "{symbol}"\nname = "{symbol}"\nexchange = "XNYS"\n'
        f'currency = "USD"\n{rest}'
    )


@dataclass(frozen=True)
class GeneratedWorkspace(Workspace):
    """A workspace whose source of prices is generated."""

    @cached_property
    def market_data(self) -> MarketData:
        """Every session from the start of the history."""
        first, last = self.portfolio.market_data.history_start, self.portfolio.sessions.last
        assert last is not None
        days = self.portfolio_calendars.sessions_between(synthetic.EXCHANGE, first, last)
        return synthetic.SyntheticMarketData(SECURITIES, tuple(days))


def open_case(folder: Path) -> Workspace:
    """Return the workspace of a folder."""
    portfolio = load(folder / "portfolio.toml")
    is_generated = portfolio.regime.index == synthetic.INDEX
    return (GeneratedWorkspace if is_generated else Workspace)(portfolio, folder)
