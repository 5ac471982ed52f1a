"""What every node's container runs: `python -m components.node.entrypoint`, around TFX's own entrypoint.

TFX's alone works on Vertex AI only. Kubeflow Pipelines 2 hands input artifacts over without their TFX types (tfx issue
7768) and adds an output of its own, `executor-logs`, whose type TFX cannot import. Outputs of the backends' own types
have classes of ours in TFX (system_types.py). And our components read and write folders, where both clusters speak
of object stores: cloud_paths.py says how one is the other. None of it changes anything where it is not needed.

Vertex AI mounts all buckets, so that a parameter such as gs://bucket/models is a folder too. Kubeflow brings a node its
artifacts and nothing else: there a parameter stays a URI, and whoever writes to it does so through the store's API.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.utils import import_utils

from components.node import outputs, system_types
from components.node.cloud_paths import localized

_LOGS = "executor-logs"
_KUBEFLOWS_POD = "KFP_POD_NAME"  # Kubeflow's launcher does not start without it.
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
    given = execution if root is None else on_folders(execution, root, but_parameters=arguments.artifacts_only)
    if root is not None or arguments.artifacts_only:
        outputs.make_folders(given, root=arguments.cloud_root)
    arguments.json_serialized_invocation_args = json.dumps(given)
    kubeflow_v2_run_executor.main((arguments, flags))
    outputs.hand_back(given, root=root)
    if root is None and arguments.artifacts_only:
        outputs.remove_folder_objects(given)


def on_folders(execution: dict[str, Any], root: str, *, but_parameters: bool) -> dict[str, Any]:
    """The call with folders for URIs; on Kubeflow for those of artifacts alone."""
    changed = localized(execution, root=root)
    values = execution.get("inputs", {}).get("parameterValues")
    if but_parameters and values is not None:
        changed["inputs"]["parameterValues"] = values
    return changed


def restore_types(execution: dict[str, Any], inputs_spec: dict[str, Any]) -> None:
    """Gives input artifacts the type that the component asks for, where the backend gave none that TFX imports.

    And outputs of the backends' own types the class of ours that stands for it.
    """
    declared = inputs_spec.get("artifacts", {})
    for name, artifact in outputs.artifacts(execution, "inputs"):
        if name in declared and not _is_tfx(artifact.get("type", {})):
            artifact["type"] = declared[name]["artifactType"]
    for side in ("inputs", "outputs"):
        for _, artifact in outputs.artifacts(execution, side):
            artifact["type"] = _importable(artifact.get("type", {}))


def _is_tfx(schema: dict[str, Any]) -> bool:
    """Of TFX, or a class of ours by its path; Kubeflow's own types are `system.…`. A schema's whole text is no name."""
    title = outputs.title(schema)
    return bool(title) and not title.startswith("system.") and schema.get("schemaTitle", title) == title


def _importable(schema: dict[str, Any]) -> dict[str, Any]:
    title = outputs.title(schema)
    if ours := system_types.TYPES.get(title):
        return {"schemaTitle": ours}
    whole_text = schema.get("schemaTitle", title) != title
    return {"instanceSchema": schema["schemaTitle"]} if whole_text else schema


def _takes_uris(executor_class_path: str, flags: Sequence[str]) -> bool:
    if any(flag in _ELSEWHERE for flag in flags):
        return True
    return getattr(import_utils.import_class_by_path(executor_class_path), "TAKES_URIS", False)


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
    parser.add_argument(
        "--artifacts_only", action="store_true", default=_KUBEFLOWS_POD in os.environ,
        help="no more than the node's artifacts lies there, as on Kubeflow",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    main(sys.argv[1:])
