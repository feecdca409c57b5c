"""Restoring: exact, on either database, and never over anything that is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.errors import BackupError, StoreError
from resources import store as store_package
from resources.backup_manifest import STORE_NAME
from resources.restore import rehearse_restore, restore
from resources.store import Store, sqlite_url
from resources.store.copies import revision_of
from resources.store.schema import postings, publications
from tests import postgres
from tests.resources.backed_up import STATEMENT, Work, filled_sqlite, rows_of


@pytest.fixture
def work(store: Store, tmp_path: Path) -> Work:
    filled = Work(tmp_path / "work", store)
    filled.data.mkdir(parents=True)
    filled.fill()
    return filled


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Work]:
    with filled_sqlite(tmp_path / "work") as filled:
        yield filled


def test_what_is_restored_is_what_was_backed_up(work: Work, tmp_path: Path) -> None:
    expected, published = rows_of(work.store), work.lake.snapshot()
    long_ago = work.lake.snapshot(known_at=published.published("asset")[0].published_at)
    backup = work.shelf.create(work.store)
    assert backup.manifest.gaps == ()
    assert backup.manifest.rows == {name: len(rows) for name, rows in expected.items()}

    restored = work.restored(tmp_path / "elsewhere")
    assert rows_of(restored.store) == expected
    assert restored.lake.snapshot().entries == published.entries
    assert restored.lake.snapshot().read("asset", "p").equals(published.read("asset", "p"))
    again = restored.lake.snapshot(known_at=published.published("asset")[0].published_at)
    assert again.read("asset", "p").equals(long_ago.read("asset", "p"))
    (statement,) = (restored.data / "statements").iterdir()
    assert statement.read_bytes() == STATEMENT


def test_a_restored_store_numbers_on_and_refuses_what_it_knows(work: Work, tmp_path: Path) -> None:
    work.shelf.create(work.store)
    restored = work.restored(tmp_path / "elsewhere")
    before = restored.lake.snapshot().published("asset")[0].publication_id
    restored.publish(3)
    assert restored.lake.snapshot().published("asset")[0].publication_id == before + 1
    with pytest.raises(sa.exc.IntegrityError):
        restored.post("first", Decimal(1))


def test_what_happens_after_the_backup_is_not_in_it(work: Work, tmp_path: Path) -> None:
    expected = rows_of(work.store)
    work.shelf.create(work.store)
    work.publish(3)
    work.post("later", Decimal(1))
    assert rows_of(work.restored(tmp_path / "elsewhere").store) == expected


def test_the_lake_s_files_are_shared_and_outlive_their_removal_there(
    on_sqlite: Work, tmp_path: Path
) -> None:
    (path,) = on_sqlite.lake.snapshot().paths("asset")
    backup = on_sqlite.shelf.create(on_sqlite.store)
    kept = backup.folder / path.relative_to(on_sqlite.data)
    assert kept.samefile(path)
    shutil.rmtree(on_sqlite.lake.root)
    restored = on_sqlite.restored(tmp_path / "elsewhere")
    assert restored.lake.snapshot().read("asset", "p")["version"].unique().to_list() == [2]
    # What happens to the restored file does not happen to the backup.
    assert not restored.lake.snapshot().paths("asset")[0].samefile(kept)


_amounts = st.decimals(
    min_value=Decimal(-(10**20)), max_value=Decimal(10**20), places=8, allow_nan=False
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.tuples(_amounts, st.none() | _amounts), min_size=1, max_size=5))
def test_every_amount_survives_to_the_last_digit(
    on_sqlite: Work, tmp_path: Path, amounts: list[tuple[Decimal, Decimal | None]]
) -> None:
    with on_sqlite.store.write() as connection:
        connection.execute(sa.delete(postings))
    for number, (quantity, unit_cost) in enumerate(amounts):
        on_sqlite.post(str(number), quantity, unit_cost)
    on_sqlite.shelf.create(on_sqlite.store)
    on_sqlite.shelf.prune(1)
    elsewhere = tmp_path / "elsewhere"
    shutil.rmtree(elsewhere, ignore_errors=True)
    restored = on_sqlite.restored(elsewhere)
    query = sa.select(postings.c.quantity, postings.c.unit_cost).order_by(
        sa.cast(postings.c.posting_id, sa.Integer)
    )
    with restored.store.read() as connection:
        assert [tuple(row) for row in connection.execute(query)] == amounts
    restored.store.close()


def test_a_backup_moves_from_one_database_to_the_other(
    work: Work, tmp_path: Path, postgres_server: postgres.Server
) -> None:
    expected = rows_of(work.store)
    backup = work.shelf.create(work.store)
    before = backup.manifest.files[STORE_NAME]
    with postgres_server.fresh_database() as url:
        restore(backup, tmp_path / "elsewhere" / "data", url)
        moved = Work(tmp_path / "elsewhere", Store(url))
        assert rows_of(moved.store) == expected
        moved.publish(3)
        newest = moved.lake.snapshot().published("asset")[0].publication_id
        assert newest == max(row[0] for row in expected["publications"]) + 1  # type: ignore[type-var, operator]
        # A database that is in use is never written over.
        with pytest.raises(StoreError, match=r"has rows already: .*postings"):
            restore(backup, tmp_path / "third" / "data", url)
        moved.store.close()
    assert sha256((backup.folder / STORE_NAME).read_bytes()).hexdigest() == before
    assert not (tmp_path / "elsewhere" / "data" / STORE_NAME).exists()


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(
    on_sqlite: Work, tmp_path: Path
) -> None:
    backup = on_sqlite.shelf.create(on_sqlite.store)
    data = tmp_path / "used"
    (data / "lake").mkdir(parents=True)
    (data / "lake" / "precious.parquet").write_bytes(b"mine")
    with pytest.raises(BackupError, match=r"not empty: it has lake/precious\.parquet.*--into"):
        restore(backup, data)
    assert [path.name for path in data.rglob("*") if path.is_file()] == ["precious.parquet"]


def test_what_the_command_line_puts_into_a_new_folder_is_no_obstacle(
    on_sqlite: Work, tmp_path: Path
) -> None:
    data = tmp_path / "new"
    for name in ("calendars/sessions-XNYS.json", "dagster/dagster.yaml"):
        (data / name).parent.mkdir(parents=True)
        (data / name).write_text("x")
    restore(on_sqlite.shelf.create(on_sqlite.store), data)
    assert (data / STORE_NAME).exists()
    with pytest.raises(BackupError, match="not empty"):
        restore(on_sqlite.shelf.create(on_sqlite.store), data)


def test_a_backup_of_an_older_version_is_brought_up_to_date(
    on_sqlite: Work, tmp_path: Path
) -> None:
    older = tmp_path / "older.db"
    engine = sa.create_engine(sqlite_url(older))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option(
            "script_location", str(Path(store_package.__file__).parent / "migrations")
        )
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for table in (postings, publications):
            had = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
            for row in rows_of(on_sqlite.store)[table.name]:
                values = dict(zip(table.columns.keys(), row, strict=True))
                old = {name: value for name, value in values.items() if name in had}
                connection.execute(sa.insert(table).values(old))
    # A store as its version would hold it: opening one brings it up to date.
    backup = on_sqlite.shelf.create(cast(Store, SimpleNamespace(engine=engine)))
    assert backup.manifest.schema_revision == "0004"
    assert rehearse_restore(backup) == []
    restored = on_sqlite.restored(tmp_path / "elsewhere")
    assert rows_of(restored.store)["postings"] == rows_of(on_sqlite.store)["postings"]
    assert revision_of(backup.folder / STORE_NAME) == "0004"
