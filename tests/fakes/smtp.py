"""A mail server on loopback that keeps what it is sent."""

from __future__ import annotations

import socketserver
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Thread
from types import TracebackType
from typing import Self, cast


class MailServer:
    """Accepts every mail until it leaves its `with` block."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 loopback")
                while line := self.rfile.readline():
                    command = line.strip().upper()
                    if command.startswith(b"QUIT"):
                        self._say("221 bye")
                        return
                    if command == b"DATA":
                        self._say("354 go ahead")
                        mail = message_from_bytes(self._data(), policy=default)
                        mails.append(cast(EmailMessage, mail))
                    self._say("250 ok")

            def _data(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.removeprefix(b"."))
                return b"".join(lines)

            def _say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        return Handler
