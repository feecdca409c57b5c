"""Benchmarks: the product beside its peers, in one process, as ratios."""
