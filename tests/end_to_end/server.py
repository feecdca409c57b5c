"""The UI as a person starts it with `ballast dev`, on a copy of the demonstration in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

PROJECT = Path(__file__).parents[2]
_COPIED = ("portfolio.toml", "workspace.yaml")
_NOT_INHERITED = ("DAGSTER_HOME", "BALLAST_STORE_URL")
# A shell starts background jobs with SIGINT ignored, and then `dagster dev` cannot be stopped.
_LISTENING_TO_SIGINT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
_START_SECONDS = 180
_RUN_SECONDS = 600
_STOP_SECONDS = 30
_POLL_SECONDS = 0.25

T = TypeVar("T")


def wait_for(
    probe: Callable[[], T | None], what: Callable[[], str] | str, seconds: float = 60
) -> T:
    """Ask until there is an answer; what was waited for is told when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer is not None:
            return answer
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            raise TimeoutError(f"after {seconds} s: {text}")
        time.sleep(_POLL_SECONDS)


@dataclass(frozen=True)
class Ui:
    """A running UI."""

    url: str
    log: Path

    def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """Answer a GraphQL document; errors fail the test."""
        answer = httpx.post(
            f"{self.url}/graphql", json={"query": document, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str, session: str) -> str:
        """Ask for a run of a session, as the launch button does; returns its id."""
        result = self.query(_LAUNCH, job=job, session=session)["launchRun"]
        assert result["__typename"] == "LaunchRunSuccess", result
        run_id: str = result["run"]["id"]
        return run_id

    def run_of(self, job: str, session: str) -> str:
        """Wait until a run of a session exists; returns the id of the newest one."""

        def newest() -> str | None:
            runs = self.query(_RUNS, job=job, session=session)["runsOrError"]["results"]
            return runs[0]["id"] if runs else None

        return wait_for(newest, f"no run of {job} for {session}")

    def wait_for_success(self, run_id: str) -> None:
        """Wait until a run has ended, and fail with its errors unless it succeeded."""

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = self.query(_RUN, run=run_id)["runOrError"]
            return run if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"} else None

        run = wait_for(ended, lambda: f"run {run_id} has not ended\n{self.tail()}", _RUN_SECONDS)
        assert run["status"] == "SUCCESS", f"{run}\n{self.tail()}"

    def tail(self) -> str:
        """Return the last lines that the UI's processes printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@contextlib.contextmanager
def running_ui(folder: Path, example: Path = PROJECT) -> Iterator[Ui]:
    """Start the UI on a copy of the demonstration or of an example; all its processes end with the context."""
    for name in _COPIED:
        source = example if (example / name).exists() else PROJECT
        shutil.copyfile(source / name, folder / name)
    if (example / "inbox").is_dir():
        shutil.copytree(example / "inbox", folder / "inbox")
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    environment["BALLAST_PORTFOLIO"] = str(folder / "portfolio.toml")
    port = _free_port()
    ballast = Path(sysconfig.get_path("scripts")) / "ballast"
    ui = Ui(f"http://127.0.0.1:{port}", folder / "dev.log")
    with ui.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _LISTENING_TO_SIGINT, ballast, "dev", "--port", str(port)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(
            lambda: _ready(ui, process), lambda: f"the UI is not ready\n{ui.tail()}", _START_SECONDS
        )
        yield ui
    finally:
        _stop(process)


def _ready(ui: Ui, process: subprocess.Popen[bytes]) -> bool | None:
    """True when the code is loaded and every daemon reports that it is well; None while it starts."""
    assert process.poll() is None, f"`ballast dev` ended by itself\n{ui.tail()}"
    try:
        httpx.get(f"{ui.url}/server_info", timeout=5).raise_for_status()
        answer = ui.query(_READINESS)
    except httpx.HTTPError:
        return None
    entries = answer["workspaceOrError"]["locationEntries"]
    if not entries or any(entry["loadStatus"] != "LOADED" for entry in entries):
        return None
    broken = [entry for entry in entries if _is_broken(entry)]
    assert not broken, f"the definitions do not load: {broken}"
    daemons = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
    return True if all(daemon["healthy"] for daemon in daemons if daemon["required"]) else None


def _is_broken(entry: dict[str, Any]) -> bool:
    return bool(entry["locationOrLoadError"]["__typename"] != "RepositoryLocation")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_STOP_SECONDS)
    # Whatever did not listen.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=_STOP_SECONDS)


_READINESS = """
{
  workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } }
  } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}
"""

_LAUNCH = """
mutation ($job: String!, $session: String!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "ballast", repositoryName: "__repository__", jobName: $job
    }
    runConfigData: {}
    executionMetadata: { tags: [{ key: "dagster/partition", value: $session }] }
  }) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""

_RUNS = """
query ($job: String!, $session: String!) {
  runsOrError(
    filter: { pipelineName: $job, tags: [{ key: "dagster/partition", value: $session }] }
    limit: 1
  ) { ... on Runs { results { id } } }
}
"""

_RUN = """
query ($run: ID!) {
  runOrError(runId: $run) { ... on Run {
    id jobName status
    stepStats { stepKey status }
  } }
}
"""
