"""What every best plan keeps (P1-P7 of the specification), and that it is the best."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ballast.planning.best_plan import BestPlan, best_plan
from ballast.planning.draft import Drafting
from ballast.planning.opportunities import follows_targets, opportunities
from ballast.planning.standing import Judge
from ballast.settings import PlannerSettings
from tests.ballast.planning.accounts import (
    Case,
    afterwards,
    carry_out,
    cases,
    cash_of,
    reserve_of,
    value_of,
)
from tests.ballast.planning.scored import planning_case
from tests.ballast.trading.markets import costs_of_a_day

_examples = settings(max_examples=60, deadline=None)
_chance = st.randoms(use_true_random=False)
# A random account has up to seven securities: every set of them is looked at.
_THOROUGH = PlannerSettings(depth=7, maximum_trades=7, minimum_improvement=0.001)


def _plan(drawn: Case, chance: random.Random, **facts: object) -> BestPlan:
    return best_plan(planning_case(drawn, chance, _THOROUGH, **facts))


@_examples
@given(cases(), _chance)
def test_carried_out_in_order_no_step_is_short_of_cash_or_shares(
    drawn: Case, chance: random.Random
) -> None:
    best = _plan(drawn, chance)
    left = carry_out(best.plan, drawn.costs)  # fails at the first step that cannot be paid
    for currency, amount in left.cash.items():
        assert amount >= min(drawn.account.cash.get(currency, Decimal(0)), Decimal(0))


@_examples
@given(cases(), _chance)
def test_after_a_plan_that_buys_the_reserve_is_there_at_the_worst_price(
    drawn: Case, chance: random.Random
) -> None:
    slippage = Decimal("0.03")
    best = _plan(drawn, chance, slippage=slippage)
    assume(best.plan.purchases)
    after = afterwards(drawn.account, carry_out(best.plan, drawn.costs))
    drafting = Drafting(drawn.account, drawn.costs)
    bought = sum(
        Fraction(drafting.value_base(t.candidate, t.quantity)) for t in best.plan.purchases
    )
    reserve = reserve_of(after, value_of(after, drawn.costs))
    left = cash_of(after, drawn.costs) - bought * Fraction(slippage)
    assert left >= reserve - Fraction(1, 10**4)


@_examples
@given(cases(), _chance)
def test_what_may_not_be_traded_is_never_part_of_a_plan(drawn: Case, chance: random.Random) -> None:
    best = _plan(drawn, chance)
    for trade in (*best.plan.sales, *best.plan.purchases):
        facts, found = best.case.facts[trade.candidate.symbol], trade.candidate
        assert not found.is_blocked
        assert (facts.no_purchase if trade.quantity > 0 else facts.no_sale) is None
        assert found.allow_buy if trade.quantity > 0 else found.allow_sell
        assert trade.quantity % found.lot_size == 0
        assert found.quantity + trade.quantity >= 0


@_examples
@given(cases(), _chance)
def test_the_score_after_is_above_the_score_before_by_the_same_measure(
    drawn: Case, chance: random.Random
) -> None:
    best = _plan(drawn, chance)
    assume(best.orders)
    assert best.before is not None
    assert best.after is not None
    assert best.after.score - best.before.score >= _THOROUGH.minimum_improvement
    # Looked at anew, the account has the score that was promised, but for the penalty and the tax set aside.
    left = afterwards(drawn.account, carry_out(best.plan, drawn.costs))
    now = Judge.of(replace(best.case, account=left)).now()
    spent = float((best.plan.fees or 0) + best.taxes)
    value = float(value_of(left, drawn.costs))
    assume(value > 100)
    allowed = (spent * 0.1 + 2 * float(best.taxes) + 2) / value
    assert abs(now.score - best.after.score) <= allowed + 1e-6


@_examples
@given(cases(), _chance)
def test_planning_again_after_the_plan_was_carried_out_finds_nothing_to_do(
    drawn: Case, chance: random.Random
) -> None:
    best = _plan(drawn, chance, costs=drawn.costs.settings)
    assume(best.orders)
    left = afterwards(drawn.account, carry_out(best.plan, drawn.costs))
    # What was set aside for taxes is owed from then on. Without targets what was traded rests: the cooldown.
    facts = best.case.securities
    if not follows_targets(best.case):
        facts = tuple(
            replace(f, no_purchase="rests", no_sale="rests") if f.symbol in best.orders else f
            for f in facts
        )
    left = replace(left, owed=left.owed + best.taxes)
    again = best_plan(replace(best.case, account=left, securities=facts))
    assert not again.orders


@_examples
@given(cases(), _chance)
def test_an_account_at_its_targets_has_an_empty_plan(drawn: Case, chance: random.Random) -> None:
    case = planning_case(drawn, chance, _THOROUGH)
    drafting = Drafting(case.account, drawn.costs)
    assume(all(c.price is not None for c in case.account.candidates))
    assume(drafting.draft({}).value > 0)
    candidates = tuple(
        replace(c, quantity=drafting.target(c, drafting.draft({}).value) / 1)
        for c in case.account.candidates
    )
    value = drafting.draft({}).value
    held = tuple(
        replace(
            c,
            quantity=(drafting.from_base(drafting.target(c, value), c.currency) / c.price).quantize(
                Decimal("0.00000001")
            ),
        )
        for c in candidates
        if c.price
    )
    invested = sum(drafting.value_base(c, c.quantity) for c in held)
    base = case.account.base_currency
    there = replace(case.account, candidates=held, cash={base: value - invested})
    assert not best_plan(replace(case, account=there)).orders


@settings(max_examples=25, deadline=None)
@given(cases(), _chance)
def test_no_set_of_opportunities_that_can_be_paid_is_better(
    drawn: Case, chance: random.Random
) -> None:
    best = _plan(drawn, chance)
    assume(best.searched is not None and best.before is not None and best.after is not None)
    judge = Judge.of(best.case)
    drafting = Drafting(best.case.account, best.case.market)
    every = [o for o in opportunities(best.case) if o.stopped_by is None]
    bar = max(best.after.score, best.before.score + _THOROUGH.minimum_improvement)
    for count in range(1, len(every) + 1):
        for chosen in combinations(every, count):
            symbols = {o.symbol for o in chosen}
            if len(symbols) < count:
                continue
            draft = drafting.draft({o.symbol: o.quantity for o in chosen})
            taxes = sum((o.tax for o in chosen), Decimal(0))
            is_paid = draft.cash - taxes >= drafting.reserve(draft.value)
            buys = any(o.quantity > 0 for o in chosen)
            if draft.funding.uncovered or (buys and not is_paid):
                continue
            fees = drafting.fees(drafting.trades(draft), draft.funding.exchanges)
            after = judge.after(draft.orders, draft.cash - taxes, fees + taxes)
            # The search charges an exchange for every purchase in another currency, needed or not.
            assert after.score <= bar + 0.0012


@_examples
@given(cases(), _chance)
def test_the_order_of_candidates_and_facts_does_not_matter(
    drawn: Case, chance: random.Random
) -> None:
    case = planning_case(drawn, chance, _THOROUGH)
    candidates, facts = list(case.account.candidates), list(case.securities)
    chance.shuffle(candidates)
    chance.shuffle(facts)
    shuffled = replace(
        case,
        account=replace(case.account, candidates=tuple(candidates)),
        securities=tuple(facts),
    )
    assert best_plan(shuffled).orders == best_plan(case).orders


@settings(max_examples=30, deadline=None)
@given(cases(costs=costs_of_a_day()), _chance, st.sampled_from([10, 100]))
def test_a_scaled_account_has_a_scaled_plan(
    drawn: Case, chance: random.Random, factor: int
) -> None:
    case = planning_case(drawn, chance, _THOROUGH)

    def larger(amount: Decimal) -> Decimal:
        return amount * factor

    account_ = replace(
        case.account,
        cash={c: larger(a) for c, a in case.account.cash.items()},
        reserve_floor=larger(case.account.reserve_floor),
        candidates=tuple(
            replace(c, quantity=larger(c.quantity), lot_size=larger(c.lot_size))
            for c in case.account.candidates
        ),
    )
    lots = tuple(
        replace(s, lots=tuple(replace(lot, quantity=larger(lot.quantity)) for lot in s.lots))
        for s in case.securities
    )
    costs = case.costs.model_copy(update={"fixed": larger(case.costs.fixed)})
    scaled = replace(case, account=account_, securities=lots, costs=costs)
    small, large = best_plan(case), best_plan(scaled)
    # Cents weigh more in the small account, so that a plan on the very edge may differ.
    assume(small.after is None or small.before is None or _is_clear(small))
    assert small.orders.keys() == large.orders.keys()
    for symbol, quantity in small.orders.items():
        # A lot may be worth a cent.
        assert float(large.orders[symbol]) == pytest.approx(float(larger(quantity)), rel=1e-3)


def _is_clear(best: BestPlan) -> bool:
    if best.searched is None or best.after is None or best.before is None:
        return True
    scores = best.searched.found.evaluation.score
    gains = best.searched.found.evaluation.improvement
    edge = abs(float(gains[0]) - _THOROUGH.minimum_improvement)
    return edge > 1e-4 and (len(scores) < 2 or float(scores[0] - scores[1]) > 1e-4)
