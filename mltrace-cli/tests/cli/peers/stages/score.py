"""A stage that reads a table of DuckDB and writes a file, and one that fails, told of by the client for Python.

Takes the address of a server, `gzip` or `plain`, and the path to write.
"""

import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import (
    documentation_job,
    error_message_run,
    nominal_time_run,
    output_statistics_output_dataset,
    ownership_job,
    schema_dataset,
    source_code_job,
)
from openlineage.client.transport.http import HttpCompression, HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid

QUERY = "select share from rides"


def now():
    return datetime.now(timezone.utc).isoformat()


def event(state, time, run, job, **more):
    return RunEvent(eventType=state, eventTime=time, run=run, job=job, producer="https://example.com/score", **more)


def score(path):
    rows = duckdb.connect("warehouse.duckdb", read_only=True).execute(QUERY).fetchall()
    path.write_text("\n".join(["share", *(str(share) for (share,) in rows)]) + "\n")
    return len(rows)


def main(address, compression, path):
    compression = HttpCompression.GZIP if compression == "gzip" else None
    client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=address, compression=compression)))
    job = Job(
        namespace="python",
        name="score",
        facets={
            "sourceCode": source_code_job.SourceCodeJobFacet(language="sql", sourceCode=QUERY),
            "ownership": ownership_job.OwnershipJobFacet(owners=[ownership_job.Owner(name="anna", type="MAINTAINER")]),
            "documentation": documentation_job.DocumentationJobFacet(description="Takes shares out of the warehouse"),
        },
    )
    nominal = nominal_time_run.NominalTimeRunFacet(nominalStartTime="2026-02-01T00:00:00Z")
    run = Run(runId=str(generate_new_uuid()), facets={"nominalTime": nominal})
    fields = [schema_dataset.SchemaDatasetFacetFields(name="share", type="double")]
    read = InputDataset(
        namespace="duckdb://warehouse.duckdb",
        name="warehouse.main.rides",
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)},
    )
    started = now()
    count = score(Path(path))
    rows = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=count)
    written = OutputDataset(namespace="file", name=path, outputFacets={"outputStatistics": rows})
    # The end comes first, as it can with several senders.
    client.emit(event(RunState.COMPLETE, now(), run, job, inputs=[read], outputs=[written]))
    client.emit(event(RunState.START, started, run, job, inputs=[read]))

    job, run_id = Job(namespace="python", name="report"), str(generate_new_uuid())
    client.emit(event(RunState.START, now(), Run(runId=run_id), job))
    error = error_message_run.ErrorMessageRunFacet(message="no printer", programmingLanguage="python")
    client.emit(event(RunState.FAIL, now(), Run(runId=run_id, facets={"errorMessage": error}), job))


main(*sys.argv[1:])
