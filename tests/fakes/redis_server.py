"""A throw-away Redis from the system's own program: the real server, on a loopback port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

PASSWORD = "redis-Passw0rd-of-this-test"
_STARTS = 3
_PATIENCE_SECONDS = 20


@dataclass
class RedisServer:
    """A server that may be stopped and started again at its port."""

    folder: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        """Start it where it was, else at a free port; somebody may take that in the meantime."""
        for _ in range(_STARTS):
            port = self.port or _free_port()
            if self._start_at(port):
                self.port = port
                return
        raise AssertionError((self.folder / "redis.log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None

    def _start_at(self, port: int) -> bool:
        program = shutil.which("redis-server")
        assert program, "redis-server is missing; .ci/run installs it from the distribution"
        self._process = subprocess.Popen(
            [
                program, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
                "--save", "", "--appendonly", "no", "--dir", str(self.folder),
                "--logfile", str(self.folder / "redis.log"),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        address = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                with redis.Redis.from_url(address) as client:
                    client.ping()
            except redis.ConnectionError:
                time.sleep(0.01)
            else:
                return True
        self.stop()
        return False


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Start a server that keeps nothing on disk."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
