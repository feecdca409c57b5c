"""Every error a person may meet: what was wrong, where, and what to do about it."""

from __future__ import annotations


class BallastError(Exception):
    """Base of all errors that Ballast raises on purpose.

    Parameters
    ----------
    what : str
        The fault in one sentence.
    where : str
        The file, table, key or account concerned.
    remedy : str
        The next thing a person should do.
    """

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(f"{what} [{where}] {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy


class ConfigurationError(BallastError):
    """The portfolio file is refused as a whole."""


class MissingRateError(BallastError):
    """No exchange rate is known for a pair as of the session; a rate is never assumed to be one."""


class MissingPriceError(BallastError):
    """A security has no usable price as of the session."""


class MarketDataError(BallastError):
    """A market data source failed or returned something that cannot be trusted."""


class HistoryTooShortError(BallastError):
    """A measure needs more observations than are known as of the session."""


class BrokerUnavailableError(BallastError):
    """The broker could not be asked; this never means that the account is flat."""


class OrderRefusedError(BallastError):
    """The broker refused an order; nothing was booked."""


class NotPublishedError(BallastError):
    """A table is read that nothing has published for this session."""


class InvalidTableError(BallastError):
    """A frame breaks its schema where no row may be dropped."""


class StoreError(BallastError):
    """The store cannot be used as configured."""


class BackupError(BallastError):
    """A backup is not whole, or there is no room to restore it into; nothing that exists was changed."""


class ProposalRefusedError(BallastError):
    """A proposal of the reconciliation cannot be accepted or reversed; nothing was booked."""
