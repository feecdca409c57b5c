"""Take known secrets out of texts: log records, tracebacks, what is printed, what is stored.

The secrets are known, because they are in the environment (`resources.secrets`); so they are looked for by their text,
whole, in parts and as they are usually encoded, instead of guessing what a secret looks like.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
_SHORTEST_PART = 6
_SHORTEST_PASSWORD = 3
_DELIMITERS = re.compile(r"[\s:/?#\[\]@&=,;|]+")
# Words, host names and short numbers are no secrets; hiding them would make an error unreadable.
_HARMLESS = re.compile(r"[a-z]{1,20}|(?:[a-z0-9-]+\.)+[a-z]{2,}|[0-9.]{1,15}", re.IGNORECASE)
_USER_AND_PASSWORD = re.compile(r"://([^/@:\s]*):(\S+)@")
_NAMED_PASSWORD = re.compile(r"[?&]\w*(?:pass|token|secret|key)\w*=([^&#\s]+)", re.IGNORECASE)
_CREDENTIALS = re.compile(r"://[^/@:\s\"']*:[^/@\s\"']*@")


@dataclass(frozen=True, repr=False)
class Redaction:
    """Replaces known secrets, and the credentials of any URL, by asterisks.

    Parameters
    ----------
    secrets : frozenset of str
        What must not be seen; each is also found as URLs, JSON, Python and HTTP's basic authentication write it.
    """

    secrets: frozenset[str] = frozenset()

    def __call__(self, text: str) -> str:
        """Return a text without secrets."""
        if not self.finds(text):
            return text
        # The known ones first: a password with an @ would hide only in part behind the credentials of a URL.
        known = self._pattern.sub(HIDDEN, text) if self._pattern else text
        return _CREDENTIALS.sub(f"://{HIDDEN}@", known)

    def finds(self, text: str) -> bool:
        """Whether a text must be redacted; quick for the long ones that need not be."""
        folded = text.lower()
        if any(spelling in folded for spelling in self._folded):
            return True
        return "://" in text and "@" in text and _CREDENTIALS.search(text) is not None

    def finds_for_sure(self, text: str) -> bool:
        """Whether a text holds a secret that cannot be an ordinary word by chance."""
        return self._unmistakable._holds(text)

    def _holds(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None

    @cached_property
    def _unmistakable(self) -> Redaction:
        return Redaction(
            frozenset(
                secret
                for secret in self.secrets
                if len(secret) >= _SHORTEST_PART and not _HARMLESS.fullmatch(secret)
            )
        )

    @cached_property
    def _spellings(self) -> frozenset[str]:
        return frozenset(spelling for secret in self.secrets for spelling in _spellings(secret))

    @cached_property
    def _folded(self) -> tuple[str, ...]:
        return tuple({spelling.lower() for spelling in self._spellings})

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        if not self._spellings:
            return None
        # The longest first: a part must not be hidden inside a whole and leave the rest.
        ordered = sorted(self._spellings, key=lambda spelling: (-len(spelling), spelling))
        return re.compile("|".join(map(_expression, ordered)), re.IGNORECASE)


def redaction_of(addresses: Iterable[str | None]) -> Redaction:
    """Return the redaction of addresses, each of which is a secret as a whole and in its telling parts.

    What is not set is no secret.
    """
    return Redaction(
        frozenset(
            part for address in addresses if address for part in {address, *parts_of(address)}
        )
    )


def parts_of(address: str) -> set[str]:
    """Return the telling parts of an address: its password, and what is neither a word nor a host name."""
    return passwords_of(address) | telling_parts(address)


def telling_parts(text: str) -> set[str]:
    """Return what between the delimiters of a URL is neither a word nor a host name, as written and as decoded."""
    found = {
        part
        for spelling in (text, unquote(text))
        for part in _DELIMITERS.split(spelling)
        if len(part) >= _SHORTEST_PART and not _HARMLESS.fullmatch(part)
    }
    return found | {unquote(part) for part in found}


def passwords_of(address: str) -> set[str]:
    """Return the password of a URL, as written and decoded, and with its user as basic authentication sends both."""
    found = set(_NAMED_PASSWORD.findall(address))
    found |= {unquote(password) for password in found}
    for user, rest in _USER_AND_PASSWORD.findall(address):
        # Libraries disagree on which @ ends a password that holds one.
        for password in {rest, rest.split("@")[0]}:
            found |= {password, unquote(password), _encoded(f"{unquote(user)}:{unquote(password)}")}
    return {password for password in found if len(password) >= _SHORTEST_PASSWORD}


def _spellings(secret: str) -> set[str]:
    # Libraries disagree on what must be quoted: SQLAlchemy leaves a plus as it is, others a slash.
    found = {secret, quote_plus(secret), *(quote(secret, safe=safe) for safe in ("", "/", " +"))}
    found |= {json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    if len(secret) >= _SHORTEST_PART:
        found |= {_encoded(secret), _encoded(secret).translate(str.maketrans("+/", "-_"))}
    return found


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


def _expression(spelling: str) -> str:
    escaped = re.escape(spelling)
    if len(spelling) >= _SHORTEST_PART:
        return escaped
    # So few letters also occur by chance, in a hash or an image.
    return rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"
