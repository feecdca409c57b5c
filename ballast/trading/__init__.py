"""What trading costs, how currencies are exchanged, what an order may become, and how negative cash is repaired."""
