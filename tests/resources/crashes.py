"""Processes that are killed at a chosen moment, as by a power cut."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

SPAWN = multiprocessing.get_context("spawn")


def die(*_arguments: object) -> None:
    """Kill this process; nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_call(number: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a function by one that dies when it is called for the n-th time, before it does anything."""
    calls = 0

    def dying(*arguments: object) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            die()
        return real(*arguments)

    return dying


def run_until_it_dies(target: Callable[..., None], *arguments: object) -> None:
    """Run a function in a process of its own, which must kill itself."""
    process = SPAWN.Process(target=target, args=arguments)
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
