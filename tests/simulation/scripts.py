"""A month of faults, drawn by dice: every kind many times, and days and accounts without any."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import date

from resources.brokers.faults import EVENT_FAULTS
from tests.resources.brokers.faulty import OPTION, fault
from tests.simulation.recipes import RECIPES
from tests.simulation.staging import Planned, Stage
from tests.simulation.world import Account, World

_OPTIONS_HELD = 20
# Each eighth account has no faults at all, nor has any on the first day.
_CLEAN_ACCOUNT = 7
_CHANCE = 0.5
_CHANCE_OF_A_SECOND = 0.2


def script(world: World, seed: int) -> list[Planned]:
    """Draw the faults of a month; the kinds that came least often so far come first."""
    dice = random.Random(seed)
    counts: Counter[str] = Counter()
    stages = {account.account_id: account.has_option for account in world.accounts}
    lasting: dict[str, list[Planned]] = {account.account_id: [] for account in world.accounts}
    planned = [
        _option(account, world.sessions[0]) for account in world.accounts if account.has_option
    ]
    for session in world.sessions[1:]:
        for number, account in enumerate(world.accounts):
            if number % 8 == _CLEAN_ACCOUNT or dice.random() > _CHANCE:
                continue
            lasts = [each for each in lasting[account.account_id] if each.claims_on(session)]
            taken = {item for each in lasts for item in each.claims}
            sealed: set[str] = set()
            for _ in range(2 if dice.random() < _CHANCE_OF_A_SECOND else 1):
                stage = Stage(
                    account,
                    session,
                    dice,
                    world.sessions,
                    stages[account.account_id],
                    taken,
                    sealed,
                )
                found = _draw(stage, counts)
                if found is None or found.fault.fault_id in {p.fault.fault_id for p in planned}:
                    break
                counts[found.name] += 1
                planned.append(found)
                taken = taken | found.claims
                sealed = sealed | (found.items if found.is_inferred else set())
                if found.lasts:
                    lasting[account.account_id].append(found)
                if found.fault.kind in EVENT_FAULTS:
                    account.moved |= found.claims
                if found.fault.kind == "expiry":
                    stages[account.account_id] = False
                if found.fault.kind == "unreachable":
                    break
    return planned


def _draw(stage: Stage, counts: Mapping[str, int]) -> Planned | None:
    names = sorted(RECIPES, key=lambda name: (counts[name], stage.dice.random()))
    for name in names:
        found = RECIPES[name](stage)
        if found is not None and not _is_disturbed(found, stage):
            return found
    return None


def _is_disturbed(found: Planned, stage: Stage) -> bool:
    """Whether another fault of the day makes it undecidable: two that are told of may share a currency, no more."""
    shared = found.items & stage.is_taken
    is_alone = found.lasts or found.is_inferred or bool(shared & stage.is_sealed)
    return bool(shared) and (is_alone or not shared <= {"EUR", "USD"})


def _option(account: Account, session: date) -> Planned:
    """An option that comes in like anything else: bought or sold before the month."""
    units = _OPTIONS_HELD if account.method in {"fifo", "lifo"} else -_OPTIONS_HELD
    made = fault(
        "transfer", session, account.account_id, fault_id=f"option-{account.account_id}",
        symbol=OPTION, quantity=units, amount="900", currency="USD", told="everywhere",
    )  # fmt: skip
    return Planned(made, "", frozenset(), frozenset())
