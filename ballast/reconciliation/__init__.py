"""Do the books agree with the broker?

Invariants: the compared keys are the union of both sides; a broker that could not be asked is unavailable, never flat;
one account's data never changes another's result; severity never falls as a difference grows; row order is irrelevant.
"""
