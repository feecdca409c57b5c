"""A broker whose errors tell no secret: what a broker could not do is stored with its account or its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from ballast.errors import BallastError
from resources.brokers.protocol import Broker
from resources.redaction import Redaction


def discreet(broker: Broker, redact: Redaction) -> Broker:
    """Return a broker that answers as the given one, and whose errors are redacted.

    An adapter repeats what its library says, and that may be the address it called, with its token.
    """
    return cast(Broker, _DiscreetBroker(broker, redact))


@dataclass(frozen=True)
class _DiscreetBroker:
    broker: Broker
    redact: Redaction

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.broker, name)
        return self._discreetly(found) if callable(found) else found

    def _discreetly(self, question: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(question)
        def ask(*arguments: Any, **named: Any) -> Any:
            try:
                return question(*arguments, **named)
            except BallastError as error:
                error.what = self.redact(error.what)
                error.where = self.redact(error.where)
                error.remedy = self.redact(error.remedy)
                error.args = tuple(self.redact(str(argument)) for argument in error.args)
                raise

        return ask
