"""The configurations that have been in force, one version each time that a run finds another."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ballast.configuration import Portfolio
from ballast.errors import ConfigurationError
from resources.clock import now
from resources.store import Store
from resources.store.planning_schema import configurations

_HASH_DIGITS = 16


@dataclass(frozen=True)
class ConfigurationVersion:
    """One configuration as it was first found by a run."""

    version: int
    fingerprint: str
    recorded_at: datetime


@dataclass(frozen=True)
class ConfigurationHistory:
    """Every configuration that a run has used; account numbers are left out."""

    store: Store

    def record(self, portfolio: Portfolio) -> int:
        """Keep a configuration, unless it is that of the newest version; returns its version."""
        content = readable(portfolio)
        fingerprint = _fingerprint(content)
        with self.store.write() as connection:
            newest = connection.execute(
                sa.select(configurations.c.version, configurations.c.fingerprint)
                .order_by(configurations.c.version.desc())
                .limit(1)
            ).one_or_none()
            if newest is not None and newest.fingerprint == fingerprint:
                return int(newest.version)
            version = 1 if newest is None else newest.version + 1
            connection.execute(
                sa.insert(configurations).values(
                    version=version,
                    fingerprint=fingerprint,
                    content=content,
                    recorded_at=now(),
                )
            )
        return version

    def versions(self) -> list[ConfigurationVersion]:
        """Return all versions, the newest first."""
        query = sa.select(
            configurations.c.version, configurations.c.fingerprint, configurations.c.recorded_at
        ).order_by(configurations.c.version.desc())
        with self.store.read() as connection:
            return [ConfigurationVersion(*row) for row in connection.execute(query)]

    def content(self, version: int) -> str:
        """Return a configuration as text.

        Raises
        ------
        ConfigurationError
            If there is no such version.
        """
        query = sa.select(configurations.c.content).where(configurations.c.version == version)
        with self.store.read() as connection:
            found = connection.scalar(query)
        if found is None:
            raise ConfigurationError(
                f"there is no version {version} of the configuration",
                where="ballast configuration",
                remedy="`ballast configuration history` lists them.",
            )
        return str(found)


def readable(portfolio: Portfolio) -> str:
    """Return a configuration as sorted JSON, one setting a line, without account numbers."""
    content = portfolio.model_dump(mode="json")
    for account in content["accounts"]:
        account.pop("number", None)
    return json.dumps(content, indent=1, sort_keys=True)


def changes(before: str, after: str) -> list[str]:
    """Return the lines in which two configurations differ, those of before with a minus."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _fingerprint(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:_HASH_DIGITS]
