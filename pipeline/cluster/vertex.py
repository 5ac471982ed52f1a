"""Vertex AI Pipelines: a checked pipeline is run or scheduled there, and its runs are listed and followed.

The request goes through the service's own client and not through aiplatform.PipelineJob, whose `submit` creates the
bucket of the pipeline root where there is none, and goes on when that fails. Here a missing bucket is an error.
tests/pipeline/cluster/test_vertex.py holds that the request is the one that PipelineJob would send.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.pipeline_service import PipelineServiceClient
from google.cloud.aiplatform_v1.services.schedule_service import ScheduleServiceClient
from google.protobuf import json_format, struct_pb2

from pipeline.cluster import runs as following
from pipeline.cluster.google_cloud import credentials, explained, listing, look_for_buckets
from pipeline.cluster.runs import ClusterError, Look, Report, Run
from pipeline.cluster.submission import Submission, Submitted
from pipeline.compiled.compiled_file import DATA_DIGEST, EXAMPLE_GEN, called, without_driver
from pipeline.settings.cluster import FOLDERS, PUSH_DESTINATION, VertexSettings

TIMEOUT = 120  # Seconds for one call.
READ_FROM = tuple(name for name in FOLDERS if name != PUSH_DESTINATION)
_CONSOLE = "https://console.cloud.google.com/vertex-ai"
_LISTED = "name,state,display_name,create_time,start_time,end_time"  # Not the specs: they are 100 times as long.


def described(submission: Submission) -> dict[str, Any]:
    """The request, for a reader."""
    settings = _settings(submission)
    request = _schedule(submission) if submission.schedule else _job(submission)
    method = "ScheduleService.CreateSchedule" if submission.schedule else "PipelineService.CreatePipelineJob"
    return {method: json_format.MessageToDict(type(request).pb(request)), "endpoint": _endpoint(settings)}


def submit(submission: Submission, *, wait: bool, report: Report) -> Submitted:
    """Starts a run, or makes a schedule where there is one.

    Raises:
      ClusterError: no login, no bucket, no right, or Vertex AI does not take it; in its words.
    """
    settings = _settings(submission)
    folders = [settings.pipeline_root, settings.resume, *map(submission.parameters.get, FOLDERS)]
    with explained(settings):
        look_for_buckets(settings, [folder for folder in folders if folder], report)
        if submission.schedule:
            return _make_schedule(submission)
        submission = _telling_data_apart(submission, report)
        job = _pipelines(settings).create_pipeline_job(request=_job(submission), timeout=TIMEOUT)
    run = _run(settings, job)
    if wait:
        report(f"{run.id}: {run.page}")
        run = follow(settings, run.id, report)
    return Submitted(run.id, run.page, run.state)


def runs(settings: VertexSettings, report: Report, *, limit: int = 20) -> list[Run]:
    """The pipeline's runs in the project and region, the latest first; there is nothing to report.

    Raises:
      ClusterError: as `submit`.
    """
    request = types.ListPipelineJobsRequest(
        parent=_parent(settings),
        filter=f'pipeline_name="{settings.name}"',
        order_by="create_time desc",
        page_size=limit,
        read_mask={"paths": _LISTED.split(",")},
    )
    with explained(settings):
        page = _pipelines(settings).list_pipeline_jobs(request=request, timeout=TIMEOUT)
        return [_run(settings, job) for job, _ in zip(page, range(limit), strict=False)]


def follow(settings: VertexSettings, run_id: str, report: Report) -> Run:
    """Follows one run to its end.

    Raises:
      ClusterError: as `submit`; there is no such run.
    """
    with explained(settings):
        client = _pipelines(settings)
    return following.follow(functools.partial(_look, client, settings, run_id), report)


def _settings(submission: Submission) -> VertexSettings:
    if not isinstance(submission.settings, VertexSettings):
        raise TypeError(f"a submission to {submission.settings.target} came to Vertex AI")
    return submission.settings


def _telling_data_apart(submission: Submission, report: Report) -> Submission:
    """TFX's driver of ExampleGen asks for the size and time of one picture after another: 18 hours for ImageNet.

    So `submit` names the state of the data, unless somebody did, and the driver is left out.
    """
    settings, parameters = _settings(submission), submission.parameters
    if settings.fingerprint == "driver":
        return submission
    places = [str(parameters[name]) for name in READ_FROM if parameters.get(name)]
    digest = parameters.get(DATA_DIGEST) or listing(settings, places, report)
    if not digest:
        return submission
    compiled = without_driver(submission.compiled, EXAMPLE_GEN)
    return dataclasses.replace(submission, compiled=compiled, parameters={**parameters, DATA_DIGEST: digest})


def _job(submission: Submission) -> types.CreatePipelineJobRequest:
    """A failed branch does not stop the others: the policy is slow."""
    settings = _settings(submission)
    job = types.PipelineJob(
        display_name=submission.name,
        pipeline_spec=json_format.ParseDict(submission.compiled.spec, struct_pb2.Struct()),
        runtime_config=types.PipelineJob.RuntimeConfig(
            gcs_output_directory=settings.pipeline_root,
            parameter_values={
                name: json_format.ParseDict(value, struct_pb2.Value()) for name, value in submission.parameters.items()
            },
            failure_policy=types.PipelineFailurePolicy.PIPELINE_FAILURE_POLICY_FAIL_SLOW,
        ),
        labels=settings.labels,
        service_account=settings.service_account or "",
        network=settings.network or "",
        reserved_ip_ranges=settings.reserved_ip_ranges,
    )
    if settings.encryption_key:
        job.encryption_spec = types.EncryptionSpec(kms_key_name=settings.encryption_key)
    if settings.network_attachment:
        job.psc_interface_config = types.PscInterfaceConfig(network_attachment=settings.network_attachment)
    identity = "" if submission.schedule else submission.name  # A schedule gives each of its runs one.
    return types.CreatePipelineJobRequest(parent=_parent(settings), pipeline_job=job, pipeline_job_id=identity)


def _schedule(submission: Submission) -> types.CreateScheduleRequest:
    """Vertex AI's cron has five fields and UTC, as ours."""
    schedule = types.Schedule(
        display_name=submission.name,
        cron=submission.schedule,
        max_concurrent_run_count=1,  # The next run waits for its time again if the last is still going.
        create_pipeline_job_request=_job(submission),
    )
    return types.CreateScheduleRequest(parent=_parent(_settings(submission)), schedule=schedule)


def _make_schedule(submission: Submission) -> Submitted:
    """Two schedules of one pipeline would train everything twice, so that a second is refused."""
    settings = _settings(submission)
    client = ScheduleServiceClient(**_client_options(settings))
    active = types.ListSchedulesRequest(
        parent=_parent(settings), filter=f'display_name="{submission.name}" AND state="ACTIVE"'
    )
    for schedule in client.list_schedules(request=active, timeout=TIMEOUT):
        page = _page(settings, "schedules", schedule.name)
        raise ClusterError(f"A schedule {submission.name!r} runs already: {page} . Pause or delete it first.")
    made = client.create_schedule(request=_schedule(submission), timeout=TIMEOUT)
    return Submitted(made.name.rsplit("/", 1)[-1], _page(settings, "schedules", made.name), "scheduled")


def _look(client: PipelineServiceClient, settings: VertexSettings, run_id: str) -> Look:
    with explained(settings):
        job = client.get_pipeline_job(name=f"{_parent(settings)}/pipelineJobs/{run_id}", timeout=TIMEOUT)
    return Look(_run(settings, job), dict(_tasks(job)), job.error.message)


def _tasks(job: types.PipelineJob) -> Iterator[tuple[str, str]]:
    """Of the pipeline's own tasks: the pipeline as a whole is listed beside them."""
    spec = json_format.MessageToDict(types.PipelineJob.pb(job).pipeline_spec)
    said = ((each.task_name, each.state.name.lower(), each.error.message) for each in job.job_detail.task_details)
    return following.summed(said, Counter(task.name for task in called(spec)))


def _run(settings: VertexSettings, job: types.PipelineJob) -> Run:
    started, ended = _time(job.start_time or job.create_time), _time(job.end_time)
    return Run(
        id=job.name.rsplit("/", 1)[-1],
        name=job.display_name,
        state=job.state.name.removeprefix("PIPELINE_STATE_").lower(),
        started=started,
        minutes=following.minutes(started, ended),
        page=_page(settings, "runs", job.name),
    )


def _time(time: Any) -> datetime | None:
    """DatetimeWithNanoseconds is a datetime; what is not set comes as None."""
    return time or None


def _page(settings: VertexSettings, kind: str, name: str) -> str:
    identity = name.rsplit("/", 1)[-1]
    return f"{_CONSOLE}/locations/{settings.location}/pipelines/{kind}/{identity}?project={settings.project}"


def _parent(settings: VertexSettings) -> str:
    return f"projects/{settings.project}/locations/{settings.location}"


def _endpoint(settings: VertexSettings) -> str:
    return f"{settings.location}-aiplatform.googleapis.com"


def _client_options(settings: VertexSettings) -> dict[str, Any]:
    return {"credentials": credentials(), "client_options": {"api_endpoint": _endpoint(settings)}}


def _pipelines(settings: VertexSettings) -> PipelineServiceClient:
    return PipelineServiceClient(**_client_options(settings))
