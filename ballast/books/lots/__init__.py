"""Tax lots: which units were bought when and for how much, and which of them each sale used up.

Invariants: what was consumed and what remains add up to what was acquired; slices of a basis, of a fee and of proceeds
add up exactly; a split moves no basis; an unknown basis stays unknown and is never zero.
"""
