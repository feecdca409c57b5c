"""What happens in a drill, by a seed: faults of the broker, orders, withdrawals, and when the process dies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from random import Random

from resources.brokers.faults import Fault, FaultKind

# Faults that strike orders on their way; those of the reports are for the reconciliation to find.
_KINDS: tuple[FaultKind, ...] = (
    "order_request_lost", "order_answer_lost", "order_rejected", "order_partial", "order_cut",
    "order_delayed", "repeated_fill", "session_expired", "rate_limited",
)  # fmt: skip
_PER_SESSION = 5
# Of what an order may take of a holding, or of cash.
_PARTS = tuple(Decimal(part) for part in ("0.02", "0.05", "0.10", "0.25"))


@dataclass(frozen=True)
class Wish:
    """An order that somebody wants: a part of a holding, of cash, or of a currency."""

    number: int
    account_id: str
    side: str
    part: Decimal
    choice: int


@dataclass(frozen=True)
class Drill:
    """One run of the drill.

    Parameters
    ----------
    wishes : tuple of Wish
        Orders through the gate.
    withdrawals : tuple of (str, Decimal)
        Accounts from which more than the cash is taken, as a share of the largest balance; the repair follows.
    dies_at : int, optional
        Step of the store or the broker at which the process is killed.
    has_rival : bool
        Another process does the same at the same time.
    """

    number: int
    session: date
    wishes: tuple[Wish, ...]
    withdrawals: tuple[tuple[str, Decimal], ...]
    dies_at: int | None
    has_rival: bool = False


def faults_of(seed: int, accounts: Sequence[str], sessions: Sequence[date]) -> list[Fault]:
    """Return the faults of a chain of drills; each strikes one order, or the connection, of its session."""
    random = Random(f"faults {seed}")
    faults = []
    for session, following in pairwise(sessions):
        for account in accounts:
            for number in range(_PER_SESSION):
                kind = random.choice(_KINDS)
                faults.append(
                    Fault(
                        f"{account}-{session}-{number}-{kind}",
                        account,
                        session,
                        kind,
                        factor=_factor(random, kind),
                        until=following if kind in {"order_partial", "order_delayed"} else None,
                        quantity=Decimal(random.randint(1, 3)) if kind == "rate_limited" else None,
                    )
                )
    return faults


def drills_of(
    seed: int, accounts: Sequence[str], sessions: Sequence[date], runs: int
) -> list[Drill]:
    """Return a chain of runs over some sessions, in order; about half of them are killed."""
    random = Random(f"drills {seed}")
    drills = []
    for number in range(runs):
        session = sessions[number * len(sessions) // runs]
        wishes = tuple(
            Wish(
                1000 * number + count,
                random.choice(accounts),
                random.choice(("buy", "sell", "exchange")),
                random.choice(_PARTS),
                random.randrange(1000),
            )
            for count in range(random.randint(1, 4))
        )
        withdrawals: tuple[tuple[str, Decimal], ...] = ()
        if random.random() < 0.25:
            withdrawals = ((random.choice(accounts), Decimal(random.randint(101, 140)) / 100),)
        dies_at = random.randint(1, 60) if random.random() < 0.5 else None
        has_rival = random.random() < 0.15
        drills.append(Drill(number, session, wishes, withdrawals, dies_at, has_rival))
    return drills


def _factor(random: Random, kind: FaultKind) -> Decimal | None:
    if kind not in {"order_partial", "order_cut"}:
        return None
    return Decimal(random.randint(1, 9)) / 10
