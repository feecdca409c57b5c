"""From target weights to the trades that reach them.

Invariants: cash after every step stays at or above zero in every currency, and after the plan at or above the reserve,
fees included; nothing is sold that is not held; no step comes before its funding; at target the plan is empty.
"""
