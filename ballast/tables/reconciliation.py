"""Tables of the reconciliation: book against broker, why they differ, and what would make them agree."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns
from ballast.tables.books import Postings


class Comparison(dy.Schema):
    """Book against broker, one row per compared key and field, differences and agreements alike."""

    account_id = columns.key("Account")
    item = columns.key("Security symbol, currency code, or 'account' for account-level rows")
    field = columns.key(
        "quantity, average_cost, cost_basis, currency, lots, cash, equity or availability"
    )
    outcome = columns.text("matched, one of the discrepancy types, inconclusive or unavailable")
    severity = columns.text("none, info, warning or critical")
    local_value = columns.amount("What the books say", nullable=True)
    broker_value = columns.amount("What the broker says", nullable=True)
    difference = columns.amount("broker − local", nullable=True)
    tolerance = columns.amount("Largest difference that still counts as equal", nullable=True)
    explanation = columns.text("What a person should know or do")


class Reconciliation(Comparison):
    """The comparison with the cause of each difference, its evidence, its age, and the proposal that would end it."""

    cause = columns.text("none, a typed cause, or unexplained")
    evidence = columns.text("References of the evidence, separated by commas", nullable=True)
    explained = columns.amount("Part of the difference that evidence accounts for", nullable=True)
    unexplained = columns.amount("difference − explained", nullable=True)
    proposals = columns.text("Proposals that would end it, separated by commas", nullable=True)
    discrepancy_id = columns.text("Identity of the difference over sessions", nullable=True)
    first_seen = columns.date("Session in which it was seen first", nullable=True)
    sessions_open = columns.count("Sessions for which it has been open; 0 when nothing differs")


class ExplainedLines(dy.Schema):
    """What a difference of a quantity or a cash balance is made of; the lines add up to it exactly."""

    account_id = columns.key("Account")
    item = columns.key("Security symbol or currency code")
    number = columns.count("Number of the line within its item", primary_key=True)
    cause = columns.text("Typed cause, or unexplained")
    amount = columns.amount("Part of broker − local that it accounts for")
    evidence = columns.text(
        "Reference of the evidence; null for what is unexplained", nullable=True
    )
    source = columns.text("broker, books, orders, corporate_actions, calendar, prices or none")
    description = columns.text("What it is, in words")


class Proposals(dy.Schema):
    """Corrections that would make the books agree; nothing is booked before somebody accepts it."""

    proposal_id = columns.key("Derived from the facts, so that a second run proposes the same")
    account_id = columns.text("Account")
    cause = columns.text("Typed cause, or unexplained")
    description = columns.text("What would be booked and why")
    evidence = columns.text("References of the evidence", nullable=True)
    postings = columns.count("Number of postings")
    accepts_itself = columns.flag("Small enough to be accepted as rounding")
    status = columns.text("proposed, accepted, reversed or withdrawn")


class ProposedPostings(Postings):
    """The postings of each proposal."""

    proposal_id = columns.text("Proposal that they belong to")


class Decisions(dy.Schema):
    """Every proposal and what became of it."""

    proposal_id = columns.key("Proposal")
    account_id = columns.text("Account")
    session = columns.date("Session in which it was proposed first")
    cause = columns.text("Typed cause, or unexplained")
    description = columns.text("What it books and why")
    evidence = columns.text("References of the evidence", nullable=True)
    accepts_itself = columns.flag("Small enough to be accepted as rounding")
    status = columns.text("proposed, accepted, reversed or withdrawn")
    decided_by = columns.text("Who decided", nullable=True)
    reason = columns.text("Why", nullable=True)
