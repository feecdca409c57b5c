"""The daily report: what a person wants to know, as Markdown that reads well in a terminal too."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.books.positions import account_values
from ballast.market.regime import main_regime
from ballast.reconciliation.compare import BLOCKING_OUTCOMES, blocked_accounts
from ballast.reporting.orders import orders_in_words
from ballast.tables import Drawdowns, GateAnswers, Orders, PeriodReturns, StatementImports

_MOST_HOLDINGS = 6
_MOST_DIFFERENCES = 8
_URGENCY = {"critical": 3, "warning": 2, "info": 1}


@dataclass(frozen=True)
class DailyFacts:
    """The tables of one session that the report is made of."""

    session: date
    mode: str
    positions: pl.DataFrame
    prices: pl.DataFrame
    reconciliation: pl.DataFrame
    regimes: pl.DataFrame
    plans: pl.DataFrame
    recommendations: pl.DataFrame
    statements: pl.DataFrame = field(default_factory=StatementImports.create_empty)
    returns: pl.DataFrame = field(default_factory=Drawdowns.create_empty)
    periods: pl.DataFrame = field(default_factory=PeriodReturns.create_empty)
    orders: pl.DataFrame = field(default_factory=Orders.create_empty)
    answers: pl.DataFrame = field(default_factory=GateAnswers.create_empty)
    # Currency of the returns: that of the portfolio, whatever an account is kept in.
    base_currency: str = "EUR"


def daily_report(facts: DailyFacts) -> str:
    """Render the report of a session."""
    sections = [
        f"# Ballast, session {facts.session}",
        _holdings(facts),
        _performance(facts),
        _agreement(facts),
        _regime(facts),
        _plans(facts),
        orders_in_words(facts.orders, facts.answers),
        _unknowns(facts),
        _next(facts),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def daily_summary(facts: DailyFacts) -> str:
    """Render the report's answers alone: one line per account and one for the regime."""
    lines = []
    for row in account_values(facts.positions).iter_rows(named=True):
        account = row["account_id"]
        agreement = _agreement_in_words(facts.reconciliation.filter(account_id=account))
        plan = facts.plans.filter(pl.col("account_id") == account)
        status = (
            "not planned" if plan.is_empty() else f"{plan['status'][0]}, {plan['steps'][0]} steps"
        )
        value = f"{_money(row['value_base'])} {row['base_currency']}"
        lines.append(f"- **{account}**: {value}, {agreement}, {status}")
    regime = None if facts.regimes.is_empty() else facts.regimes.sort("session")["regime"][-1]
    return "\n".join([*lines, f"- regime: **{regime or 'unknown'}**"])


def _agreement_in_words(report: pl.DataFrame) -> str:
    outcomes = set(report["outcome"])
    if "critical" in report.filter(pl.col("outcome") != "unavailable")["severity"]:
        return "does not match the broker"
    if not outcomes or outcomes & set(BLOCKING_OUTCOMES):
        return "not known to match the broker"
    return "matches the broker" if outcomes == {"matched"} else "almost matches the broker"


def _holdings(facts: DailyFacts) -> str:
    lines = ["## What is held and worth"]
    for row in account_values(facts.positions).iter_rows(named=True):
        account, base = row["account_id"], row["base_currency"]
        book = facts.positions.filter(pl.col("account_id") == account)
        held = book.filter(~pl.col("is_cash")).height
        cash = ", ".join(
            f"{_money(amount)} {currency}"
            for currency, amount in book.filter(pl.col("is_cash"))
            .select("commodity", "quantity")
            .iter_rows()
        )
        value = _money(row["value_base"])
        lines.append(f"- **{account}**: {value} {base} in {held} securities and cash ({cash})")
        largest = (
            book.filter(~pl.col("is_cash") & pl.col("weight").is_not_null())
            .sort("weight", "commodity", descending=[True, False])
            .head(_MOST_HOLDINGS)
        )
        shares = ", ".join(
            f"{symbol} {weight:.1%}"
            for symbol, weight in largest.select("commodity", "weight").iter_rows()
        )
        if shares:
            lines.append(f"  - largest: {shares}")
    return "\n".join(lines)


def _performance(facts: DailyFacts) -> str:
    """Say what each account returned in the session, the month and the year, and how far it is below its high."""
    last = facts.returns.filter(
        (pl.col("session") == facts.session) & pl.col("level").is_in(["account", "total"])
    )
    lines = []
    for row in last.sort("level", "subject").iter_rows(named=True):
        spans = {"session": row["daily_return"]}
        own = facts.periods.filter(level=row["level"], subject=row["subject"])
        for period in ("month", "year"):
            newest = own.filter(pl.col("period") == period).sort("first_day")["total_return"]
            spans[period] = newest[-1] if newest.len() else None
        returned = ", ".join(f"{name} {_percent(value)}" for name, value in spans.items())
        fall = "unknown" if row["drawdown"] is None else f"{row['drawdown']:.1%}"
        lines.append(f"- **{row['subject']}**: {returned}; drawdown {fall}")
    title = f"## What it returned in {facts.base_currency}, deposits and withdrawals apart"
    return "\n".join([title, *lines]) if lines else ""


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:+.2%}"


def _agreement(facts: DailyFacts) -> str:
    lines = ["## Does it match the broker"]
    report = facts.reconciliation
    blocked = blocked_accounts(report)
    for account in report["account_id"].unique().sort():
        rows = report.filter(pl.col("account_id") == account)
        different = rows.filter(pl.col("outcome") != "matched")
        if different.is_empty():
            lines.append(f"- **{account}**: yes, all {rows.height} compared figures agree")
            continue
        verdict = "no, planning is stopped" if account in blocked else "almost"
        lines.append(f"- **{account}**: {verdict}")
        worst_first = different.sort(
            pl.col("severity").replace_strict(_URGENCY, default=0),
            descending=True,
            maintain_order=True,
        )
        for row in worst_first.head(_MOST_DIFFERENCES).iter_rows(named=True):
            lines.append(
                f"  - {row['item']} {row['field']}: {row['outcome']} ({row['severity']}),"
                f" book {_money(row['local_value'])}, broker {_money(row['broker_value'])}."
                f" {row['explanation']}"
            )
        if different.height > _MOST_DIFFERENCES:
            lines.append(f"  - and {different.height - _MOST_DIFFERENCES} more")
    return "\n".join(lines)


def _regime(facts: DailyFacts) -> str:
    lines = ["## Which regime"]
    if facts.regimes.is_empty():
        return "\n".join([*lines, "- unknown: no index close is known"])
    # The main index comes last.
    last = main_regime(facts.regimes, facts.regimes["index_symbol"][-1])
    reserve = f"keep {last['reserve_share']:.0%} in cash"
    if last["regime"] is None:
        lines.append(f"- unknown (too little history of {last['index_symbol']}): {reserve}")
    else:
        lines.append(
            f"- **{last['regime']}**{_by(last)}: {last['index_symbol']} is {last['distance']:+.1%} from its moving"
            f" average ({last['session']}): {reserve}"
        )
        others = {"the moving average": last["rule_regime"], "the model": last["model_regime"]}
        lines += [
            f"  - {name} says {regime}"
            for name, regime in others.items()
            if regime not in {None, last["regime"]}
        ]
    return "\n".join(lines)


def _by(regime: dict[str, Any]) -> str:
    methods = {"markov": " by the model of market states", "rule": " by the moving average"}
    method = methods.get(regime["method"] or "", "")
    sure = regime["confidence"]
    return method if sure is None else f"{method}, confidence {sure:.0%}"


def _plans(facts: DailyFacts) -> str:
    lines = ["## What to do"]
    for plan in facts.plans.iter_rows(named=True):
        account, base = plan["account_id"], plan["base_currency"]
        if plan["status"] != "planned":
            lines.append(f"- **{account}**: nothing ({plan['status']}: {plan['reason']})")
            continue
        lines.append(
            f"- **{account}**: {plan['steps']} steps, fees {_money(plan['fees'])} {base}, cash"
            f" {_money(plan['cash_before'])} → {_money(plan['cash_after'])} {base}"
            f" (reserve {_money(plan['reserve'])})"
        )
        lines.append(f"  {plan['narrative']}")
        steps = facts.recommendations.filter(pl.col("account_id") == account).sort("step")
        for row in steps.iter_rows(named=True):
            lines.append(f"  {row['step']:>2}. {_step(row)}: {row['reason']}")
    return "\n".join(lines)


def _step(row: dict[str, Any]) -> str:
    quantity, price = row["quantity"], row["price"]
    if row["side"] == "exchange":
        source, _, target = str(row["symbol"]).partition("/")
        return f"exchange {_money(quantity)} {source} into {target} at {_price(price)}"
    return f"{row['side']} {quantity.normalize():f} {row['symbol']} at {_price(price)} {row['currency']}"


def _unknowns(facts: DailyFacts) -> str:
    stale = facts.prices.filter(pl.col("is_stale"))
    refused = facts.statements.filter(pl.col("status") == "refused")
    lines = [
        f"- the statement {name} was refused: {why}"
        for name, why in refused.select("file_name", "detail").iter_rows()
    ]
    for row in stale.iter_rows(named=True):
        if row["price"] is None:
            lines.append(f"- {row['symbol']}: no price is known")
        else:
            lines.append(
                f"- {row['symbol']}: last price from {row['price_session']},"
                f" {row['sessions_old']} sessions old"
                + ("; not traded on" if row["blocks_planning"] else "")
            )
    for row in facts.positions.filter(pl.col("value_base").is_null()).iter_rows(named=True):
        lines.append(
            f"- {row['account_id']} {row['commodity']}: its value in {row['base_currency']}"
        )
    return "\n".join(["## What is not known", *lines]) if lines else ""


def _next(facts: DailyFacts) -> str:
    trading = {
        "research": "Nothing was sent to a broker: the mode is `research`.",
        "paper": "The mode is `paper`: orders go to the paper broker.",
        "live": "The mode is `live`: orders go to the brokers of the accounts that are confirmed.",
    }
    return "\n".join(
        [
            "## Where to look next",
            f"- {trading[facts.mode]}",
            "- The Dagster UI (`make dev`, http://127.0.0.1:3000) shows the graph, the plots and the checks",
            "- Materialise a session of March 2020 there to see the regime turn",
        ]
    )


def _price(price: Decimal) -> str:
    decimals = max(2, -int(price.normalize().as_tuple().exponent))
    return f"{price:,.{min(decimals, 6)}f}"


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"
