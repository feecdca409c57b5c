"""Why the repair of negative cash ends.

Within one run, take the pair of natural numbers (L, E) of a situation, ordered lexicographically:

- L: the whole lots held of what may be sold, so neither closed nor refused;
- E: how often the ordered pairs of currencies may still be exchanged, `MOST_USES_OF_A_PAIR` each since the last sale,
  those that are closed or refused left out.

Every round that acts makes it strictly smaller by the time of the next one that acts. A round never acts while an
action of the one before is under way (`is_repair_in_flight`), so all of them have ended by then:

- a sale of which at least a lot was filled takes it from L; one that brought no lot is refused, and takes all lots of
  its symbol. E starts anew, which does not matter behind a smaller L;
- an exchange that was filled at least in part is one use less in E; one that was not is refused, and takes all uses of
  its pair. It leaves L alone.

The order is well-founded, so only finitely many rounds act: at most L sales, and at most E exchanges before, between
and after them. A round that waits changes nothing and ends the run. Nothing else may add to what is held, and what is
closed or refused stays so during the run.

The shortfall, in the base currency at the rates of the decision, never rises by an action: an exchange takes only what
a currency has above its minimum, so one that is covered is not made short, and a sale brings more than its fee. One
condition is the broker's alone: a sale whose *partial fill* is worth less than its fixed fee costs the difference. Such
a fill is at least a lot, so it happens at most once a lot, and the next round makes up for it.
"""

from __future__ import annotations

from ballast.money import floor_to_multiple
from ballast.trading.situation import MOST_USES_OF_A_PAIR, Situation


def variant(situation: Situation) -> tuple[int, int]:
    """Return the lots that may be sold and the exchanges that may be made; it falls with every round that acts."""
    out = situation.closed_symbols | situation.refused
    lots = sum(
        int(floor_to_multiple(s.quantity, s.lot_size) / s.lot_size)
        for s in situation.sellable
        if s.symbol not in out
    )
    used = situation.used_pairs
    exchanges = sum(
        max(0, MOST_USES_OF_A_PAIR - used.count(pair)) for pair in _pairs(situation) - out
    )
    return lots, exchanges


def most_rounds(situation: Situation) -> int:
    """Return a number of acting rounds that no run exceeds."""
    lots, _ = variant(situation)
    every = len(_pairs(situation)) * MOST_USES_OF_A_PAIR
    return lots + (lots + 1) * every


def _pairs(situation: Situation) -> frozenset[str]:
    """Return the ordered pairs of currencies that an exchange of this account could name."""
    if situation.offered_pairs is not None:
        names = {(pair.base, pair.quote) for pair in situation.offered_pairs}
        return frozenset(
            f"{a}/{b}" for one, other in names for a, b in ((one, other), (other, one))
        )
    currencies = {*situation.balances, *situation.arriving, *situation.minimums}
    currencies |= {s.currency for s in situation.sellable}
    return frozenset(f"{a}/{b}" for a in currencies for b in currencies if a != b)
