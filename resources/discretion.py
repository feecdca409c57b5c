"""Keep secrets out of what a process says: its log records, its last words and what it prints."""

from __future__ import annotations

import io
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import TracebackType
from typing import Any, TextIO

from resources.redaction import Redaction

_make_plain = logging.getLogRecordFactory()
_exit_plainly = sys.excepthook
_end_thread_plainly = threading.excepthook


def guard_process(redact: Redaction) -> None:
    """Redact every log record and the traceback of every crash from now on, whoever makes it.

    A handler or a filter would miss the loggers of libraries, and those that are configured later.
    """
    logging.setLogRecordFactory(_redacting(_make_plain, redact))

    def exit_discreetly(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if (text := _redacted_traceback(error, redact)) is None:
            _exit_plainly(kind, error, trace)
        else:
            sys.stderr.write(text)

    def end_thread_discreetly(end: threading.ExceptHookArgs) -> None:
        error = end.exc_value
        if error is None or (text := _redacted_traceback(error, redact)) is None:
            _end_thread_plainly(end)
        else:
            sys.stderr.write(text)

    sys.excepthook = exit_discreetly
    threading.excepthook = end_thread_discreetly


def guard_output(redact: Redaction) -> None:
    """Redact what this process prints from now on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _DiscreetStream):
            setattr(sys, name, _DiscreetStream(stream, redact))


@contextmanager
def discreet_logs(redact: Redaction) -> Iterator[list[str]]:
    """Redact every log record that is made meanwhile; yields the warnings among them."""
    warnings: list[str] = []
    make = logging.getLogRecordFactory()
    logging.setLogRecordFactory(_redacting(make, redact, warnings))
    try:
        yield warnings
    finally:
        logging.setLogRecordFactory(make)


@contextmanager
def discreet_output(redact: Redaction) -> Iterator[None]:
    """Redact what is printed meanwhile."""
    out, err = _DiscreetStream(sys.stdout, redact), _DiscreetStream(sys.stderr, redact)
    with redirect_stdout(out), redirect_stderr(err):
        yield


class _DiscreetStream(io.TextIOBase):
    """A text stream in front of another one. It has no `buffer`, which would be a way around it."""

    def __init__(self, stream: TextIO, redact: Redaction) -> None:
        super().__init__()
        self._stream = stream
        self._redact = redact

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def write(self, text: str) -> int:
        self._stream.write(self._redact(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True


def _redacting(
    make: Callable[..., logging.LogRecord], redact: Redaction, warnings: list[str] | None = None
) -> Callable[..., logging.LogRecord]:
    def make_redacted(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        message = _message(record)
        if message is None or redact.finds(message):
            record.msg = redact(message or f"a record of {record.name} that cannot be formatted")
            record.args = ()
        if warnings is not None and record.levelno >= logging.WARNING:
            warnings.append(record.getMessage())
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and (text := _redacted_traceback(error, redact)) is not None:
            # Into the message, because Dagster hands on only that and the exception itself.
            record.msg, record.args = f"{record.getMessage()}\n{text.rstrip()}", ()
            record.exc_info = None
        return record

    return make_redacted


def _message(record: logging.LogRecord) -> str | None:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Logging reports a wrong format by itself, with its arguments; the library that made it must not meet it here.
        return None


def _redacted_traceback(error: BaseException, redact: Redaction) -> str | None:
    """Return the traceback of an error with its causes, or None when there is no secret in it."""
    text = "".join(traceback.format_exception(error))
    return redact(text) if redact.finds(text) else None
