"""Where the time of a run goes: exclusive milliseconds per kind of work, by wrapping functions of the product.

`python -m benchmarks.stopwatch` names the wrapped functions that are gone; with one of them nothing is measured.
"""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

from benchmarks.kinds_of_work import WORK


class Stopwatch:
    """Milliseconds per kind of work since it was set to zero."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        # Time of callees, which is not their caller's.
        self._inner = [0.0]

    def zero(self) -> None:
        """Forget what was spent."""
        self.spent = dict.fromkeys(WORK, 0.0)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Wrap the product's functions while it is open."""
        self.zero()
        with ExitStack() as stack:
            for label, places in WORK.items():
                for place in places:
                    holder, name = _found(place)
                    work = self._timing(getattr(holder, name), label)
                    stack.enter_context(patch.object(holder, name, work))
            yield

    @contextmanager
    def _counting(self, label: str) -> Iterator[None]:
        started = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            taken = (time.perf_counter() - started) * 1e3
            self.spent[label] += taken - self._inner.pop()
            self._inner[-1] += taken

    def _timing(self, work: Callable[..., Any], label: str) -> Callable[..., Any]:
        @functools.wraps(work)
        def timing(*arguments: Any, **options: Any) -> Any:
            with self._counting(label):
                return work(*arguments, **options)

        @functools.wraps(work)
        @contextmanager
        def timing_block(*arguments: Any, **options: Any) -> Iterator[Any]:
            with self._counting(label), work(*arguments, **options) as given:
                yield given

        is_block = inspect.isgeneratorfunction(inspect.unwrap(work))
        return timing_block if is_block else timing


def missing() -> list[str]:
    """Return the named functions that are gone."""
    return [place for places in WORK.values() for place in places if not _exists(place)]


def _exists(place: str) -> bool:
    try:
        _found(place)
    except (AttributeError, ImportError):
        return False
    return True


def _found(place: str) -> tuple[object, str]:
    """Return what holds a function, and its name in there."""
    module, _, path = place.partition(":")
    *parents, name = path.split(".")
    holder: object = import_module(module)
    for parent in parents:
        holder = getattr(holder, parent)
    getattr(holder, name)
    return holder, name


if __name__ == "__main__":
    sys.exit("\n".join(f"gone: {place}" for place in missing()) or None)
