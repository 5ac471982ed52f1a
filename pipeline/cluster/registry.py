"""Vertex AI's Model Registry: a release bundle in Cloud Storage becomes a model there, or the next version of one.

What is registered is the bundle's SavedModel (float), where it lies; the labels say which release that is. The request
goes through the service's own client, as in vertex.py, and is the one that aiplatform.Model.upload would send
(tests/pipeline/cluster/test_registry.py).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

from components.node.cloud_paths import remote
from components.release import bundle, gcs_path
from components.release import versions as destination
from components.release.gcs_path import BucketPath
from pipeline.cluster.google_cloud import credentials, explained
from pipeline.cluster.runs import ClusterError

TIMEOUT = 120  # Seconds for one call.
LONGEST = 1800  # Seconds for the copy that Vertex AI makes of the SavedModel.
SAVED_MODEL = "saved_model"
_CONSOLE = "https://console.cloud.google.com/vertex-ai/models"
_SERVER = "vertex-ai/prediction/tf2-cpu.2-15:latest"  # The newest of Google's for TensorFlow.
_CONTINENTS = ("us", "europe", "asia")  # That have a registry of these images.
_MANIFEST = "manifest"  # The label by which a release is found again.


@dataclass(frozen=True)
class Registry:
    """Whose registry, and where."""

    project: str
    location: str
    service_account: str | None = None

    @property
    def parent(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"


@dataclass(frozen=True)
class Registered:
    """A version in the registry."""

    model: str  # projects/…/models/ID
    version: str
    page: str  # For a browser.
    new: bool  # Or it was there.


def register(release: str, where: Registry, *, display_name: str | None = None, image: str | None = None) -> Registered:
    """Registers a release; the same one twice is the same version.

    Args:
      release: `gs://…/VARIANT/VERSION`, or `…/latest`.
      display_name: whose next version it becomes; without it the model's own name.
      image: of the server that an endpoint would run; without it Google's for TensorFlow.

    Raises:
      BundleError, PushError: it is no whole bundle in Cloud Storage.
      ClusterError: no login, no right, or Vertex AI does not take it; in its words.
    """
    folder = _in_cloud_storage(release)
    if faults := bundle.verify(folder):
        raise bundle.BundleError(f"{folder} is not whole: {'; '.join(faults[:5])}. Push the bundle again.")
    request = _request(folder, where, display_name=display_name, image=image)
    with explained(where):
        client = ModelServiceClient(
            credentials=credentials(), client_options={"api_endpoint": f"{where.location}-aiplatform.googleapis.com"}
        )
        parent = _of_that_name(client, where, request.model.display_name)
        if parent and (there := _registered(client, parent, request.model.labels[_MANIFEST])):
            return _as_registered(where, there.name, there.version_id, new=False)
        request.parent_model = parent
        made = client.upload_model(request=request, timeout=TIMEOUT).result(timeout=LONGEST)
    return _as_registered(where, made.model, made.model_version_id, new=True)  # pyright: ignore[reportOptionalMemberAccess]


def _in_cloud_storage(release: str) -> BucketPath:
    """A cluster's mount of a bucket is that bucket."""
    try:
        folder = destination.resolve(gcs_path.place(remote(release)))
    except ValueError as error:
        raise bundle.BundleError(str(error)) from error
    if not isinstance(folder, BucketPath):
        raise bundle.BundleError(
            f"{folder} is a folder, and Vertex AI reads Cloud Storage. Give gs://…/VARIANT/VERSION: "
            "`mobilenet run --push-destination gs://…` pushes there."
        )
    return folder


def _request(
    folder: BucketPath, where: Registry, *, display_name: str | None, image: str | None
) -> types.UploadModelRequest:
    info = bundle.read_info(folder)
    try:
        results = info["results"]
        model = types.Model(
            display_name=display_name or info["name"],
            description=f"MobileNetV1 {info['variant']}, {info['classes']} classes with the background.",
            version_aliases=["default"],  # What an endpoint takes that asks for no version.
            version_description=f"{folder}: top-1 {results['float']['top1']:.2%} in float and "
            f"{results['int8']['top1']:.2%} in int8, on {results['pictures']:,} pictures.",
            artifact_uri=str(folder / SAVED_MODEL),
            container_spec=types.ModelContainerSpec(image_uri=image or server(where.location)),
            labels=_labels(folder, info),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"{folder}: {bundle.INFO} does not say all that is asked ({error!r})"
        raise bundle.BundleError(f"{said}. Build the bundle again.") from error
    return types.UploadModelRequest(parent=where.parent, model=model)


def server(location: str) -> str:
    """The image of Google's server for TensorFlow that is nearest to a region."""
    continent = location.partition("-")[0]
    return f"{continent if continent in _CONTINENTS else 'us'}-docker.pkg.dev/{_SERVER}"


def _labels(folder: BucketPath, info: Mapping[str, Any]) -> dict[str, str]:
    """Which release it is; Google takes small letters, digits, - and _, 63 of them."""
    digests = info.get("digests", {})
    said = {
        "variant": info.get("variant"),
        "release": folder.name,
        "resolution": info.get("resolution"),
        "classes": info.get("classes"),
        "data": digests.get("quantized", {}).get("data"),
        "code": digests.get("bundle_code"),
        _MANIFEST: hashlib.sha256((folder / bundle.MANIFEST).read_bytes()).hexdigest(),
        "signed": "yes" if (folder / bundle.SIGNATURE).is_file() else "no",
    }
    return {name: re.sub(r"[^a-z0-9_-]", "-", str(value).lower())[:63] for name, value in said.items() if value}


def _of_that_name(client: ModelServiceClient, where: Registry, display_name: str) -> str:
    """The newest model of that name, or an empty string."""
    if '"' in display_name or "\\" in display_name:
        raise ClusterError(f'the display name is {display_name!r}, wanted one without " and \\.')
    request = types.ListModelsRequest(parent=where.parent, filter=f'display_name="{display_name}"')
    found = sorted(client.list_models(request=request, timeout=TIMEOUT), key=lambda model: str(model.create_time))
    return found[-1].name if found else ""


def _registered(client: ModelServiceClient, parent: str, manifest: str) -> types.Model | None:
    versions = client.list_model_versions(request=types.ListModelVersionsRequest(name=parent), timeout=TIMEOUT)
    return next((version for version in versions if version.labels.get(_MANIFEST) == manifest), None)


def _as_registered(where: Registry, model: str, version: str, *, new: bool) -> Registered:
    model = model.partition("@")[0]
    identity = model.rpartition("/")[2]
    page = f"{_CONSOLE}/locations/{where.location}/models/{identity}/versions/{version}?project={where.project}"
    return Registered(model, version, page, new)
