"""Vertex AI: the requests that the service's client would send, read back; no cloud is asked."""

import json
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

import google.auth
import pytest
import yaml
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.pipeline_service import PipelineServiceClient
from google.cloud.aiplatform_v1.services.schedule_service import ScheduleServiceClient
from google.protobuf import json_format

from pipeline.cluster import submit, vertex
from pipeline.cluster.runs import ClusterError, Unreachable
from pipeline.cluster.submission import Submitted
from pipeline.compiled import compiled_file
from tests.pipeline.cluster import submissions

PARENT = "projects/project/locations/europe-west4"
JOB = f"{PARENT}/pipelineJobs/mobilenet-20260102030405"
PAGE = "https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
CRON = "0 3 * * 1"


@pytest.fixture
def buckets(monkeypatch):
    """Cloud Storage's JSON API on loopback: bucket → status of listing it."""
    statuses: dict[str, int] = {"artifacts": 200, "pictures": 200, "models": 200, "checkpoints": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status = statuses.get(urlsplit(self.path).path.split("/")[4], 404)
            data = json.dumps({"items": []} if status == 200 else {"error": {"code": status, "message": "so it is"}})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(data.encode())

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield statuses
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked(monkeypatch, buckets):
    """The requests, as (method, request, where)."""
    recorded = []
    job = types.PipelineJob(name=JOB, display_name="mobilenet-20260102030405", state="PIPELINE_STATE_PENDING")
    schedule = types.Schedule(name=f"{PARENT}/schedules/77")
    answers = {
        PipelineServiceClient: {"create_pipeline_job": job, "list_pipeline_jobs": [job], "get_pipeline_job": job},
        ScheduleServiceClient: {"create_schedule": schedule, "list_schedules": []},
    }

    def recorder(method, answer):
        def call(client, request=None, timeout=None, **named):
            recorded.append((method, request or named, client.api_endpoint))
            return answer

        return call

    for client, methods in answers.items():
        for method, answer in methods.items():
            monkeypatch.setattr(client, method, recorder(method, answer))
    monkeypatch.setattr(google.auth, "default", lambda scopes=None: (AnonymousCredentials(), "project"))
    return recorded


def submission(folder, *, settings=None, **given):
    return submit.prepare(submissions.written(folder), settings or submissions.vertex_settings(), **given).at(NOW)


def test_a_run_is_asked_for_with_all_that_the_settings_say(tmp_path, asked):
    ready = submission(tmp_path, given={"margin": "0.02"}, recipe_set=["float.epochs=3"])
    submitted = vertex.submit(ready, wait=False, report=print)
    assert submitted == Submitted(
        "mobilenet-20260102030405", f"{PAGE}/runs/mobilenet-20260102030405?project=project", "pending"
    )
    [(method, request, endpoint)] = asked
    assert (method, endpoint) == ("create_pipeline_job", "europe-west4-aiplatform.googleapis.com")
    assert (request.parent, request.pipeline_job_id) == (PARENT, "mobilenet-20260102030405")
    job = request.pipeline_job
    assert (job.service_account, job.network) == (submissions.ACCOUNT, submissions.NETWORK)
    assert dict(job.labels) == {"team": "vision"}
    assert job.runtime_config.gcs_output_directory == "gs://artifacts/mobilenet"
    assert job.runtime_config.failure_policy.name == "PIPELINE_FAILURE_POLICY_FAIL_SLOW"
    values = job.runtime_config.parameter_values
    assert values["data"] == "gs://pictures/data" and values["push_destination"] == "gs://models/out"
    assert (values["floor"], values["margin"]) == (0.6, 0.02)
    recipes = [json.loads(values[f"{kind}_recipe_w025_r64"])["recipe"]["epochs"] for kind in ("float", "qat")]
    assert recipes[0] == 3 and recipes[1] != 3


def _objects(monkeypatch, *objects):
    """What a listing of any bucket brings; the prefixes that were asked for."""
    asked_for = []

    def list_blobs(client, bucket, prefix=None, fields=None, **_):
        asked_for.append((bucket, prefix))
        return [SimpleNamespace(name=n, size=s, generation=g) for n, s, g in objects if n.startswith(prefix or "")]

    monkeypatch.setattr(storage.Client, "list_blobs", list_blobs)
    return asked_for


PICTURES = (("data/train/ant/1.jpg", 10, 1), ("data/train/ant/2.jpg", 20, 1), ("database/x", 1, 1))


def _sent(folder, asked, **given):
    """ExampleGen's driver and data_digest, as they were sent."""
    asked.clear()
    vertex.submit(submission(folder, **given), wait=False, report=print)
    [(_, request, _)] = asked
    spec = json_format.MessageToDict(types.PipelineJob.pb(request.pipeline_job).pipeline_spec)
    container = compiled_file.Compiled(spec).container("ImageNetExampleGen") or {}
    return "lifecycle" in container, request.pipeline_job.runtime_config.parameter_values["data_digest"]


def test_the_state_of_the_pictures_is_told_by_a_listing_and_no_driver_runs(tmp_path, asked, monkeypatch):
    _objects(monkeypatch, *PICTURES)
    driver, digest = _sent(tmp_path, asked)
    assert (driver, digest.rsplit(":", 1)[0]) == (False, "listing:2")
    assert _sent(tmp_path, asked) == (False, digest)
    for changed in (("data/train/ant/1.jpg", 11, 1), ("data/train/ant/1.jpg", 10, 2), ("data/train/ant/3.jpg", 10, 1)):
        _objects(monkeypatch, changed, *PICTURES[1:])
        assert _sent(tmp_path, asked)[1] != digest
    _objects(monkeypatch, *PICTURES[:2], ("database/x", 2, 2))  # Beside the folder.
    assert _sent(tmp_path, asked) == (False, digest)


def test_the_driver_looks_where_the_settings_ask_for_it_or_nothing_can_be_listed(tmp_path, asked, monkeypatch):
    _objects(monkeypatch, *PICTURES)
    assert _sent(tmp_path, asked, settings=submissions.vertex_settings(fingerprint="driver")) == (True, "")
    assert _sent(tmp_path, asked, given={"data_digest": "monday"}) == (False, "monday")
    _objects(monkeypatch)
    assert _sent(tmp_path, asked) == (True, "")


def test_a_key_of_the_users_own_and_a_private_way_in_are_asked_for(tmp_path, asked):
    key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    way = "projects/p/regions/l/networkAttachments/vertex"
    settings = submissions.vertex_settings(encryption_key=key, network=None, network_attachment=way)
    vertex.submit(submission(tmp_path, settings=settings), wait=False, report=print)
    [(_, request, _)] = asked
    job = request.pipeline_job
    assert (job.encryption_spec.kms_key_name, job.psc_interface_config.network_attachment) == (key, way)
    assert job.network == ""


def test_each_node_gets_its_image_and_resources(tmp_path, asked):
    vertex.submit(submission(tmp_path), wait=False, report=print)
    [(_, request, _)] = asked
    spec = json_format.MessageToDict(types.PipelineJob.pb(request.pipeline_job).pipeline_spec)
    sent = compiled_file.Compiled(spec)
    trainer, gate = sent.container("FloatTrainer-w025-r64"), sent.container("DataGate")
    assert trainer and gate
    assert (trainer["image"], gate["image"]) == (submissions.GPU_IMAGE, submissions.IMAGE)
    assert gate["resources"] == {"cpuLimit": 2.0, "memoryLimit": 8.0}
    assert trainer["resources"]["accelerator"] == {"type": "NVIDIA_TESLA_T4", "count": "2"}
    assert sent.tasks["DataGate"]["cachingOptions"] == {"enableCache": True}
    assert "set-at-submit" not in json.dumps(spec)


def test_without_a_cache_no_node_has_one(tmp_path, asked):
    settings = submissions.vertex_settings(cache=False)
    vertex.submit(submission(tmp_path, settings=settings), wait=False, report=print)
    spec = json_format.MessageToDict(types.PipelineJob.pb(asked[0][1].pipeline_job).pipeline_spec)
    assert "enableCache" not in json.dumps(spec)


def test_the_request_is_the_one_that_pipeline_job_would_send(tmp_path, asked, monkeypatch):
    from google.cloud.aiplatform import pipeline_jobs

    ready = submission(tmp_path)
    settings = submissions.vertex_settings()
    vertex.submit(ready, wait=False, report=print)
    compiled_file.write(tmp_path / "placed.yaml", ready.compiled)
    gcs = pipeline_jobs.gcs_utils
    monkeypatch.setattr(gcs, "create_gcs_bucket_for_pipeline_artifacts_if_it_does_not_exist", lambda **_: None)
    job = pipeline_jobs.PipelineJob(
        display_name=ready.name,
        template_path=str(tmp_path / "placed.yaml"),
        job_id=ready.name,
        pipeline_root=settings.pipeline_root,
        parameter_values=dict(ready.parameters),
        labels=settings.labels,
        credentials=AnonymousCredentials(),
        project=settings.project,
        location=settings.location,
        failure_policy="slow",
    )
    job.submit(service_account=settings.service_account, network=settings.network)
    (_, ours, _), (_, theirs, _) = asked
    assert types.PipelineJob.pb(ours.pipeline_job) == types.PipelineJob.pb(theirs["pipeline_job"])
    assert (ours.parent, ours.pipeline_job_id) == (theirs["parent"], theirs["pipeline_job_id"])


@pytest.mark.parametrize("schedule", [None, CRON])
def test_the_dry_run_shows_the_request_that_is_sent(tmp_path, asked, schedule):
    settings = submissions.vertex_settings()
    text = submit.as_text(submit.prepare(submissions.written(tmp_path), settings, schedule=schedule))
    shown = yaml.safe_load(text.replace("TIME", "20260102030405"))
    vertex.submit(submission(tmp_path, schedule=schedule), wait=False, report=print)
    request = asked[-1][1]
    [described] = [value for name, value in shown.items() if name != "endpoint"]
    assert described == json_format.MessageToDict(type(request).pb(request))


def test_a_schedule_holds_the_run_that_it_starts(tmp_path, asked):
    submitted = vertex.submit(submission(tmp_path, schedule=CRON), wait=False, report=print)
    assert submitted == Submitted("77", f"{PAGE}/schedules/77?project=project", "scheduled")
    (listed, looked_for, _), (created, request, _) = asked
    assert (listed, created) == ("list_schedules", "create_schedule")
    assert looked_for.filter == 'display_name="mobilenet" AND state="ACTIVE"'
    schedule = request.schedule
    assert (schedule.cron, schedule.display_name, schedule.max_concurrent_run_count) == (CRON, "mobilenet", 1)
    inner = schedule.create_pipeline_job_request
    assert (inner.parent, inner.pipeline_job_id) == (PARENT, "")
    assert inner.pipeline_job.service_account == submissions.ACCOUNT
    assert inner.pipeline_job.runtime_config.parameter_values["data"] == "gs://pictures/data"


def test_a_second_schedule_of_the_same_name_is_refused(tmp_path, asked, monkeypatch):
    there = [types.Schedule(name=f"{PARENT}/schedules/5")]
    monkeypatch.setattr(ScheduleServiceClient, "list_schedules", lambda *_, **__: there)
    with pytest.raises(ClusterError, match=r"A schedule 'mobilenet' runs already: https.*schedules/5.*Pause or delete"):
        vertex.submit(submission(tmp_path, schedule=CRON), wait=False, report=print)
    assert asked == []


@pytest.mark.parametrize("missing", ["artifacts", "pictures", "models", "checkpoints"])
def test_a_missing_bucket_is_never_made_and_nothing_is_sent(tmp_path, asked, buckets, missing):
    del buckets[missing]
    with pytest.raises(ClusterError, match=rf"There is no bucket gs://{missing}, so nothing was sent\. Make it: "):
        vertex.submit(submission(tmp_path), wait=False, report=print)
    assert asked == []


def test_a_bucket_that_only_the_service_account_sees_is_no_obstacle(tmp_path, asked, buckets):
    said = []
    buckets["artifacts"] = 403
    vertex.submit(submission(tmp_path), wait=False, report=said.append)
    assert said[0] == f"gs://artifacts is not for you to see; {submissions.ACCOUNT} must be able to."
    assert len(asked) == 1


def test_without_a_login_the_way_to_one_is_said(tmp_path, monkeypatch):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ClusterError, match=r"No login for Google Cloud .*Run `gcloud auth application-default login`"):
        vertex.submit(submission(tmp_path), wait=False, report=print)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (exceptions.PermissionDenied("aiplatform.pipelineJobs.create denied"), ClusterError,
         f"not allowed .403: aiplatform.pipelineJobs.create denied.*roles/aiplatform.user.*{submissions.ACCOUNT}"),
        (exceptions.NotFound("no such project"), ClusterError, "not found .404: no such project.*Look at `project`"),
        (exceptions.InvalidArgument("location moon-1 is not supported"), ClusterError, "refused .400: location moon-1"),
        (exceptions.Unauthenticated("invalid credentials"), ClusterError, "401: invalid credentials.*gcloud auth"),
        (exceptions.AlreadyExists("exists"), ClusterError, "409: exists.*Submit again"),
        (exceptions.ResourceExhausted("Quota exceeded for T4"), ClusterError, "quota is used up .429: Quota exceeded"),
        (exceptions.ServiceUnavailable("DNS resolution failed"), Unreachable, "does not answer in 'europe-west4'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_a_refusal_is_one_sentence_with_what_to_do(tmp_path, asked, monkeypatch, error, kind, message):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(PipelineServiceClient, "create_pipeline_job", refuse)
    with pytest.raises(kind, match=message) as caught:
        vertex.submit(submission(tmp_path), wait=False, report=print)
    assert "\n" not in str(caught.value)


def test_runs_are_listed_with_their_state_time_and_page(asked, monkeypatch):
    start = datetime(2026, 1, 2, 3, 0, tzinfo=timezone.utc)
    done = types.PipelineJob(
        name=JOB, display_name="mobilenet-1", state="PIPELINE_STATE_SUCCEEDED", start_time=start,
        end_time=start.replace(minute=42),
    )  # fmt: skip
    answer = vertex.runs(submissions.vertex_settings(), print)
    [(_, request, _)] = asked
    assert (request.parent, request.filter, request.page_size) == (PARENT, 'pipeline_name="mobilenet"', 20)
    assert request.order_by == "create_time desc" and "pipeline_spec" not in request.read_mask.paths
    assert [run.state for run in answer] == ["pending"]
    monkeypatch.setattr(PipelineServiceClient, "list_pipeline_jobs", lambda *_, **__: [done] * 30)
    run, *others = vertex.runs(submissions.vertex_settings(), print, limit=3)
    assert len(others) == 2
    assert (run.name, run.state, run.started, run.minutes) == ("mobilenet-1", "succeeded", start, 42.0)
    assert run.page == f"{PAGE}/runs/mobilenet-20260102030405?project=project"


def test_waiting_follows_the_tasks_to_the_end(tmp_path, asked, monkeypatch):
    names = {"mobilenet": 0, "DataGate": 1, "FloatTrainer": 3}
    error = {"code": 9, "message": "The replica ran out of memory."}

    def look(_, name, timeout):
        assert name == JOB
        states = {"mobilenet": "FAILED", "DataGate": "SKIPPED", "FloatTrainer": "FAILED"}
        details = [
            {"task_name": task, "task_id": index + 1, "parent_task_id": parent, "state": states[task]}
            | ({"error": error} if parent and states[task] == "FAILED" else {})
            for index, (task, parent) in enumerate(names.items())
        ]
        return types.PipelineJob(
            name=JOB, display_name="mobilenet-1", state="PIPELINE_STATE_FAILED", error=error,
            pipeline_spec=submissions.compiled().spec, job_detail={"task_details": details},
        )  # fmt: skip

    monkeypatch.setattr(PipelineServiceClient, "get_pipeline_job", look)
    said = []
    assert vertex.submit(submission(tmp_path), wait=True, report=said.append).state == "failed"
    assert said == [
        f"mobilenet-20260102030405: {PAGE}/runs/mobilenet-20260102030405?project=project",
        "DataGate: skipped",
        "FloatTrainer: failed. The replica ran out of memory.",
        "mobilenet-1: failed. The replica ran out of memory.",
    ]


def test_a_run_that_is_not_there_is_said(asked, monkeypatch):
    def refuse(*_, **__):
        raise exceptions.NotFound("The PipelineJob does not exist.")

    monkeypatch.setattr(PipelineServiceClient, "get_pipeline_job", refuse)
    with pytest.raises(ClusterError, match=r"404: The PipelineJob does not exist.*run's id"):
        vertex.follow(submissions.vertex_settings(), "nothing", print)
