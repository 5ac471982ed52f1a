"""Kubeflow Pipelines: what its API is asked, on a server on loopback that is as strict as the real one."""

import json
from datetime import datetime, timezone

import pytest
import yaml

from pipeline.branch import Branch
from pipeline.cluster import kubeflow_api, runs, submit
from pipeline.cluster.runs import ClusterError
from pipeline.cluster.submission import Submitted
from pipeline.compiled import compiled_file, compiler
from tests.pipeline.cluster import kubeflow_server, submissions
from tests.pipeline.cluster.kubeflow_server import NOT_YET, KubeflowServer, Refused

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
NAME = "mobilenet-20260102030405"
CRON = "0 3 * * 1"


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    monkeypatch.delenv("KUBEFLOW_TOKEN", raising=False)


@pytest.fixture
def server():
    with KubeflowServer() as running:
        yield running


def submission(folder, host, *, settings=None, **given):
    settings = settings or submissions.kubeflow_settings(host)
    return submit.prepare(submissions.written(folder), settings, **given).at(NOW)


def test_a_run_is_asked_for_with_all_that_the_settings_say(tmp_path, server):
    ready = submission(tmp_path, server.host, given={"margin": "0.02"}, recipe_set=["float.epochs=3"])
    submitted = kubeflow_api.submit(ready, wait=False, report=print)
    assert submitted == Submitted("run-1", f"{server.host}/#/runs/details/run-1", "pending")
    body = server.state.posted["/apis/v2beta1/runs"]
    assert (body["display_name"], body["experiment_id"]) == (NAME, "experiment-1")
    assert body["service_account"] == "pipeline-runner"
    assert body["runtime_config"]["pipeline_root"] == "minio://mlpipeline/mobilenet"
    values = body["runtime_config"]["parameters"]
    assert (values["data"], values["push_destination"]) == ("/mnt/volume/data", "/mnt/volume/models")
    assert (values["floor"], values["margin"]) == (0.6, 0.02)
    assert values["data_digest"] == "unseen-20260102030405"
    assert json.loads(values["float_recipe_w025_r64"])["recipe"]["epochs"] == 3
    assert json.loads(values["qat_recipe_w025_r64"])["recipe"]["epochs"] != 3


def test_each_node_gets_its_image_resources_and_volumes(tmp_path, server):
    kubeflow_api.submit(submission(tmp_path, server.host), wait=False, report=print)
    sent = server.state.posted["/apis/v2beta1/runs"]["pipeline_spec"]
    compiled = compiled_file.Compiled(sent["pipeline_spec"], sent["platform_spec"])
    trainer, gate = compiled.container("FloatTrainer-w025-r64"), compiled.container("DataGate")
    assert trainer and gate
    assert (trainer["image"], gate["image"]) == (submissions.GPU_IMAGE, submissions.IMAGE)
    assert trainer["resources"]["accelerator"] == {"type": "nvidia.com/gpu", "count": "2"}
    assert gate["resources"] == {"memoryLimit": 8.0}
    executors = sent["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert len(executors) == len(compiled.nodes) == 15
    assert {json.dumps(each["pvcMount"]) for each in executors.values()} == {
        '[{"constant": "pictures", "mountPath": "/mnt/volume"}]'
    }
    assert {each["podMetadata"]["labels"]["team"] for each in executors.values()} == {"vision"}
    assert "set-at-submit" not in json.dumps(sent)


@pytest.mark.parametrize("cache", [True, False])
def test_the_cache_is_as_the_settings_say(tmp_path, server, cache):
    settings = submissions.kubeflow_settings(server.host, cache=cache)
    kubeflow_api.submit(submission(tmp_path, server.host, settings=settings), wait=False, report=print)
    sent = server.state.posted["/apis/v2beta1/runs"]["pipeline_spec"]["pipeline_spec"]
    assert ("cachingOptions" in compiled_file.Compiled(sent).nodes["FloatTrainer-w025-r64"].task) is cache


@pytest.mark.filterwarnings(
    "ignore:This client only works with Kubeflow Pipeline v2:FutureWarning",  # kfp says so of every client.
    r"ignore:HTTPResponse.getheader.* is deprecated:DeprecationWarning",  # kfp_server_api asks urllib3 that way.
)
def test_the_run_is_the_one_that_kfp_would_ask_for(tmp_path, server, monkeypatch):
    import kfp
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    monkeypatch.setattr(kfp.Client, "_LOCAL_KFP_CONTEXT", str(tmp_path / "no-context.json"))
    settings, ready = submissions.kubeflow_settings(server.host), submission(tmp_path, server.host)
    kubeflow_api.submit(ready, wait=False, report=print)
    compiled_file.write(tmp_path / "placed.yaml", ready.compiled)
    kfp.Client(host=server.host).create_run_from_pipeline_package(
        str(tmp_path / "placed.yaml"), arguments=dict(ready.parameters), run_name=ready.name,
        experiment_name=settings.experiment, pipeline_root=settings.pipeline_root,
        service_account=settings.service_account,
    )  # fmt: skip
    ours, theirs = (body for method, path, body in server.state.asked if method == "POST" and path.endswith("/runs"))
    messages: list[list] = []
    for body in (ours, theirs):  # Numbers may be written 1 or 1.0: compared as messages.
        sent = body.pop("pipeline_spec")
        kinds = {"pipeline_spec": pipeline_spec_pb2.PipelineSpec(), "platform_spec": pipeline_spec_pb2.PlatformSpec()}
        messages.append([json_format.ParseDict(sent[name], kind) for name, kind in kinds.items()])  # type: ignore[arg-type]
    assert messages[0] == messages[1]
    assert ours == theirs


@pytest.mark.parametrize("schedule", [None, CRON])
def test_the_dry_run_shows_the_request_that_is_sent(tmp_path, server, schedule):
    settings = submissions.kubeflow_settings(server.host)
    text = submit.as_text(submit.prepare(submissions.written(tmp_path), settings, schedule=schedule))
    assert server.state.asked == []
    shown = yaml.safe_load(text.replace("TIME", "20260102030405"))
    kubeflow_api.submit(submission(tmp_path, server.host, schedule=schedule), wait=False, report=print)
    method, path, body = server.state.asked[-1]
    assert method == "POST" and shown["POST"] == f"{server.host}{path}"
    assert shown["body"].pop("experiment_id") == "(of 'mobilenet', which is made if it is not there)"
    assert body.pop("experiment_id") == "experiment-1"
    assert shown["body"] == body


def test_the_experiment_is_made_once(tmp_path, server):
    settings = submissions.kubeflow_settings(server.host, experiment="100% + more")
    for _ in range(2):
        kubeflow_api.submit(submission(tmp_path, server.host, settings=settings), wait=False, report=print)
    assert [each["display_name"] for each in server.state.experiments] == ["100% + more"]
    assert [each["experiment_id"] for each in server.state.runs] == ["experiment-1"] * 2


def test_a_schedule_becomes_a_recurring_run_whose_cron_begins_with_the_seconds(tmp_path, server):
    submitted = kubeflow_api.submit(submission(tmp_path, server.host, schedule=CRON), wait=True, report=print)
    assert submitted == Submitted(
        "schedule-1", f"{server.host}/#/recurringrun/details/schedule-1", "scheduled"
    )  # fmt: skip
    body = server.state.posted["/apis/v2beta1/recurringruns"]
    assert body["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * 1"}}
    assert (body["mode"], body["max_concurrency"], body["no_catchup"]) == ("ENABLE", 1, True)
    assert (body["display_name"], body["service_account"]) == ("mobilenet", "pipeline-runner")
    assert "cachingOptions" not in body["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]["ImageNetExampleGen"]
    assert server.state.runs == []


def test_a_second_schedule_of_the_same_name_is_refused_while_the_first_is_on(tmp_path, server):
    ready = submission(tmp_path, server.host, schedule=CRON)
    kubeflow_api.submit(ready, wait=False, report=print)
    with pytest.raises(ClusterError, match=r"A schedule 'mobilenet' runs already: http.*/schedule-1 \. Disable or"):
        kubeflow_api.submit(ready, wait=False, report=print)
    server.state.recurring[0]["status"] = "DISABLED"
    assert kubeflow_api.submit(ready, wait=False, report=print).run_id == "schedule-2"


def test_the_servers_own_words_are_in_its_refusal(tmp_path, server):
    with pytest.raises(ClusterError, match=r"refuses the request \(400\): .*61 is not between 0 and 59"):
        kubeflow_api.submit(submission(tmp_path, server.host, schedule="61 3 * * 1"), wait=False, report=print)


@pytest.mark.parametrize(
    ("demands", "message"),
    [
        ({"token": "another"}, r"does not know who asks \(401: .*no user identity.*bearer token.*KUBEFLOW_TOKEN"),
        ({"denied": True}, r"does not allow this \(403: User 'ann' is not authorized.*kubeflow-edit.*`namespace`"),
        ({"namespace": "ann"}, r"has several users: name yours in the settings \(namespace"),
    ],
)
def test_what_a_cluster_demands_is_one_sentence_with_what_to_do(tmp_path, demands, message):
    with KubeflowServer(**demands) as server, pytest.raises(ClusterError, match=message) as caught:
        kubeflow_api.submit(submission(tmp_path, server.host), wait=False, report=print)
    assert "\n" not in str(caught.value)
    assert server.state.posted == {}


def test_a_namespace_is_the_experiments(tmp_path):
    with KubeflowServer(namespace="ann") as server:
        settings = submissions.kubeflow_settings(server.host, namespace="ann")
        kubeflow_api.submit(submission(tmp_path, server.host, settings=settings), wait=False, report=print)
        assert server.state.experiments[0]["namespace"] == "ann"


def test_runs_are_listed_the_latest_first_with_their_state_time_and_page(tmp_path, server):
    settings = submissions.kubeflow_settings(server.host)
    assert kubeflow_api.runs(settings, print) == []
    for _ in range(3):
        kubeflow_api.submit(submission(tmp_path, server.host), wait=False, report=print)
    server.state.runs[1] |= {"created_at": "2026-01-03T00:00:00Z", "finished_at": "2026-01-03T00:42:00Z"}
    server.state.runs[1]["state"] = "SUCCEEDED"
    first, second = kubeflow_api.runs(settings, print, limit=2)
    assert (first.id, first.name, first.state, first.minutes) == ("run-2", NAME, "succeeded", 42.0)
    assert first.started == datetime(2026, 1, 3, tzinfo=timezone.utc)
    assert first.page == f"{server.host}/#/runs/details/run-2"
    assert (second.state, server.state.runs[0]["finished_at"]) == ("pending", NOT_YET)
    assert second.minutes and second.minutes > 0  # Until now.


def detail(name, state, end=None):
    """As the API gives it: no reason of a failure, and a time that is not yet as 1970."""
    return {"display_name": name, "state": state, "end_time": f"2026-01-02T03:{end:02}:00Z" if end else NOT_YET}


def followed(folder, server, monkeypatch, *script, compiled=None):
    """What is said while a run goes through these answers, and the state that it ends with."""
    monkeypatch.setattr(runs, "FIRST", 0.0)
    server.state.script = list(script)
    path = folder / "pipeline.yaml"
    compiled_file.write(path, compiled or submissions.compiled())
    ready = submit.prepare(path, submissions.kubeflow_settings(server.host)).at(NOW)
    said = []
    state = kubeflow_api.submit(ready, wait=True, report=said.append).state
    assert said.pop(0) == f"run-1: {server.host}/#/runs/details/run-1"
    return said, state


LOGS = "The logs: kubectl --namespace kubeflow logs --selector pipeline/runid=run-1 --container main --prefix --tail 30"


def test_waiting_follows_the_pipelines_own_tasks_to_the_end(tmp_path, server, monkeypatch):
    tasks = [
        detail("executor", "FAILED", 9),
        detail("Evaluator", "FAILED", 9),
        detail("DataGate-driver", "SUCCEEDED", 3),
        detail("DataGate", "SUCCEEDED", 4),
        detail("root", "FAILED", 10),
        detail("LabelSchema", "SUCCEEDED", 2),
    ]
    said, state = followed(
        tmp_path, server, monkeypatch,
        {"state": "RUNNING", "run_details": {"task_details": tasks[2:]}},
        Refused(503, 14, "upstream connect error"),
        {"state": "FAILED", "run_details": {"task_details": tasks}, "error": {"code": 13, "message": "run failed"}},
    )  # fmt: skip
    assert state == "failed"
    assert said == [
        "LabelSchema: succeeded",
        "DataGate: succeeded",
        f"{NAME}: running",
        f"{server.host} is busy or starting (503: upstream connect error). Try again in a minute. Asking again.",
        "Evaluator: failed",
        f"{NAME}: failed. run failed",
        LOGS,
    ]


def test_tasks_of_several_variants_are_told_by_how_many_are_where(tmp_path, server, monkeypatch):
    variants = [Branch.of(name, "sample") for name in ("0.25_64", "0.5_64", "0.25_128")]
    tasks = [detail("FloatTrainer", "RUNNING"), detail("FloatTrainer", "SUCCEEDED", 5)]
    running = {"state": "RUNNING", "run_details": {"task_details": tasks}}
    more = [detail("FloatTrainer", "SUCCEEDED", 6), detail("FloatTrainer", "FAILED", 7), tasks[1]]
    failed = {"state": "FAILED", "run_details": {"task_details": more}}
    compiled = compiler.compile_pipeline(compiler.DEFAULTS, variants)
    said, _ = followed(tmp_path, server, monkeypatch, running, failed, compiled=compiled)
    assert said == [
        "FloatTrainer: 1 of 3 running, 1 of 3 succeeded",
        f"{NAME}: running",
        "FloatTrainer: 1 of 3 failed, 2 of 3 succeeded",
        f"{NAME}: failed",
        LOGS,
    ]


def test_states_that_froze_are_not_told_as_running_when_the_run_has_ended(tmp_path, server, monkeypatch):
    tasks = [detail("FloatTrainer", "RUNNING"), detail("DataGate", "SUCCEEDED", 4)]
    said, state = followed(
        tmp_path, server, monkeypatch, {"state": "SUCCEEDED", "run_details": {"task_details": tasks}}
    )
    assert state == "succeeded"
    assert said == [
        "DataGate: succeeded",
        f"{NAME}: succeeded",
        "Kubeflow has not told how 16 of 17 tasks ended; its page may.",
    ]


def test_a_run_that_was_terminated_is_told_from_one_that_failed(tmp_path, server, monkeypatch):
    history = [{"state": "RUNNING"}, {"state": "CANCELING"}, {"state": "FAILED"}]
    said, _ = followed(tmp_path, server, monkeypatch, {"state": "FAILED", "state_history": history})
    assert said == [f"{NAME}: failed", "It was terminated.", LOGS]


def test_a_run_that_is_deleted_while_it_is_followed_does_not_go_on(tmp_path, server, monkeypatch):
    monkeypatch.setattr(runs, "FIRST", 0.0)
    server.state.script = [{"state": "RUNNING"}, Refused(404, 5, "Run run-1 not found")]
    said = []
    with pytest.raises(ClusterError, match="Run run-1 not found"):
        kubeflow_api.submit(submission(tmp_path, server.host), wait=True, report=said.append)
    assert said[-1] == "No longer following run-1, which was deleted"


def test_many_runs_are_asked_for_in_small_pages(tmp_path, server):
    settings = submissions.kubeflow_settings(server.host)
    kubeflow_api.submit(submission(tmp_path, server.host), wait=False, report=print)
    [run] = server.state.runs
    server.state.runs += [run | {"run_id": f"run-{number}"} for number in range(2, 31)]
    del server.state.asked[:]
    assert [each.id for each in kubeflow_api.runs(settings, print, limit=25)] == [f"run-{n}" for n in range(1, 26)]
    assert [path for _, path, _ in server.state.asked].count("/apis/v2beta1/runs") == 3


def test_of_an_error_with_gos_stack_the_words_alone_are_shown(tmp_path, server, monkeypatch):
    stack = (
        "\ngithub.com/kubeflow/pipelines/backend/src/common/util.NewInternalServerError\n\t/go/src/util/error.go:143"
    )
    said = "Failed to create a new run: InternalServerError: invalid DAG: circular dependency" + stack * 20
    monkeypatch.setattr(kubeflow_server, "check_spec", raising(Refused(500, 13, said)))
    with pytest.raises(ClusterError, match=r"refuses the request \(500\): .*circular dependency$"):
        kubeflow_api.submit(submission(tmp_path, server.host), wait=False, report=print)


def raising(error):
    def refuse(*_):
        raise error

    return refuse


def test_a_run_that_is_not_there_is_said(server):
    with pytest.raises(ClusterError, match=r"404: .*Run nothing not found\).*look at the id"):
        kubeflow_api.follow(submissions.kubeflow_settings(server.host), "nothing", print)
