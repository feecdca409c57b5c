"""A session in a new process: `python -m benchmarks.cold product|empty|bare FOLDER SESSION`."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path


def main() -> None:
    """Do what `ballast run` does, or its empty or its bare counterpart."""
    what, folder, session = sys.argv[1], Path(sys.argv[2]), date.fromisoformat(sys.argv[3])
    from benchmarks.cases import open_case

    workspace = open_case(folder)
    if what == "bare":
        from benchmarks import bare_pipeline

        print(bare_pipeline.run(workspace, session, folder / "bare.duckdb"))
        return
    from benchmarks.runs import empty_job, execute, persistent_instance, product_job

    job = product_job(workspace) if what == "product" else empty_job(workspace)
    with persistent_instance(Path(os.environ["DAGSTER_HOME"])) as instance:
        execute(job, session, instance)
    if what == "product":
        key = session.isoformat()
        print(workspace.lake.snapshot(["daily_report"]).read("daily_report", key)["report"][0])


if __name__ == "__main__":
    main()
