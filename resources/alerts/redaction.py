"""Keep secrets out of everything that is written: rows, logs, messages, errors.

The secrets are known, because they are the addresses in the environment; so they are looked for by their text, whole
and in parts, instead of guessing what a secret looks like.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

HIDDEN = "***"
_SHORTEST_PART = 6
_SHORTEST_PASSWORD = 3
_DELIMITERS = re.compile(r"[\s:/?#\[\]@&=,;|]+")
# Words, host names and short numbers are no secrets; hiding them would make an error unreadable.
_HARMLESS = re.compile(r"[a-z]{1,20}|(?:[a-z0-9-]+\.)+[a-z]{2,}|[0-9.]{1,15}", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/@:\s]*:([^/@\s]+)@")
_CREDENTIALS = re.compile(r"(\w+://)[^/@\s]*:[^/@\s]*@")


@dataclass(frozen=True, repr=False)
class Redaction:
    """Replaces known secrets, and the credentials of any URL, by asterisks.

    Parameters
    ----------
    secrets : tuple of str
        Addresses as they stand in the environment.
    """

    secrets: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """Return a text without secrets."""
        parts = {part for secret in self.secrets for part in _parts(secret)}
        hidden = _CREDENTIALS.sub(rf"\1{HIDDEN}@", text)
        if not parts:
            return hidden
        # The longest first: a part must not be hidden inside a whole and leave the rest.
        pattern = "|".join(re.escape(part) for part in sorted(parts, key=len, reverse=True))
        return re.sub(pattern, HIDDEN, hidden, flags=re.IGNORECASE)

    @contextmanager
    def logs(self) -> Iterator[list[str]]:
        """Redact every log record that is made meanwhile, whoever makes it; yields the warnings of them.

        A handler or a filter would miss the loggers of libraries that a channel uses underneath.
        """
        warnings: list[str] = []
        make = logging.getLogRecordFactory()

        def make_redacted(*arguments: Any, **named: Any) -> logging.LogRecord:
            record = make(*arguments, **named)
            record.msg, record.args = self(_message(record)), ()
            if record.exc_info is not None and record.exc_info[1] is not None:
                record.exc_text = self("".join(traceback.format_exception(record.exc_info[1])))
                record.exc_info = None
            if record.levelno >= logging.WARNING:
                warnings.append(record.msg)
            return record

        logging.setLogRecordFactory(make_redacted)
        try:
            yield warnings
        finally:
            logging.setLogRecordFactory(make)


def redaction_of(secrets: Iterable[str | None]) -> Redaction:
    """Return the redaction of some secrets; what is not set is no secret."""
    return Redaction(tuple(sorted({secret for secret in secrets if secret})))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # Logging reports a wrong format by itself; the library that made it must not meet it here.
        return f"a record of {record.name} that cannot be formatted"


def _parts(secret: str) -> set[str]:
    """Return a secret and what it is made of, as written and as libraries decode it."""
    found = {secret, *_PASSWORD.findall(secret)}
    for spelling in (secret, unquote(secret)):
        found |= {
            part
            for part in _DELIMITERS.split(spelling)
            if len(part) >= _SHORTEST_PART and not _HARMLESS.fullmatch(part)
        }
    found |= {unquote(part) for part in found}
    return {part for part in found if len(part) >= _SHORTEST_PASSWORD}
