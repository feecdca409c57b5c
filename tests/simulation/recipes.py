"""How each kind of fault comes about in an account, and the causes that would name it right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from ballast.market.exchange_rates import Rates
from resources.brokers.faults import FaultKind
from tests.resources.brokers.faulty import OPTION
from tests.simulation.staging import STOCK_OF_OPTION, Planned, Stage
from tests.simulation.world import actions, listed, rates

D = Decimal
Recipe = Callable[[Stage], Planned | None]


def _of_trade(
    kind: FaultKind, causes: str, name: str | None = None, least: int = 0, **facts: object
) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        trades = [
            order
            for order in stage.trades(is_alone="told" in facts)
            if order.quantity * stage.close(order.symbol) > least
        ]
        if not trades:
            return None
        order = stage.dice.choice(trades)
        items = [order.symbol, listed()[order.symbol]]
        return stage.planned(kind, name or kind, causes, items, symbol=order.symbol, **facts)

    return recipe


def _late_fill(stage: Stage) -> Planned | None:
    trades, until = stage.trades(), stage.later(2)
    if not trades or until is None:
        return None
    symbol = trades[0].symbol
    items = [symbol, listed()[symbol]]
    return stage.planned("late_fill", "late_fill", "missed_fill", items, symbol=symbol, until=until)


def _lost_movement(told: str, name: str) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        due = actions(stage.session, stage.session)["symbol"].to_list()
        # The broker inside pays for what it knows to be held.
        if len(due) != 1 or due[0] not in set(stage.account.kept) - stage.account.moved:
            return None
        return stage.planned("lost_movement", name, "dividend", [listed()[due[0]]], told=told)

    return recipe


def _of_cash(
    kind: FaultKind, causes: str, low: int, high: int, *, may_fall: bool = False
) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        amount, currency = stage.cash(low, high)
        if may_fall and stage.dice.random() < 0.5:
            amount = -amount
        return stage.planned(kind, kind, causes, [currency], amount=amount, currency=currency)

    return recipe


def _of_dividend(kind: FaultKind, low: int, high: int) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        symbol, (amount, _) = stage.kept(), stage.cash(low, high)
        if symbol is None:
            return None
        currency = listed()[symbol]
        facts = {"symbol": symbol, "amount": amount, "currency": currency}
        return stage.planned(kind, kind, kind, [currency], **facts)

    return recipe


def _correction(told: str, name: str, causes: str) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        amount, currency = stage.cash(2, 4)
        facts = {"amount": amount * stage.dice.choice([1, -1]), "currency": currency}
        return stage.planned("correction", name, causes, [currency], told=told, **facts)

    return recipe


def _exchange(told: str, name: str) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        amount = D(stage.dice.randrange(500, 3000))
        rate = Rates.of(rates(stage.session)).rate("EUR", "USD")
        arriving = (amount * rate * D("0.999")).quantize(D("0.01"), ROUND_HALF_EVEN)
        return stage.planned(
            "exchange", name, "fx_conversion", ["EUR", "USD"], told=told, amount=amount,
            currency="EUR", other="USD", other_amount=arriving,
        )  # fmt: skip

    return recipe


def _split(stage: Stage) -> Planned | None:
    symbol = stage.kept()
    if symbol is None:
        return None
    factor = stage.dice.choice(["2", "3", "0.5"])
    return stage.planned("split", "split", "split", [symbol], symbol=symbol, factor=factor)


def _spin_off(stage: Stage) -> Planned | None:
    symbol, other = stage.kept(), stage.absent()
    if symbol is None or other is None:
        return None
    stage.account.absent.remove(other)
    share = stage.dice.choice(["0.2", "0.35"])
    return stage.planned(
        "spin_off", "spin_off", "corporate_action", [symbol, other],
        symbol=symbol, other=other, factor="0.5", basis_share=share,
    )  # fmt: skip


def _symbol_change(stage: Stage) -> Planned | None:
    symbol, other = stage.kept(), stage.absent()
    if symbol is None or other is None or listed()[symbol] != listed()[other]:
        return None
    stage.account.kept.remove(symbol)
    stage.account.absent.remove(other)
    return stage.planned(
        "symbol_change", "symbol_change", "corporate_action", [symbol, other],
        symbol=symbol, other=other,
    )  # fmt: skip


def _transfer_in(stage: Stage) -> Planned | None:
    symbol = stage.absent()
    if symbol is None:
        return None
    stage.account.absent.remove(symbol)
    units = D(stage.dice.randrange(5, 30))
    basis = (units * stage.close(symbol) * D("0.8")).quantize(D("0.01"), ROUND_HALF_EVEN)
    return stage.planned(
        "transfer", "transfer in", "transfer", [symbol], symbol=symbol, quantity=units, amount=basis
    )


def _transfer_out(stage: Stage) -> Planned | None:
    symbol = stage.kept()
    if symbol is None:
        return None
    units = -D(stage.dice.randrange(2, 6))
    return stage.planned(
        "transfer", "transfer out", "transfer", [symbol], symbol=symbol, quantity=units
    )


def _manual_trade(told: str, name: str) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        symbol = stage.kept()
        if symbol is None:
            return None
        price = (stage.close(symbol) * D("1.003")).quantize(D("0.01"), ROUND_HALF_EVEN)
        units = D(stage.dice.choice([3, 5, -3, -5]))
        return stage.planned(
            "manual_trade", name, "manual_trade", [symbol, listed()[symbol]], told=told,
            symbol=symbol, quantity=units, price=price,
        )  # fmt: skip

    return recipe


def _liquidation(stage: Stage) -> Planned | None:
    symbol = stage.kept()
    if symbol is None or len(stage.account.kept) < 3:
        return None
    stage.account.kept.remove(symbol)
    items = [symbol, listed()[symbol]]
    return stage.planned(
        "liquidation", "liquidation", "broker_liquidation", items, symbol=symbol,
        price=(stage.close(symbol) * D("0.97")).quantize(D("0.01"), ROUND_HALF_EVEN),
    )  # fmt: skip


def _exercise(kind: FaultKind, methods: Sequence[str], contracts: int) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        if not stage.has_option or stage.account.method not in methods:
            return None
        return stage.planned(
            kind, kind, kind, [OPTION, STOCK_OF_OPTION, "USD"], symbol=OPTION, quantity=contracts,
            other=STOCK_OF_OPTION, other_amount="10", price="440",
        )  # fmt: skip

    return recipe


def _expiry(stage: Stage) -> Planned | None:
    if not stage.has_option or stage.sessions.index(stage.session) < len(stage.sessions) // 2:
        return None
    return stage.planned("expiry", "expiry", "expiry", [OPTION], symbol=OPTION)


def _pending_settlement(stage: Stage) -> Planned | None:
    sales, until = stage.trades("sell"), stage.later(2)
    if not sales or until is None:
        return None
    symbol = sales[0].symbol
    return stage.planned(
        "pending_settlement", "pending_settlement", "pending_settlement", [listed()[symbol]],
        symbol=symbol, until=until,
    )  # fmt: skip


def _misstated(kind: FaultKind) -> Recipe:
    def recipe(stage: Stage) -> Planned | None:
        symbol, until = stage.kept(), stage.later(2)
        if (
            symbol is None
            or until is None
            or (kind == "wrong_lots" and stage.account.method == "average")
        ):
            return None
        return stage.planned(
            kind, kind, "unexplained", [symbol], symbol=symbol, factor="1.03", until=until
        )

    return recipe


def _unreachable(stage: Stage) -> Planned | None:
    until = stage.later(1)
    if stage.is_taken or until is None:
        return None
    questions = stage.dice.choice([(), ("balances",), ("positions", "lots")])
    return stage.planned(
        "unreachable", "unreachable", "unavailable", ["account"], questions=questions, until=until
    )


RECIPES: Mapping[str, Recipe] = {
    "lost_fill": _of_trade("lost_fill", "missed_fill"),
    "lost_fill, untold": _of_trade("lost_fill", "missed_fill", "lost_fill, untold", told="nowhere"),
    "late_fill": _late_fill,
    "doubled_fill": _of_trade("doubled_fill", "duplicate_fill"),
    "partial_fill": _of_trade("partial_fill", "partial_fill", factor="0.4"),
    "lost_remainder": _of_trade("lost_remainder", "partial_fill missed_fill", factor="0.6"),
    "lost_remainder, untold": _of_trade(
        "lost_remainder", "partial_fill", "lost_remainder, untold", factor="0.6", told="nowhere"
    ),
    "wrong_sign": _of_trade("wrong_sign", "wrong_sign"),
    "wrong_price, slightly": _of_trade(
        "wrong_price", "slippage", "wrong_price, slightly", 1000, factor="1.005"
    ),
    "wrong_price, by far": _of_trade("wrong_price", "gap", "wrong_price, by far", factor="1.08"),
    "wrong_fee": _of_trade("wrong_fee", "fee", factor="3"),
    "lost_movement": _lost_movement("activity", "lost_movement"),
    "lost_movement, untold": _lost_movement("nowhere", "lost_movement, untold"),
    "fee": _of_cash("fee", "fee", 3, 40),
    "interest": _of_cash("interest", "interest", 3, 40, may_fall=True),
    "dividend": _of_dividend("dividend", 10, 90),
    "withholding_tax": _of_dividend("withholding_tax", 3, 20),
    "deposit": _of_cash("deposit", "deposit_or_withdrawal", 100, 5000),
    "withdrawal": _of_cash("withdrawal", "deposit_or_withdrawal", 100, 5000),
    "correction": _correction("activity", "correction", "broker_correction"),
    "correction, untold": _correction("nowhere", "correction, untold", "rounding"),
    "exchange": _exchange("activity", "exchange"),
    "exchange, untold": _exchange("nowhere", "exchange, untold"),
    "split": _split,
    "spin_off": _spin_off,
    "symbol_change": _symbol_change,
    "transfer in": _transfer_in,
    "transfer out": _transfer_out,
    "manual_trade": _manual_trade("activity", "manual_trade"),
    "manual_trade, untold": _manual_trade("nowhere", "manual_trade, untold"),
    "liquidation": _liquidation,
    "assignment": _exercise("assignment", ("average", "hifo"), 1),
    "exercise": _exercise("exercise", ("fifo", "lifo"), -1),
    "expiry": _expiry,
    "pending_settlement": _pending_settlement,
    "wrong_average": _misstated("wrong_average"),
    "wrong_lots": _misstated("wrong_lots"),
    "unreachable": _unreachable,
}
