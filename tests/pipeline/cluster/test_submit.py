"""Before anything is sent: settings applied, parameters filled in, checked, and shown."""

import re
from datetime import datetime, timezone

import pytest
import yaml
from google.cloud.aiplatform_v1.services.pipeline_service import PipelineServiceClient

from pipeline.cluster import run_parameters, submit
from pipeline.cluster.submission import SubmitError
from pipeline.cluster.submit import EXAMPLE_GEN
from pipeline.compiled import compiled_file, placement
from pipeline.settings.local import SAMPLE
from tests.pipeline.cluster import submissions
from tests.pipeline.cluster.kubeflow_server import KubeflowServer

NOWHERE = "http://127.0.0.1:9"
FIRST, SECOND = (datetime(2026, 1, 2, 3, 4, second, tzinfo=timezone.utc) for second in (5, 6))


def submitted_to_vertex(path, **given):
    return submit.send(submit.prepare(path, submissions.vertex_settings(), **given), wait=False, report=print)


def test_nothing_is_sent_to_vertex_when_the_check_fails(tmp_path, monkeypatch):
    asked = []
    for method in ("create_pipeline_job", "__init__"):
        monkeypatch.setattr(PipelineServiceClient, method, lambda *args, **kwargs: asked.append(kwargs))
    with pytest.raises(SubmitError, match="would not run on vertex, so nothing was sent") as caught:
        submitted_to_vertex(submissions.broken(tmp_path))
    assert "DataGate" in str(caught.value) and "Variant/Pusher" in str(caught.value)  # All at once.
    assert asked == []


def test_nothing_is_sent_to_kubeflow_when_the_check_fails(tmp_path):
    with KubeflowServer() as server:
        with pytest.raises(SubmitError, match="would not run on kubeflow, so nothing was sent") as caught:
            settings = submissions.kubeflow_settings(server.host)
            submit.send(submit.prepare(submissions.broken(tmp_path), settings), wait=False, report=print)
        assert "DataGate" in str(caught.value) and "Variant/Pusher" in str(caught.value)
        assert server.state.asked == []


def test_a_file_that_takes_no_settings_is_not_sent_without_them(tmp_path):
    settings = submissions.vertex_settings(nodes={"FloatTrainer": {"training": {"machine": "n1-standard-8"}}})
    faulty = placement.place(submissions.compiled(), settings)
    container = faulty.container("FloatTrainer-w025-r64")
    assert container
    container.clear()
    container.update(image=submissions.IMAGE, command=["true"])  # Nothing that backends or rules mind.
    compiled_file.write(tmp_path / "pipeline.yaml", faulty)
    with pytest.raises(SubmitError, match=r"pipeline\.yaml does not take the settings, so nothing was sent"):
        submit.prepare(tmp_path / "pipeline.yaml", settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"given": {"flor": "0.5"}},
            "flor: the pipeline has no such parameter, only boxes, class_margin, classes, data, data_digest, f",
        ),
        ({"given": {"floor": "high"}}, "--parameter floor is 'high', wanted a number"),
        ({"recipe_set": ["epochs=none"]}, "--recipe-set: .*epochs"),
        ({"schedule": "every monday"}, "--schedule is 'every monday', wanted the five fields of cron"),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        submitted_to_vertex(submissions.written(tmp_path), **given)


def test_a_missing_parameter_is_refused_by_name(tmp_path):
    path = submissions.written(tmp_path)
    path.write_text(path.read_text().replace("defaultValue: 0.01", "isOptional: false"))
    with pytest.raises(SubmitError, match="margin"):
        submit.prepare(path, submissions.vertex_settings())


@pytest.mark.parametrize("settings", [submissions.vertex_settings(), submissions.kubeflow_settings(NOWHERE)])
def test_a_dry_run_reads_the_same_every_time_and_is_all_there(tmp_path, settings):
    path = submissions.written(tmp_path)
    texts = {
        submit.as_text(submit.prepare(path, settings, given={"margin": "0.02"}, recipe_set=["qat.epochs=7"]))
        for _ in range(2)
    }
    [text] = texts
    assert text.startswith("# A dry run: nothing was sent. TIME stands for the time of submission.\n")
    assert isinstance(yaml.safe_load(text), dict)
    for said in ("mobilenet-TIME", "margin: 0.02", "floor: 0.6", '"epochs": 7', submissions.GPU_IMAGE, "team: vision"):
        assert said in " ".join(text.split())  # YAML breaks long lines.


def test_on_kubeflow_the_digest_of_data_that_is_seen_from_here_is_filled_in(tmp_path):
    path = submissions.written(tmp_path)
    parameters = {"data": str(SAMPLE), "push_destination": str(SAMPLE.parent / "models")}
    settings = submissions.kubeflow_settings(NOWHERE, mount=str(SAMPLE.parent), parameters=parameters)
    submission = submit.prepare(path, settings)
    digest = run_parameters.data_digest(str(SAMPLE))
    assert digest and submission.at(FIRST).parameters["data_digest"] == digest
    assert submission.notes == ()


def test_on_kubeflow_data_that_is_not_seen_from_here_never_comes_from_the_cache(tmp_path):
    submission = submit.prepare(submissions.written(tmp_path), submissions.kubeflow_settings(NOWHERE))
    digests = [submission.at(time).parameters["data_digest"] for time in (FIRST, SECOND)]
    assert digests == ["unseen-20260102030405", "unseen-20260102030406"]
    [note] = submission.notes
    assert note.startswith("/mnt/volume/data cannot be seen from here, so ImageNetExampleGen takes nothing from the")
    assert f"# {note}\n" in submit.as_text(submission)


def test_data_with_a_span_in_its_name_never_comes_from_the_cache_on_vertex_either(tmp_path):
    path = submissions.written(tmp_path)
    settings = submissions.vertex_settings()
    parameters = submit.prepare(path, settings, given={"data": "gs://pictures/{SPAN}"}).at(FIRST).parameters
    assert parameters["data_digest"] == "unseen-20260102030405"
    assert submit.prepare(path, settings).at(FIRST).parameters["data_digest"] == ""


def test_parameters_too_long_for_an_argument_are_refused_and_those_too_long_for_older_servers_told(tmp_path):
    path, settings = submissions.written(tmp_path), submissions.kubeflow_settings(NOWHERE)
    assert submit.prepare(path, settings, given={"data_digest": "x"}).notes == ()
    [note] = submit.prepare(path, settings, given={"data_digest": "x" * 10_000}).notes
    assert re.fullmatch(r"The run's parameters are 1\d,\d{3} bytes: .* before 2\.16 takes at most 10,000\.", note)
    with pytest.raises(SubmitError, match=r"are 13\d,\d{3} bytes, wanted at most 131,071: shorten data_digest"):
        submit.prepare(path, settings, given={"data_digest": "x" * 131_000})
    on_vertex = submit.prepare(path, submissions.vertex_settings(), given={"data_digest": "x" * 131_000})
    assert on_vertex.notes == ()


def test_on_kubeflow_a_digest_that_the_user_gives_stays(tmp_path):
    path = submissions.written(tmp_path)
    settings = submissions.kubeflow_settings(NOWHERE)
    for schedule in (None, "0 3 * * 1"):
        submission = submit.prepare(path, settings, given={"data_digest": "LUNCHTIME"}, schedule=schedule).at(FIRST)
        assert submission.parameters["data_digest"] == "LUNCHTIME"
        assert submission.compiled.tasks[EXAMPLE_GEN]["cachingOptions"] == {"enableCache": True}


def test_on_kubeflow_each_run_of_a_schedule_reads_its_data_anew(tmp_path):
    path = submissions.written(tmp_path)
    submission = submit.prepare(path, submissions.kubeflow_settings(NOWHERE), schedule="0 3 * * 1").at(FIRST)
    cached = {name for name, node in submission.compiled.nodes.items() if "cachingOptions" in node.task}
    assert EXAMPLE_GEN not in cached and "FloatTrainer-w025-r64" in cached
    assert submission.parameters["data_digest"] == ""
    assert submission.notes == (
        "ImageNetExampleGen takes nothing from the cache: each run of the schedule reads its data anew.",
    )


def test_on_vertex_the_driver_looks_at_the_data_itself(tmp_path):
    submission = submit.prepare(submissions.written(tmp_path), submissions.vertex_settings())
    assert submission.parameters["data_digest"] == ""
    assert submission.notes == ()


def test_a_schedule_of_the_command_line_stands_over_the_settings(tmp_path):
    path, settings = submissions.written(tmp_path), submissions.vertex_settings(schedule="0 3 * * 1")
    assert submit.prepare(path, settings).schedule == "0 3 * * 1"
    assert submit.prepare(path, settings, schedule="0 4 * * 2").schedule == "0 4 * * 2"
    assert submit.prepare(path, settings, schedule="").schedule is None
