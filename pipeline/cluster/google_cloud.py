"""What both services of Google Cloud that we ask have in common: the login, the buckets, and errors in one sentence."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import google.auth
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud import storage

from pipeline.cluster.runs import ClusterError, Report, Unreachable
from pipeline.settings.cluster import VertexSettings

_TIMEOUT = 30  # Seconds.
_ONCE: Any = None  # Not again for two minutes, which the client would; its types leave None out.


class Asked(Protocol):
    """Whom we ask, for what an error says: VertexSettings, or a part of them."""

    @property
    def project(self) -> str: ...
    @property
    def location(self) -> str: ...
    @property
    def service_account(self) -> str | None: ...


def credentials() -> Any:
    """Of whoever is logged in on this machine."""
    return google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0]


def look_for_buckets(settings: VertexSettings, folders: Sequence[str], report: Report) -> None:
    """Before anything is sent: the buckets must be there. Whether they may be read is the service account's business.

    Raises:
      ClusterError: one is missing; none is ever made.
    """
    client = storage.Client(project=settings.project, credentials=credentials())
    for bucket in sorted({urlsplit(folder).netloc for folder in folders}):
        try:
            next(iter(client.list_blobs(bucket, max_results=1, timeout=_TIMEOUT, retry=_ONCE)), None)
        except exceptions.NotFound:
            raise ClusterError(
                f"There is no bucket gs://{bucket}, so nothing was sent. Make it: gcloud storage buckets create "
                f"gs://{bucket} --project={settings.project} --location={settings.location}"
            ) from None
        except (exceptions.Forbidden, exceptions.Unauthorized):
            report(f"gs://{bucket} is not for you to see; {_account(settings)} must be able to.")


def listing(settings: VertexSettings, places: Sequence[str], report: Report) -> str | None:
    """A digest of the names, sizes and generations of all objects at `gs://…` addresses, which a page at a time brings.

    Returns:
      None where nothing is there, or it is not for this login to see.
    """
    client = storage.Client(project=settings.project, credentials=credentials())
    sums, count = hashlib.sha256(), 0
    for place in places:
        address = urlsplit(place)
        key = address.path.strip("/")
        fields = "items(name,size,generation),nextPageToken"
        try:
            for blob in client.list_blobs(address.netloc, prefix=key, fields=fields, timeout=_TIMEOUT):
                if key in ("", blob.name) or blob.name.startswith(f"{key}/"):
                    sums.update(f"{place} {blob.name} {blob.size} {blob.generation}\n".encode())
                    count += 1
        except (exceptions.Forbidden, exceptions.Unauthorized):
            report(f"{place} is not for you to list: the node's driver looks at the pictures, one after another.")
            return None
    return f"listing:{count}:{sums.hexdigest()[:32]}" if count else None


@contextlib.contextmanager
def explained(settings: Asked) -> Iterator[None]:
    """Turns what the clients raise into one sentence.

    Raises:
      Unreachable: nobody answered.
      ClusterError: anything else that Google Cloud says.
    """
    try:
        yield
    except auth_exceptions.TransportError as error:
        raise Unreachable(f"Google's login does not answer ({_words(error)}). Look at the network.") from error
    except auth_exceptions.GoogleAuthError as error:
        raise ClusterError(
            f"No login for Google Cloud ({_words(error)}). Run `gcloud auth application-default login`, or name a key "
            "file in GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    except (exceptions.ServiceUnavailable, exceptions.GatewayTimeout, exceptions.RetryError) as error:
        raise Unreachable(
            f"Vertex AI does not answer in {settings.location!r} ({_words(error)}). Look at the network, and whether "
            "there is such a region (`location`)."
        ) from error
    except exceptions.GoogleAPICallError as error:
        raise ClusterError(_refusal(settings, error)) from error
    except OSError as error:
        if isinstance(error, ClusterError):
            raise
        raise Unreachable(f"Google Cloud does not answer ({_words(error)}). Look at the network.") from error


def _refusal(settings: Asked, error: exceptions.GoogleAPICallError) -> str:
    said = " ".join(str(error.message).split())
    where = f"Vertex AI, project {settings.project}, {settings.location}"
    if isinstance(error, exceptions.Unauthorized):
        return f"{where}: the login is not accepted (401: {said}). Run `gcloud auth application-default login`."
    if isinstance(error, exceptions.Forbidden):
        return (
            f"{where}: not allowed (403: {said}). You need roles/aiplatform.user, roles/iam.serviceAccountUser on "
            f"{_account(settings)}, and aiplatform.googleapis.com enabled in the project."
        )
    if isinstance(error, exceptions.NotFound):
        return f"{where}: not found (404: {said}). Look at `project`, `location` and the run's id."
    if isinstance(error, exceptions.AlreadyExists):
        return f"{where}: there is such a run (409: {said}). Submit again: the name has the second in it."
    if isinstance(error, exceptions.ResourceExhausted):
        return f"{where}: a quota is used up (429: {said}). Wait, ask for more, or take smaller machines."
    return f"{where}: refused ({error.code}: {said})."


def _account(settings: Asked) -> str:
    return settings.service_account or "Compute Engine's default service account"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
