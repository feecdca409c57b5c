"""Which share of an account each security should have: an optimiser with bounds, groups, and reasons.

Invariants: weights add up to the investable share, as far as bounds allow it, and lie within their bounds, or on the
way from what is held to them; what is unknown is left out with its reason, and what is held of it stays; every fallback
is recorded in the order in which it was tried; the order of the rows of the inputs does not matter, and the same inputs
give the same weights.
"""
