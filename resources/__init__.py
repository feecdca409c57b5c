"""Everything that touches the outside: store, lake, clock, market data, exchange rates, brokers."""
