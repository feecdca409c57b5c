"""Assets and a job whose runs fail, or whose checks do."""

from __future__ import annotations

import dagster as dg

PASSWORD = "s3cret-Passw0rd"
SESSION = "2020-08-20"
_PARTITIONS = dg.StaticPartitionsDefinition([SESSION, "2020-08-19"])


def _doubtful(description: str, *, passed: bool = False) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        check_name="plausible",
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
    )


@dg.asset(
    partitions_def=_PARTITIONS,
    check_specs=[
        dg.AssetCheckSpec("plausible", asset="measured"),
        dg.AssetCheckSpec("complete", asset="measured"),
        dg.AssetCheckSpec("certain", asset="measured"),
    ],
)
def measured() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        check_results=[
            _doubtful("3 prices jumped"),
            dg.AssetCheckResult(passed=False, check_name="complete", description="1 is missing"),
            dg.AssetCheckResult(passed=True, check_name="certain"),
        ]
    )


@dg.asset(
    partitions_def=_PARTITIONS,
    check_specs=[dg.AssetCheckSpec("agrees", asset="gate", blocking=True)],
)
def gate() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(passed=False, check_name="agrees", description="no account agrees")
        ]
    )


@dg.asset(partitions_def=_PARTITIONS)
def broken() -> None:
    try:
        raise OSError(f"cannot reach redis://:{PASSWORD}@10.0.0.1/0\nsecond line")
    except OSError as error:
        raise RuntimeError("the step failed") from error


@dg.op
def fail_without_partition() -> None:
    raise RuntimeError("out of order")


@dg.job
def housekeeping() -> None:
    fail_without_partition()
