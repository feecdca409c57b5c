"""What is owned, as pure functions of postings.

Invariants: a posting is never changed; the same broker event always becomes the same postings, so importing it again
changes nothing; a position, like a cash balance, is the sum of its postings up to a moment.
"""
