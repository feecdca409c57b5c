"""The fire drill: orders and repairs on a copy of the portfolio, while the broker fails and the process is killed."""
