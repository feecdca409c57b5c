"""Whether what is stored is sound: the store, the lake and the archive of statements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from resources.backup_manifest import digest_of
from resources.lake import Lake
from resources.store.engine import Store
from resources.store.schema import current_publications, publications, statement_imports
from resources.store.upkeep import problems_of_store


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Parameters
    ----------
    subject : str
        The table or file concerned.
    problem : str
        What is wrong with it, in a sentence.
    """

    component: Literal["store", "lake", "statements"]
    subject: str
    problem: str


def store_findings(store: Store) -> list[Finding]:
    """Return what is wrong with the store: its file, its schema, rows that cannot be read."""
    return [Finding("store", subject, problem) for subject, problem in problems_of_store(store)]


def lake_findings(lake: Lake) -> list[Finding]:
    """Return the published files that are missing or have changed, also those that were replaced since."""
    query = (
        sa.select(publications.c.path, publications.c.sha256, current_publications.c.publication_id)
        .outerjoin_from(
            publications,
            current_publications,
            current_publications.c.publication_id == publications.c.publication_id,
        )
        .where(publications.c.path.is_not(None))
        .order_by(publications.c.publication_id)
    )
    dangling = (
        sa.select(current_publications.c.asset, current_publications.c.partition)
        .where(
            current_publications.c.publication_id.not_in(sa.select(publications.c.publication_id))
        )
        .order_by(current_publications.c.asset, current_publications.c.partition)
    )
    with lake.store.read() as connection:
        published = connection.execute(query).all()
        lost = connection.execute(dangling).all()
    findings = [
        Finding("lake", f"{asset} {partition}", "its current publication is not recorded")
        for asset, partition in lost
    ]
    for path, digest, current in published:
        problem = _problem(lake.root / path, digest)
        if problem is not None:
            age = "it is current" if current is not None else "it was replaced since"
            findings.append(Finding("lake", path, f"{problem}; {age}"))
    return findings


def statement_findings(store: Store, archive: Path) -> list[Finding]:
    """Return the imported statements whose content is missing from the archive or has changed."""
    imported = sa.select(statement_imports.c.sha256).where(statement_imports.c.status == "imported")
    with store.read() as connection:
        digests = connection.scalars(imported.order_by(statement_imports.c.sha256)).all()
    problems = {digest: _problem(archive / digest, digest) for digest in digests}
    return [
        Finding("statements", digest, problem)
        for digest, problem in problems.items()
        if problem is not None
    ]


def _problem(path: Path, digest: str) -> str | None:
    found = digest_of(path)
    if found is None:
        return "the file is missing"
    return None if found == digest else "the file has other content than was recorded"
