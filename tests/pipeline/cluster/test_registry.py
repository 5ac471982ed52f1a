"""Vertex AI's Model Registry: the request that registers a release, against aiplatform.Model.upload's."""

import google.auth
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from typer.testing import CliRunner

from components.release import bundle, pusher
from components.release.bundle import BundleError
from pipeline.cluster import registry
from pipeline.cluster.registry_commands import app
from pipeline.cluster.runs import ClusterError
from tests import storage_server

PARENT = "projects/project/locations/europe-west4"
MODEL = f"{PARENT}/models/77"
RELEASE = "gs://models/out/0.25_32/1"
WHERE = registry.Registry("project", "europe-west4")
INFO = {
    "name": "mobilenet_v1_0.25_32", "variant": "0.25_32", "resolution": 32, "classes": 11,
    "results": {"pictures": 500, "float": {"top1": 0.914}, "int8": {"top1": 0.91}},
    "digests": {"quantized": {"data": "d" * 64}, "bundle_code": "c" * 64},
}  # fmt: skip


class _Done:
    """The end of a long-running operation."""

    def __init__(self, version: str) -> None:
        self.answer = types.UploadModelResponse(model=MODEL, model_version_id=version)
        self.operation = self

    name = "operation"

    def result(self, timeout=None):
        return self.answer


class _Service:
    """What was uploaded, as requests; the models that there are."""

    def __init__(self) -> None:
        self.requests: list[types.UploadModelRequest] = []
        self.filters: list[str] = []

    def upload_model(self, client, request, timeout=None):
        self.requests.append(request)
        return _Done(str(len(self.requests)))

    def list_models(self, client, request, timeout=None):
        self.filters.append(request.filter)
        return [types.Model(name=MODEL)] if self.requests else []

    def list_model_versions(self, client, request, timeout=None):
        assert request.name == MODEL
        return [
            types.Model(name=f"{MODEL}@{number}", version_id=str(number), labels=dict(each.model.labels))
            for number, each in enumerate(self.requests, start=1)
        ]

    def get_model(self, client, request=None, **_):
        return types.Model(name=MODEL)


@pytest.fixture
def service(monkeypatch):
    made = _Service()
    for method in ("upload_model", "list_models", "list_model_versions", "get_model"):
        call = getattr(made, method)
        monkeypatch.setattr(ModelServiceClient, method, lambda client, *_, _call=call, **named: _call(client, **named))
    monkeypatch.setattr(google.auth, "default", lambda scopes=None: (AnonymousCredentials(), "project"))
    return made


@pytest.fixture
def storage(monkeypatch):
    with storage_server.serving(monkeypatch) as serving:
        yield serving


@pytest.fixture
def release(storage, tmp_path):
    """In the bucket: versions 1 and 2."""
    for number in (1, 2):
        folder = tmp_path / str(number)
        (folder / "saved_model").mkdir(parents=True)
        (folder / "saved_model" / "saved_model.pb").write_text(f"of release {number}")
        bundle.write_json(folder / bundle.INFO, INFO)
        bundle.write_manifest(folder)
        pusher.deliver(folder, "gs://models/out")
    return storage


def test_the_request_is_the_one_that_aiplatform_would_send(release, service):
    done = registry.register(RELEASE, WHERE)
    [ours] = service.requests
    page = (
        "https://console.cloud.google.com/vertex-ai/models/locations/europe-west4/models/77/versions/1?project=project"
    )
    assert done == registry.Registered(MODEL, "1", page, new=True)
    image = aiplatform.helpers.get_prebuilt_prediction_container_uri("tensorflow", "2.15", region="europe-west4")
    aiplatform.Model.upload(
        serving_container_image_uri=image, artifact_uri=f"{RELEASE}/saved_model", display_name="mobilenet_v1_0.25_32",
        description="MobileNetV1 0.25_32, 11 classes with the background.", project="project", location="europe-west4",
        version_description=f"{RELEASE}: top-1 91.40% in float and 91.00% in int8, on 500 pictures.",
        labels=dict(ours.model.labels), credentials=AnonymousCredentials(),
    )  # fmt: skip
    theirs = service.requests[1]
    assert types.UploadModelRequest.pb(ours) == types.UploadModelRequest.pb(theirs)


def test_the_labels_say_which_release_it_is_as_google_takes_labels(release, service):
    registry.register(RELEASE, WHERE)
    labels = dict(service.requests[0].model.labels)
    manifest = labels.pop("manifest")
    assert len(manifest) == 63 and set(manifest) <= set("0123456789abcdef")
    assert labels == {
        "variant": "0-25_32", "release": "1", "resolution": "32", "classes": "11", "data": "d" * 63, "code": "c" * 63,
        "signed": "no",
    }  # fmt: skip


def test_the_same_release_is_registered_once_and_the_next_is_a_version_of_the_same_model(release, service):
    assert registry.register(RELEASE, WHERE).version == "1"
    again = registry.register(RELEASE, WHERE)
    assert (again.model, again.version, again.new, len(service.requests)) == (MODEL, "1", False, 1)
    second = registry.register("gs://models/out/0.25_32/latest", WHERE)
    assert (second.version, second.new) == ("2", True)
    assert [each.parent_model for each in service.requests] == ["", MODEL]
    assert set(service.filters) == {'display_name="mobilenet_v1_0.25_32"'}


def test_a_clusters_mount_of_the_bucket_is_the_bucket(release, service):
    registry.register("/gcs/models/out/0.25_32/2", WHERE, display_name="mine", image="eu-docker.pkg.dev/server:1")
    [request] = service.requests
    assert request.model.artifact_uri == "gs://models/out/0.25_32/2/saved_model"
    assert request.model.display_name == "mine"
    assert request.model.container_spec.image_uri == "eu-docker.pkg.dev/server:1"


def test_a_damaged_release_and_a_folder_are_not_registered(release, service, tmp_path):
    with pytest.raises(BundleError, match=r"is a folder, and Vertex AI reads Cloud Storage\. Give gs://"):
        registry.register(str(tmp_path / "1"), WHERE)
    release.objects["out/0.25_32/1/saved_model/saved_model.pb"] = b"forged"
    with pytest.raises(BundleError, match=r"0\.25_32/1 is not whole: saved_model/saved_model\.pb: changed"):
        registry.register(RELEASE, WHERE)
    assert service.requests == []


def test_a_bundle_that_does_not_say_what_was_measured_is_refused(storage, service, tmp_path):
    (tmp_path / "saved_model").mkdir()
    bundle.write_json(tmp_path / bundle.INFO, INFO | {"digests": None})
    bundle.write_manifest(tmp_path)
    pusher.deliver(tmp_path, "gs://models/out")
    with pytest.raises(BundleError, match=r"0\.25_32/1: info\.json does not say all that is asked"):
        registry.register(RELEASE, WHERE)


def test_a_refusal_is_one_sentence(release, service, monkeypatch):
    def refuse(*_, **__):
        raise exceptions.PermissionDenied("aiplatform.models.upload denied")

    monkeypatch.setattr(ModelServiceClient, "upload_model", refuse)
    with pytest.raises(ClusterError, match=r"project project, europe-west4: not allowed \(403: aiplatform\.models\.up"):
        registry.register(RELEASE, WHERE)
    with pytest.raises(ClusterError, match="the display name is"):
        registry.register(RELEASE, WHERE, display_name='a" OR "b')


@pytest.mark.parametrize("location", ["us-central1", "europe-west4", "asia-east1", "australia-southeast1"])
def test_the_server_is_googles_and_the_nearest(location):
    region = location if location.split("-")[0] in ("us", "europe", "asia") else "us"
    wanted = aiplatform.helpers.get_prebuilt_prediction_container_uri("tensorflow", "2.15", region=region)
    assert registry.server(location) == wanted


def test_the_command_says_what_was_made_and_where(release, service):
    arguments = [RELEASE, "--project", "project", "--location", "europe-west4"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert (done.exit_code, done.output.splitlines()[0]) == (0, f"Registered: {MODEL}, version 1")
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert done.output.splitlines()[0] == f"Registered already: {MODEL}, version 1"
    done = CliRunner().invoke(app, ["/no/such", *arguments[1:]], env={"COLUMNS": "200"})
    assert done.exit_code == 1 and "Vertex AI reads Cloud Storage" in done.output
