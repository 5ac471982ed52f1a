"""What every node's container runs: `python -m components.node.entrypoint`, around TFX's own entrypoint.

TFX's alone works on Vertex AI only. Kubeflow Pipelines 2 hands input artifacts over without their TFX types (tfx issue
7768) and adds an output of its own, `executor-logs`, whose type TFX cannot import. Outputs of the backends' own types
have classes of ours in TFX (system_types.py). And our components read and write folders, where both clusters speak
of object stores: cloud_paths.py says how one is the other. None of it changes anything where it is not needed.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.utils import import_utils

from components.node import system_types
from components.node.cloud_paths import localized, remote

_LOGS = "executor-logs"
_VALUES = {f"tfx.{name}" for name in ("String", "Integer", "Float", "Boolean", "JsonValue", "Bytes")}
# Beam's workers elsewhere (Dataflow; Flink, Spark) have no folder of the bucket: for them URIs stay what they are.
_ELSEWHERE = ("--runner=DataflowRunner", "--runner=PortableRunner")


class EntrypointError(ValueError):
    """The backend's call of a node cannot be read."""


def main(argv: Sequence[str]) -> None:
    """Runs one node: TFX's arguments, and `--cloud_root DIR` where object stores are not mounted under /."""
    arguments, flags = _parser().parse_known_args(argv)
    execution = _json(arguments.json_serialized_invocation_args, "--json_serialized_invocation_args")
    inputs_spec = _json(arguments.json_serialized_inputs_spec_args or "{}", "--json_serialized_inputs_spec_args")
    execution.get("outputs", {}).get("artifacts", {}).pop(_LOGS, None)
    restore_types(execution, inputs_spec)
    root = None if _takes_uris(arguments.executor_class_path, flags) else arguments.cloud_root
    if root is not None:
        execution = localized(execution, root=root)
        _make_folders(execution)
    arguments.json_serialized_invocation_args = json.dumps(execution)
    kubeflow_v2_run_executor.main((arguments, flags))
    if root is not None:
        _write_uris(execution["outputs"]["outputFile"], root)


def restore_types(execution: dict[str, Any], inputs_spec: dict[str, Any]) -> None:
    """Gives input artifacts the type that the component asks for, where the backend gave none that TFX knows.

    And outputs of the backends' own types the class of ours that stands for it.
    """
    declared = inputs_spec.get("artifacts", {})
    for name, artifact in _artifacts(execution, "inputs"):
        if name in declared and not _is_tfx(artifact.get("type", {})):
            artifact["type"] = declared[name]["artifactType"]
    for _, artifact in _artifacts(execution, "outputs"):
        if ours := system_types.TYPES.get(_title(artifact.get("type", {}))):
            artifact["type"] = {"schemaTitle": ours}


def _is_tfx(schema: dict[str, Any]) -> bool:
    """Of TFX, or a class of ours by its path; Kubeflow's own types are `system.…`."""
    title = _title(schema)
    return bool(title) and not title.startswith("system.")


def _title(schema: dict[str, Any]) -> str:
    return schema.get("schemaTitle") or (yaml.safe_load(schema.get("instanceSchema") or "{}") or {}).get("title", "")


def _artifacts(execution: dict[str, Any], side: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, artifacts in execution.get(side, {}).get("artifacts", {}).items():
        for artifact in artifacts.get("artifacts", []):
            yield name, artifact


def _takes_uris(executor_class_path: str, flags: Sequence[str]) -> bool:
    if any(flag in _ELSEWHERE for flag in flags):
        return True
    return getattr(import_utils.import_class_by_path(executor_class_path), "TAKES_URIS", False)


def _make_folders(execution: dict[str, Any]) -> None:
    """Components find their outputs' folders made, as TFX's local runners make them. A value is a file in one."""
    for _, artifact in _artifacts(execution, "outputs"):
        value = _title(artifact.get("type", {})) in _VALUES
        os.makedirs(os.path.dirname(artifact["uri"]) if value else artifact["uri"], exist_ok=True)


def _write_uris(output_file: str, root: str) -> None:
    """What the node says of its outputs goes back to the backend as URIs."""
    path = Path(output_file)
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(remote(said, root=root)), encoding="utf-8")


def _json(text: str, flag: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise EntrypointError(f"{flag} is no JSON: {error}. The backend must fill {{{{$}}}} in.") from error
    if not isinstance(value, dict):
        raise EntrypointError(f"{flag} is a {type(value).__name__}, wanted an object.")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.node.entrypoint", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--executor_class_path", required=True, help="MODULE.CLASS of the node's executor")
    parser.add_argument("--json_serialized_invocation_args", required=True, help="the ExecutorInput")
    parser.add_argument("--json_serialized_inputs_spec_args", default="", help="the component's inputDefinitions")
    parser.add_argument("--cloud_root", default="/", help="where gcs/, s3/ and minio/ are mounted")
    return parser


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    main(sys.argv[1:])
