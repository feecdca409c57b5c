"""The European Central Bank on loopback: its archive of euro reference rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from tests.fakes.http import LoopbackServer, Reply, Request

TABLE_NAME = "eurofxref-hist.csv"


def table(currencies: Sequence[str], fixings: Mapping[str, Sequence[str]]) -> str:
    """Return the table as published: newest day first, every line with a trailing comma."""
    lines = [["Date", *currencies]]
    lines += [[day, *fixings[day]] for day in sorted(fixings, reverse=True)]
    return "".join(",".join([*line, ""]) + "\n" for line in lines)


def archive(content: str, name: str = TABLE_NAME) -> bytes:
    """Return the archive that holds a table."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as opened:
        opened.writestr(name, content)
    return packed.getvalue()


class FakeEcb:
    """Answers with one reply at the archive's address and 404 elsewhere."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.server = LoopbackServer(self._answer)

    @property
    def base_url(self) -> str:
        return f"{self.server.url}/stats/eurofxref"

    def _answer(self, request: Request) -> Reply:
        is_archive = request.path == "/stats/eurofxref/eurofxref-hist.zip"
        return self.reply if is_archive else Reply(status=404)
