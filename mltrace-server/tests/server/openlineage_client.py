"""Emits the events of a stage and of one that fails by the client that most producers in Python use.

Takes the address of a server, and the path that the first stage writes.
"""

import sys
from datetime import datetime, timezone

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

PRODUCER = "https://example.com/stage"
CLEAN = "0197f3c0-0000-7000-8000-000000000001"
SCORE = "0197f3c0-0000-7000-8000-000000000002"


def client(address, compression):
    config = HttpConfig(url=address, compression=compression)
    return OpenLineageClient(transport=HttpTransport(config))


def event(state, minute, run, job, **more):
    time = datetime(2026, 2, 1, 8, minute, tzinfo=timezone.utc).isoformat()
    return RunEvent(eventType=state, eventTime=time, run=run, job=job, producer=PRODUCER, **more)


def main(address, path):
    plain, compressed = client(address, None), client(address, HttpCompression.GZIP)
    nominal = nominal_time_run.NominalTimeRunFacet(nominalStartTime="2026-02-01T00:00:00Z")
    source = source_code_job.SourceCodeJobFacet(language="python", sourceCode="rides.dropna()")
    owner = ownership_job.OwnershipJobFacet(owners=[ownership_job.Owner(name="anna", type="MAINTAINER")])
    said = documentation_job.DocumentationJobFacet(description="Drops rides without a fare")
    job = Job(
        namespace="python",
        name="clean",
        facets={"sourceCode": source, "ownership": owner, "documentation": said},
    )
    fields = [schema_dataset.SchemaDatasetFacetFields(name="fare", type="double")]
    read = InputDataset(
        namespace="s3://lake",
        name="raw/rides",
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)},
    )
    rows = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=9957, size=81)
    written = OutputDataset(namespace="file", name=path, outputFacets={"outputStatistics": rows})
    run = Run(runId=CLEAN, facets={"nominalTime": nominal})
    compressed.emit(event(RunState.COMPLETE, 5, run, job, inputs=[read], outputs=[written]))
    plain.emit(event(RunState.START, 0, run, job, inputs=[read], outputs=[written]))

    job = Job(namespace="python", name="score")
    plain.emit(event(RunState.START, 6, Run(runId=SCORE), job))
    error = error_message_run.ErrorMessageRunFacet(message="no model", programmingLanguage="python")
    plain.emit(event(RunState.FAIL, 7, Run(runId=SCORE, facets={"errorMessage": error}), job))


main(*sys.argv[1:])
