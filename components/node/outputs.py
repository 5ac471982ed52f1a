"""What a node leaves behind, as its backend takes it.

Kubeflow's launcher copies outputs from folders of the node to the object store, and its next major release fails a task
where one of them is missing. It draws and compares `system.Metrics`, whose properties must all be numbers there. And it
takes the objects of zero bytes that TensorFlow writes for folders (`gs://bucket/x/`) for files: the node that reads
such an output then cannot make the folder (kubeflow/pipelines issue 13476).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from components.node import system_types
from components.node.cloud_paths import localized, remote

_VALUES = {f"tfx.{name}" for name in ("String", "Integer", "Float", "Boolean", "JsonValue", "Bytes")}
_METRICS = system_types.TYPES["system.Metrics"]
_TIMEOUT = 60  # Seconds without an answer.


def make_folders(execution: Mapping[str, Any], *, root: str = "/") -> None:
    """Components find their outputs' folders made, as TFX's local runners make them. A value is a file in one.

    Where Beam's workers elsewhere write the output to its URI, the folder stays empty and is there all the same.
    """
    for _, artifact in artifacts(execution, "outputs"):
        folder = localized(artifact["uri"], root=root)
        value = title(artifact.get("type", {})) in _VALUES
        os.makedirs(os.path.dirname(folder) if value else folder, exist_ok=True)


def hand_back(execution: Mapping[str, Any], *, root: str | None) -> None:
    """What the node says of its outputs: numbers alone of metrics, and URIs where it has folders.

    Args:
      root: where object stores are folders; None where the node itself was given URIs.
    """
    path = Path(localized(execution["outputs"]["outputFile"], root=root or "/"))
    said = json.loads(path.read_text(encoding="utf-8"))
    types = {name: title(artifact.get("type", {})) for name, artifact in artifacts(execution, "outputs")}
    for name, listed in said.get("artifacts", {}).items():
        for artifact in listed.get("artifacts", []) if types.get(name) == _METRICS else ():
            artifact["metadata"] = {key: value for key, value in artifact["metadata"].items() if _is_number(value)}
    path.write_text(json.dumps(said if root is None else remote(said, root=root)), encoding="utf-8")


def remove_folder_objects(execution: Mapping[str, Any]) -> None:
    """Those under outputs in a bucket of Cloud Storage, where alone Beam's workers elsewhere write to."""
    from google.cloud import storage

    client = storage.Client(project="none")  # The project matters for making buckets, which we never do.
    for _, artifact in artifacts(execution, "outputs"):
        address = urlsplit(artifact["uri"])
        if address.scheme != "gs":
            continue
        listed = client.list_blobs(address.netloc, prefix=f"{address.path.strip('/')}/", timeout=_TIMEOUT)
        for blob in [each for each in listed if each.name.endswith("/") and not each.size]:  # All pages come first.
            blob.delete(timeout=_TIMEOUT)


def artifacts(execution: Mapping[str, Any], side: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of `inputs` or `outputs`, each with its name."""
    for name, listed in execution.get(side, {}).get("artifacts", {}).items():
        for artifact in listed.get("artifacts", []):
            yield name, artifact


def title(schema: Mapping[str, Any]) -> str:
    """A type's name. Kubeflow's next major release hands the text of the whole schema over as the title."""
    named = schema.get("schemaTitle", "")
    parsed = yaml.safe_load(named or schema.get("instanceSchema") or "{}")
    return parsed.get("title", "") if isinstance(parsed, dict) else named


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
