"""What is known of the market as of a session: bars, quality, prices, exchange rates, regime.

Invariant: nothing here looks at a row that was not known at the end of the session asked for.
"""
