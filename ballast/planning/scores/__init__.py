"""Scores: how good a security looks, and what an account should think of its position, from 0 to 1.

Invariants: a metric that is not known is null and is named, and counts as 0.5 in every total; a score uses only what
was known on its session; it depends neither on the order of rows nor on the unit of the price.

docs/scores.md has all formulas and says where they come from.
"""
