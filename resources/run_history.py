"""Dagster's storage of runs, with every secret taken out of what it is given to keep.

`pipelines/dagster.yaml` names it. The storage is the last wall before the disk: whatever raised an error, in an asset,
a sensor, a resource or Dagster itself, its text passes here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, cast

from dagster import DagsterRun, RunRequest
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.scheduler.instigation import InstigatorTick, TickData
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._daemon.types import DaemonHeartbeat
from dagster._serdes import ConfigurableClassData, deserialize_value, serialize_value

from ballast.errors import ConfigurationError
from resources.discretion import guard_process
from resources.redaction import Redaction
from resources.secrets import redaction_of_environment

# Dagster finds its records again by these; a password that happens to be a word must not rename anything.
_NAMES = frozenset(
    {
        "run_id", "job_name", "pipeline_name", "step_key", "step_keys", "solid_name", "op_name",
        "output_name", "input_name", "mapping_key", "check_name", "partition", "partition_key",
        "log_key", "file_key", "event_type_value", "step_kind_value", "marker_start", "marker_end",
    }
)  # fmt: skip
_NAMED_THINGS = frozenset(
    {
        "AssetKey", "AssetPartitionKey", "SolidHandle", "NodeHandle", "StepHandle",
        "StepOutputHandle", "UnresolvedStepHandle", "ResolvedFromDynamicStepHandle", "TimeWindow",
        "TimeWindowPartitionsDefinition", "TimeWindowPartitionsSubset", "TableColumnLineage",
        "AssetCheckEvaluationTargetMaterializationData", "PythonArtifactMetadataEntryData",
        "TimestampWithTimezone",
    }
)  # fmt: skip
_OWN_KEYS = ("dagster/", "__")

_Record = TypeVar("_Record")


class RedactedStorage(DagsterSqliteStorage):
    """The SQLite storage of runs, events and ticks, without secrets.

    Opening it also guards the logs of its process: all processes of Dagster open it first.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        guard_process(redaction_of_environment())
        self._event_log_storage = _Events(self._event_log_storage._base_dir)
        self._run_storage = _Runs(self._run_storage._conn_string)
        self._schedule_storage = _Schedules(self._schedule_storage._conn_string)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> RedactedStorage:
        """Open the storage in the folder that `dagster.yaml` names."""
        return cls.from_local(config_value["base_dir"], inst_data)


class _Events(SqliteEventLogStorage):
    @cached_property
    def _redact(self) -> Redaction:
        return redaction_of_environment()

    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(without_secrets(event, self._redact))


class _Runs(SqliteRunStorage):
    @cached_property
    def _redact(self) -> Redaction:
        return redaction_of_environment()

    def add_run(self, dagster_run: DagsterRun) -> DagsterRun:
        return super().add_run(self._checked(dagster_run))

    def add_historical_run(
        self, dagster_run: DagsterRun, run_creation_time: datetime
    ) -> DagsterRun:
        return super().add_historical_run(self._checked(dagster_run), run_creation_time)

    def add_daemon_heartbeat(self, daemon_heartbeat: DaemonHeartbeat) -> None:
        errors = [without_secrets(error, self._redact) for error in daemon_heartbeat.errors or []]
        super().add_daemon_heartbeat(daemon_heartbeat._replace(errors=errors))

    def add_backfill(self, partition_backfill: PartitionBackfill) -> None:
        super().add_backfill(self._without_error_texts(partition_backfill))

    def update_backfill(self, partition_backfill: PartitionBackfill) -> None:
        super().update_backfill(self._without_error_texts(partition_backfill))

    def _without_error_texts(self, backfill: PartitionBackfill) -> PartitionBackfill:
        return backfill._replace(error=without_secrets(backfill.error, self._redact))

    def _checked(self, run: DagsterRun) -> DagsterRun:
        # A configuration without the secret would be another run; so it is refused instead of redacted.
        text = json.dumps([run.run_config, dict(run.tags)], default=str)
        if self._redact.finds_for_sure(text):
            raise ConfigurationError(
                "the configuration or a tag of the run holds a secret of the environment",
                where=run.job_name,
                remedy="Take it out: whatever needs a secret reads it from the environment.",
            )
        return run


class _Schedules(SqliteScheduleStorage):
    @cached_property
    def _redact(self) -> Redaction:
        return redaction_of_environment()

    def create_tick(self, tick_data: TickData) -> InstigatorTick:
        return super().create_tick(self._without_texts(tick_data))

    def update_tick(self, tick: InstigatorTick) -> InstigatorTick:
        return super().update_tick(tick._replace(tick_data=self._without_texts(tick.tick_data)))

    def _without_texts(self, tick: TickData) -> TickData:
        reason, requests = tick.skip_reason, tick.run_requests or []
        return tick._replace(
            error=without_secrets(tick.error, self._redact),
            skip_reason=None if reason is None else self._redact(reason),
            # They are requested again after a crash; one with a secret is refused by then.
            run_requests=[self._without_secret(request) for request in requests],
        )

    def _without_secret(self, request: RunRequest) -> RunRequest:
        if not self._redact.finds_for_sure(serialize_value(request)):
            return request
        return without_secrets(request, self._redact)


def without_secrets(record: _Record, redact: Redaction) -> _Record:
    """Return a record of Dagster with redacted texts; its names stay, and most records as they are."""
    if record is None:
        return record
    packed = serialize_value(cast(Any, record))
    if not redact.finds(packed):
        return record
    return cast(_Record, deserialize_value(json.dumps(_redacted(json.loads(packed), redact))))


def _redacted(value: Any, redact: Redaction) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(item, redact) for item in value]
    if not isinstance(value, dict) or value.get("__class__") in _NAMED_THINGS:
        return value
    if "__class__" in value:
        return {
            key: item if _is_name(key, item) else _redacted(item, redact)
            for key, item in value.items()
        }
    # Tags, and what a person has put into metadata.
    return {
        key if key.startswith(_OWN_KEYS) else redact(key): (
            item if key == "__enum__" else _redacted(item, redact)
        )
        for key, item in value.items()
    }


def _is_name(key: str, value: Any) -> bool:
    if key == "label":
        return str(value).startswith(_OWN_KEYS)
    return key in _NAMES or key == "__class__"
