"""Definitions that tell every secret in every way there is; run as a program, they do."""

import logging
import os
import sys
import threading
from pathlib import Path

import dagster as dg

from resources.discretion import guard_output, guard_process
from resources.secrets import redaction_of_environment
from tests.pipelines.planted import tell_all

UNGUARDED_VARIABLE = "LEAKS_UNGUARDED"
STILL_THERE = "still there"
_TEXT = tell_all(os.environ)


def _fail() -> None:
    """Raise an error whose causes and members tell everything as well."""
    try:
        try:
            raise OSError(_TEXT)
        except OSError as error:
            raise ValueError(f"{_TEXT} in the cause") from error
    except ValueError as error:
        raise ExceptionGroup(_TEXT, [KeyError(_TEXT), error]) from error


@dg.asset
def fails() -> None:
    _fail()


@dg.asset
def prints() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.write(f"{_TEXT}\n")
        stream.flush()
    thread = threading.Thread(target=_fail)
    thread.start()
    thread.join()


@dg.asset
def logs(context: dg.AssetExecutionContext) -> None:
    library = logging.getLogger("some.library")
    for log in (context.log, library, dg.get_dagster_logger()):
        log.warning("calling %s", _TEXT)
        try:
            _fail()
        except ExceptionGroup:
            log.exception("it failed")


@dg.asset(check_specs=[dg.AssetCheckSpec("plausible", asset="describes")])
def describes() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            "text": _TEXT,
            "markdown": dg.MetadataValue.md(f"# Why\n{_TEXT} {STILL_THERE}"),
            "address": dg.MetadataValue.url(f"https://example.org/{_TEXT}"),
            "structure": {"list": [_TEXT], _TEXT: 1},
            "table": dg.MetadataValue.table([dg.TableRecord({"reason": _TEXT})]),
        },
        tags={"ballast/kept": "yes"},
        check_results=[
            dg.AssetCheckResult(passed=False, description=_TEXT, metadata={"reason": _TEXT})
        ],
    )


class Broken(dg.ConfigurableResource):
    """A resource that cannot be opened."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        _fail()


@dg.op
def use(broken: Broken) -> None:
    pass


@dg.job(resource_defs={"broken": Broken()})
def opens() -> None:
    use()


@dg.op
def retry() -> None:
    raise dg.Failure(_TEXT, metadata={"reason": _TEXT})


@dg.job
def gives_up() -> None:
    retry()


def _watching(name: str, *, fails: bool) -> dg.SensorDefinition:
    @dg.sensor(name=name, job=opens, default_status=dg.DefaultSensorStatus.RUNNING)
    def watch(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if fails:
            _fail()
        context.log.warning(_TEXT)
        return dg.SkipReason(f"{_TEXT} {STILL_THERE}")

    return watch


@dg.definitions
def definitions() -> dg.Definitions:
    if UNGUARDED_VARIABLE not in os.environ:
        redact = redaction_of_environment()
        guard_process(redact)
        guard_output(redact)
    return dg.Definitions(
        assets=[fails, prints, logs, describes],
        jobs=[dg.define_asset_job("everything"), opens, gives_up],
        sensors=[_watching("sensor_that_fails", fails=True), _watching("skips", fails=False)],
        executor=dg.in_process_executor,
    )


def main() -> None:
    # What the daemon is made of; the tests that import this module have no use for it.
    from dagster._core.test_utils import create_test_daemon_workspace_context
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster._daemon.sensor import execute_sensor_iteration
    from dagster._daemon.types import DaemonHeartbeat
    from dagster._utils.error import serializable_error_info_from_exc_info

    loaded = definitions()
    with dg.DagsterInstance.get() as instance:
        for job in ("everything", "opens", "gives_up"):
            loaded.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
        target = ModuleTarget(__spec__.name, "definitions", str(Path.cwd()), "leaks")
        with create_test_daemon_workspace_context(target, instance) as context:
            list(execute_sensor_iteration(context, logging.getLogger("daemon"), None, None))
        try:
            _fail()
        except ExceptionGroup:
            error = serializable_error_info_from_exc_info(sys.exc_info())
            instance.add_daemon_heartbeat(DaemonHeartbeat(1.0, "SENSOR", "one", [error]))
    _fail()


if __name__ == "__main__":
    main()
