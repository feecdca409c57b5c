"""The process that carries out the runs of a drill, and is started again whenever one has killed it."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from ballast.configuration import Portfolio
from ballast.errors import ConfigurationError
from pipelines.drill.rehearsal import Findings, rehearse
from pipelines.drill.script import Drill

# A new interpreter, because the threads of the libraries do not survive a fork.
_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 300
Task = tuple[Portfolio, Path, Drill, int | None]


class Worker:
    """One process at a time; leaving the context ends it."""

    def __enter__(self) -> Worker:
        """Start the first process."""
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._pipe.send(None)
        self._process.join(10)
        self._process.kill()

    def run(
        self, portfolio: Portfolio, folder: Path, each: Drill, dies_at: int | None
    ) -> Findings | None:
        """Return what a run found; None if it was killed, and then another process stands ready."""
        self.begin(portfolio, folder, each, dies_at)
        return self.finish(each)

    def begin(self, portfolio: Portfolio, folder: Path, each: Drill, dies_at: int | None) -> None:
        """Let the process begin with a run."""
        self._pipe.send((portfolio, folder, each, dies_at))

    def finish(self, each: Drill) -> Findings | None:
        """Wait for what the run has found; None if it was killed.

        Raises
        ------
        ConfigurationError
            If the process failed otherwise, which is a defect.
        """
        told: Findings | str | None = None
        with suppress(EOFError, ConnectionResetError):
            told = self._pipe.recv() if self._pipe.poll(_PATIENCE_SECONDS) else "no answer in time"
        if isinstance(told, Findings):
            return told
        self._process.join(10)
        was_killed = self._process.exitcode == -signal.SIGKILL
        if told is None and was_killed:
            self._start()
            return None
        raise ConfigurationError(
            f"run {each.number} of the drill failed: {told}",
            where="drill",
            remedy="This is a defect; run it again with the same seed.",
        )

    def _start(self) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()


def _work(pipe: Connection) -> None:
    while (task := pipe.recv()) is not None:
        try:
            pipe.send(rehearse(*task))
        except Exception as error:  # noqa: BLE001
            pipe.send("".join(traceback.format_exception(error)))
