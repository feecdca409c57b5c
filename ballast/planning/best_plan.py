"""The best plan of one account: every set of opportunities is looked at, the best is made exact and can be paid.

Opportunities that a rule stops are left out and named. Of the others at most so many of a category are considered. All
sets of up to `depth` trades are enumerated, larger ones searched by branch and bound. The best set becomes orders in
whole lots, exact to the cent, with the exchanges that they need; what it leads to is judged by the same score as what
is there now. If that rises by too little, nothing is done. What would be planned next if the plan were carried out is
added at once, so that planning again finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ballast.money import ZERO
from ballast.planning.account import Account
from ballast.planning.case import PlanningCase
from ballast.planning.draft import Trade
from ballast.planning.fitting import fitted
from ballast.planning.opportunities import Opportunity, follows_targets, opportunities
from ballast.planning.plan import AccountPlan, plan_of, plan_with, unplannable
from ballast.planning.search import ProblemError
from ballast.planning.searching import Searched, orders_of, search_sets
from ballast.planning.standing import Judge, Standing

# Each round spends what the one before it has left over; one or two are ever needed.
_MOST_ROUNDS = 5
# What differs by less is equally good: the set that the search ranks first stays.
_RESOLUTION = 1e-9
# Cents and whole lots, as a share of the account.
_ROUNDING = 1e-4
_RESTS = "it is part of the plan already"


@dataclass(frozen=True)
class BestPlan:
    """A plan with everything that explains it.

    Parameters
    ----------
    opportunities : tuple of Opportunity
        All of them, those that are stopped too.
    chosen : mapping of str to Opportunity
        What the plan makes use of, by symbol.
    taxes : Decimal
        Set aside for the gains of its sales, in base currency.
    before, after : Standing or None
        None where the account is worth nothing, or cannot be planned.
    searched : Searched or None
        None where nothing was searched.
    """

    case: PlanningCase
    plan: AccountPlan
    opportunities: tuple[Opportunity, ...] = ()
    chosen: Mapping[str, Opportunity] = field(default_factory=dict)
    taxes: Decimal = ZERO
    before: Standing | None = None
    after: Standing | None = None
    searched: Searched | None = None

    @property
    def is_proved(self) -> bool:
        """Whether no set of the trades that were considered can be better than the plan."""
        if self.searched is None or self.before is None or self.after is None:
            return False
        found, gain = self.searched.found, self.after.score - self.before.score
        allowed = _ROUNDING if self.orders else self.case.planner.minimum_improvement
        return found.proved and gain >= float(found.evaluation.improvement[0]) - allowed

    @property
    def orders(self) -> dict[str, Decimal]:
        """Signed quantities of the plan's trades by symbol."""
        trades = (*self.plan.sales, *self.plan.purchases)
        return {trade.candidate.symbol: trade.quantity for trade in trades}

    def tax(self, trade: Trade) -> Decimal:
        """Return the tax on the gain of a trade in base currency."""
        return self.case.tax(trade.candidate, trade.quantity)


def best_plan(case: PlanningCase) -> BestPlan:
    """Plan one account.

    Returns
    -------
    BestPlan
        The same for the same case, bit for bit, in any process.

    Raises
    ------
    MissingRateError
        If a currency in use has no exchange rate.
    """
    outcome = unplannable(case.account)
    if outcome is not None:
        return BestPlan(case, outcome)
    every = tuple(opportunities(case))
    try:
        judge = Judge.of(case)
    except ProblemError:
        drafting = case.drafting
        reason = "the account is worth nothing"
        return BestPlan(case, plan_of(drafting, drafting.draft({}), otherwise=reason), every)
    if case.planner.objective == "targets":
        drafting = replace(case.drafting, account=permitted(case))
        plan = plan_with(drafting, maximum_trades=case.planner.maximum_trades)
        return _judged(BestPlan(case, plan, every), judge)
    return _by_score(case, every, judge)


def permitted(case: PlanningCase) -> Account:
    """Return the account with what may not be bought or sold now forbidden."""
    candidates = tuple(
        replace(
            candidate,
            allow_buy=candidate.allow_buy
            and facts.no_purchase is None
            and not (case.single_position and candidate.quantity != ZERO),
            allow_sell=candidate.allow_sell
            and facts.no_sale is None
            and not (case.single_position and candidate.target != ZERO),
        )
        for candidate in case.account.candidates
        for facts in (case.facts[candidate.symbol],)
    )
    return replace(case.account, candidates=candidates)


def _by_score(case: PlanningCase, every: tuple[Opportunity, ...], judge: Judge) -> BestPlan:
    searched, drafting = search_sets(case, every), case.drafting
    plan = plan_of(drafting, drafting.draft({}), otherwise=_nothing_better(every, searched))
    nothing = _judged(BestPlan(case, plan, every, searched=searched), judge)
    best = _best_of(nothing, searched, {}, judge)
    return nothing if best is None else _completed(best, judge)


def _best_of(
    present: BestPlan, searched: Searched, orders: Mapping[str, Decimal], judge: Judge
) -> BestPlan | None:
    """Return the best exact plan that some sets lead to when they are added to orders; None if none is good enough.

    The search is a little pessimistic about costs, so that a set which it ranks below what is reached exactly is not
    looked at any more.
    """
    best: BestPlan | None = None
    planner, before = present.case.planner, _score(present)
    for chosen, gain in searched.ranked(planner.minimum_improvement):
        if best is not None and gain <= _score(best) - before:
            break
        merged = _merged(orders, orders_of(chosen))
        if merged is None or len(merged) > planner.maximum_trades:
            continue
        found = _planned(present, merged, judge)
        if found is None or _score(found) - before < planner.minimum_improvement:
            continue
        if best is None or _score(found) > _score(best) + _RESOLUTION:
            best = found
    return best


def _completed(best: BestPlan, judge: Judge) -> BestPlan:
    """Add what would be planned next if the plan were carried out: parts that the cash left over pays for."""
    for _ in range(_MOST_ROUNDS):
        later = _after(best)
        every = tuple(opportunities(later))
        known = replace(best, opportunities=(*best.opportunities, *_new(best, every)))
        further = _best_of(known, search_sets(later, every), best.orders, judge)
        if further is None:
            break
        best = further
    return best


def _new(best: BestPlan, later: Sequence[Opportunity]) -> list[Opportunity]:
    """Return the later opportunities of securities and sides that there was none of before."""
    known = {(o.symbol, o.side) for o in best.opportunities}
    return [o for o in later if (o.symbol, o.side) not in known and o.stopped_by is None]


def _score(best: BestPlan) -> float:
    return 0.0 if best.after is None else best.after.score


def _after(best: BestPlan) -> PlanningCase:
    """Return the case as the plan leaves it; what it sets aside for taxes is owed.

    Without targets what was just traded rests, as it will: each session has one helping of a security.
    """
    case, orders = best.case, best.orders
    cash = dict(case.drafting.draft(orders).funding.balances)
    candidates = tuple(
        replace(c, quantity=c.quantity + orders.get(c.symbol, ZERO))
        for c in case.account.candidates
    )
    account = replace(
        case.account, cash=cash, candidates=candidates, owed=case.account.owed + best.taxes
    )
    if follows_targets(case):
        return replace(case, account=account)
    resting = tuple(
        replace(facts, no_purchase=_RESTS, no_sale=_RESTS) if facts.symbol in orders else facts
        for facts in case.facts.values()
    )
    return replace(case, account=account, securities=resting)


def _merged(
    orders: Mapping[str, Decimal], further: Mapping[str, Decimal]
) -> dict[str, Decimal] | None:
    """Add orders; None if one of them would undo another."""
    if any(orders.get(symbol, ZERO) * quantity < ZERO for symbol, quantity in further.items()):
        return None
    return {s: orders.get(s, ZERO) + further.get(s, ZERO) for s in {**orders, **further}}


def _planned(present: BestPlan, orders: Mapping[str, Decimal], judge: Judge) -> BestPlan | None:
    """Return the exact plan of some orders; None if nothing of them can be paid."""
    urgent = {o.symbol: o.priority for o in present.opportunities if o.quantity > ZERO}
    purchases = [symbol for symbol, quantity in orders.items() if quantity > ZERO]
    drafting = present.case.drafting
    draft = fitted(
        drafting,
        orders,
        gives_way=sorted(purchases, key=lambda symbol: (urgent.get(symbol, 0.0), symbol)),
    )
    if draft is None:
        return None
    return _judged(replace(present, plan=plan_of(drafting, draft, otherwise="")), judge)


def _judged(best: BestPlan, judge: Judge) -> BestPlan:
    """Add what the plan makes use of, the tax that it sets aside, and what it is worth."""
    plan = best.plan
    trades = (*plan.sales, *plan.purchases)
    used = {trade.candidate.symbol: _made_use_of(best.opportunities, trade) for trade in trades}
    chosen = {symbol: found for symbol, found in used.items() if found is not None}
    taxes = sum((best.tax(trade) for trade in trades), ZERO)
    cash, fees = plan.cash_after or ZERO, plan.fees or ZERO
    full = replace(best, chosen=chosen, taxes=taxes, before=judge.now())
    return replace(full, after=judge.after(full.orders, cash - taxes, fees + taxes))


def _made_use_of(every: Sequence[Opportunity], trade: Trade) -> Opportunity | None:
    """Return the opportunity of a trade's security and side that is closest to it in size."""
    own = [
        o
        for o in every
        if o.symbol == trade.candidate.symbol and o.quantity * trade.quantity > ZERO
    ]
    return min(own, key=lambda o: (abs(o.quantity - trade.quantity), o.is_part), default=None)


def _nothing_better(every: Sequence[Opportunity], searched: Searched) -> str:
    stopped = sum(1 for o in every if o.stopped_by is not None)
    if searched.trades:
        return "no set of trades that can be paid raises the score by enough to be worth it"
    if stopped:
        return (
            "the only opportunity is stopped by a rule"
            if stopped == 1
            else f"all {stopped} opportunities are stopped by rules"
        )
    return "no weight is far enough from its target, and no rule asks for a trade"
