"""Tables of the guards: how every account stands against its limits, and what the kill switch remembers."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns

# From the mildest to the strictest. Unknown comes last: nobody can say that it is not the worst.
GUARD_STATES = (
    "ok", "warn", "block_sells", "block_buys", "reduce_only", "act", "halt", "unknown",
)  # fmt: skip


class GuardStatus(dy.Schema):
    """How each account and each of its securities stands against the limits of each guard."""

    account_id = columns.key("Account")
    guard = columns.key("Which guard")
    subject = columns.key("`account`, or the security that the row is about")
    state = dy.Enum(
        list(GUARD_STATES),
        nullable=False,
        metadata={"description": "From ok to halt; unknown is treated as the worst"},
    )
    measured = columns.amount("What was measured, in `unit`; null when unknown", nullable=True)
    warning_limit = columns.amount("Limit at which it warns", nullable=True)
    acting_limit = columns.amount("Limit at which it stops or acts", nullable=True)
    unit = columns.text("Unit of the three figures")
    effect = columns.text("What may not happen now, in words")
    explanation = columns.text("What was found, and what a person should do")
    episode = columns.text(
        "Identity of what happens: the same as long as it lasts; null when all is well",
        nullable=True,
    )


class KillSwitchEvents(dy.Schema):
    """Every time that the kill switch was tripped or reset, in order; nothing is ever changed or removed."""

    sequence = columns.count("Order of the events", primary_key=True)
    event_id = columns.text("Derived from the episode, or from the run of a person's request")
    scope = columns.text("Account, or * for all of them")
    kind = dy.String(regex=r"^(latch|reset)$", metadata={"description": "latch or reset"})
    level = dy.String(
        regex=r"^(reduce_only|halt)$",
        nullable=True,
        metadata={"description": "How much a latch stops; null for a reset"},
    )
    session = columns.date("Session that was the newest then")
    reason = columns.text("Why")
    requested_by = columns.text("Guard or person")
    run_id = columns.text("Run in which it happened")
    restarts_peak = columns.flag("From this session on the drawdown is measured anew")
    recorded_at = columns.moment("When, UTC")
