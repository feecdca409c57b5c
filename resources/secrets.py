"""Which variables of the environment are secret, and what of each."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from resources.redaction import Redaction, parts_of, passwords_of, telling_parts

STORE_VARIABLE = "BALLAST_STORE_URL"
REDIS_VARIABLE = "BALLAST_REDIS_URL"

# Host and name of a database are no secrets, and an error that hides them helps nobody.
_DATABASES = (STORE_VARIABLE, REDIS_VARIABLE)
# A chat's address is a key in itself: who knows its path may write there.
_ADDRESSES = re.compile(r"BALLAST_ALERTS_\w+|BALLAST_\w+_URL")
_KEYS = re.compile(r"BALLAST_\w*(?:TOKEN|PASSWORD|PASSPHRASE|SECRET|KEY|CREDENTIALS?)")
_SHORTEST_KEY = 3


def redaction_of_environment(environment: Mapping[str, str] | None = None) -> Redaction:
    """Return what takes every secret of the environment out of a text.

    Parameters
    ----------
    environment : mapping of str to str, optional
        The environment of this process unless given.
    """
    variables = os.environ if environment is None else environment
    return Redaction(
        frozenset(
            secret
            for name, value in variables.items()
            if name.startswith("BALLAST_") and value
            for secret in _secrets_in(name, value)
        )
    )


def _secrets_in(name: str, value: str) -> set[str]:
    if name in _DATABASES:
        _, _, query = value.partition("?")
        return passwords_of(value) | telling_parts(query)
    if _KEYS.fullmatch(name):
        # A key may have several lines, which are quoted one by one.
        found = {value, value.strip(), *(line.strip() for line in value.splitlines())}
        return {key for key in found if len(key) >= _SHORTEST_KEY} | passwords_of(value)
    if _ADDRESSES.fullmatch(name):
        return {value, *parts_of(value)}
    return set()
