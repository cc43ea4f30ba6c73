"""All steps of the pipeline, one after another in one Spark session: the job of orchestration = "single_job".

Each step is the script of a job of the workflow, with the same audit and the same accounts. The last one publishes.
"""

import importlib
import sys

from pyspark.sql import SparkSession

import arguments
import pipeline


def main() -> None:
    """Run the job; a step that fails ends it, and the message names the table of the step."""
    given = arguments.parse(sys.argv[1:])
    if not given.workflow_run_id:  # started by hand: the steps are still one run, which publishes at its end
        sys.argv += ["--WORKFLOW_RUN_ID", given.job_run_id.partition("_attempt_")[0]]
    for number, table in enumerate(pipeline.WRITTEN, start=1):
        print(f"step {number} of {len(pipeline.WRITTEN)}: {table}", flush=True)
        importlib.import_module(pipeline.TABLES[table]["job"]).main()
        SparkSession.builder.getOrCreate().catalog.clearCache()


if __name__ == "__main__":
    main()
