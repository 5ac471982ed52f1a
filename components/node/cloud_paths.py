"""Object stores as folders: `gs://bucket/x` is `/gcs/bucket/x` in a node of Vertex AI and of Kubeflow Pipelines 2.

Vertex AI mounts Cloud Storage there (Cloud Storage FUSE); Kubeflow's launcher copies a node's artifacts there before it
runs and back afterwards (backend/src/v2/component/launcher_v2.go, LocalPathForURI). So components know folders only.
"""

from __future__ import annotations

import os
import re
from typing import Any

_FOLDERS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
_URI = re.compile(rf"\b({'|'.join(_FOLDERS)})://")


def localized(value: Any, *, root: str = "/") -> Any:
    """A string, or what JSON holds, with every object store's URI in it as a path under `root`."""

    def path(match: re.Match[str]) -> str:
        return os.path.join(root, _FOLDERS[match[1]], "")

    return _mapped(value, lambda text: _URI.sub(path, text))


def remote(value: Any, *, root: str = "/") -> Any:
    """The way back: a string that begins with such a path becomes the URI that it stands for."""

    def uri(text: str) -> str:
        for scheme, folder in _FOLDERS.items():
            prefix = os.path.join(root, folder, "")
            if text.startswith(prefix):
                return f"{scheme}://{text.removeprefix(prefix)}"
        return text

    return _mapped(value, uri)


def _mapped(value: Any, change: Any) -> Any:
    """Keys stay: they are names."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    return value
