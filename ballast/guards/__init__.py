"""Guards: limits that warn, stop orders, close positions, and trip the kill switch.

Invariants: a worse input never loosens a guard (G1). An unknown input never loosens a guard (G2): it stops what the
worst known input would stop; only what goes beyond that, closing positions and tripping the switch, needs a known
figure. The kill switch stays tripped until a person resets it with a reason (G3). Every guard is a function of frames
as of a session; what it says of a past session depends on nothing later.
"""
