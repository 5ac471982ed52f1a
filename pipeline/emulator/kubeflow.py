"""Kubeflow Pipelines 2.17.0 on this machine: a store in a folder, and for each task a pod that has nothing else.

Learned from its driver and launcher (backend/src/v2): what is said of artifacts between tasks, and what is copied when.
tests/pipeline/emulator/test_real_kubeflow.py holds it against what these two did with the same files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipeline.compiled.compiled_file import called
from pipeline.emulator import kubeflow_values
from pipeline.emulator.backend import ARTIFACTS_ONLY, ENTRYPOINT, Json, Values, artifact_id, numbered, provisioned
from pipeline.emulator.object_store import copied, files, in_store, uploaded
from pipeline.emulator.result import Artifact, CompiledRunError, TaskError

_BUCKET = "minio://mlpipeline"
_ARTIFACTS = "v2/artifacts"
_LOGS = "executor-logs"  # Of the first attempt: executor-logs-0.
_SCHEMES = ("gs://", "s3://", "minio://", "oci://")
_SAID = frozenset(("parameters", "artifacts", "parameterValues", "parameter_values"))  # Fields of ExecutorOutput.
_MOUNTS = {"gs": "gcs"}  # Where it is not the scheme's name.
_SESSION = json.dumps({"Provider": "minio", "Params": {"fromEnv": "false"}})


@dataclass(frozen=True)
class Pod:
    """A task's container, the folder that is its root, and the launcher around it."""

    root: Path  # Stands for / of the pod.
    store: Path
    uri: str  # The task's, in the store.
    component: Mapping[str, Any]
    name: str
    values: Values = kubeflow_values
    lenient: bool = True

    @property
    def env(self) -> dict[str, str]:
        return {"KFP_POD_NAME": f"{self.name.lower()}-impl", "KFP_POD_UID": self.root.name, "HOME": str(self.home)}

    @property
    def home(self) -> Path:
        return self.root / "home" / "mobilenet"  # The image's.

    def expanded(self, value: Any, env: Mapping[str, str]) -> Any:
        """`HOME` is the image's and none of the pod's."""
        pods = {name: said for name, said in env.items() if name != "HOME"}
        return kubeflow_values.expanded_within(value, pods)

    def check_output(self, said: Mapping[str, Any]) -> None:
        """It is parsed strictly, and what it names lies below the run's root or at a plain path."""
        if unknown := sorted(said.keys() - _SAID):
            raise TaskError(f'failed to unmarshall ExecutorOutput: unknown field "{unknown[0]}"')
        root = self.uri.rsplit("/", 2)[0]
        for name in self.component.get("outputDefinitions", {}).get("artifacts", {}):
            for artifact in said.get("artifacts", {}).get(name, {}).get("artifacts", []):
                uri = artifact.get("uri", "")
                if "://" in uri and not uri.startswith(root):
                    raise TaskError(
                        f'failed to upload output artifact "{name}": URI "{uri}" does not have expected bucket prefix '
                        f'"{root}"'
                    )

    @property
    def outputs(self) -> Json:
        """As provisionOutputs makes them, the log among them."""
        log = {"name": _LOGS, "uri": f"{self.uri}/{_LOGS}-0", "type": {"schemaTitle": "system.Artifact"}}
        parameters = self.component.get("outputDefinitions", {}).get("parameters", {})
        kept = self.root / "tmp" / "kfp" / "outputs"
        return {
            "artifacts": {**provisioned(self.component, root=self.uri), _LOGS: {"artifacts": [log]}},
            "parameters": {name: {"outputFile": str(kept / name)} for name in parameters},
            "outputFile": str(self.local(self.uri) / "output_metadata.json"),
        }

    def local(self, uri: str) -> Path:
        scheme, _, rest = uri.partition("://")
        return self.root / _MOUNTS.get(scheme, scheme) / rest if rest else Path(uri)

    def flags(self, command: list[str]) -> list[str]:
        return ["--cloud_root", str(self.root), ARTIFACTS_ONLY] if ENTRYPOINT in command else []

    def prepare(self, inputs: Mapping[str, Any]) -> None:
        """Downloads the inputs. Nothing at an address is no error: an object store has no empty folders."""
        self.root.mkdir(parents=True)
        (self.root / "tmp" / "kfp" / "outputs").mkdir(parents=True)
        self.local(self.uri).mkdir(parents=True)
        self.home.mkdir(parents=True)
        for name, listed in inputs.get("artifacts", {}).items():
            for artifact in listed["artifacts"]:
                if not artifact["uri"].startswith(_SCHEMES):
                    raise TaskError(f'input artifact "{name}": unrecognized uri format: "{artifact["uri"]}"')
        for artifact in copied(inputs.get("artifacts", {})):
            kept, here = in_store(self.store, artifact["uri"]), self.local(artifact["uri"])
            for source, name in files(kept):
                target = here / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                target.chmod(0o644)

    def collect(self, artifacts: Mapping[str, list[Artifact]], log: Path, *, succeeded: bool) -> None:
        """Uploads the outputs, of a failed task only the log, and removes the pod."""
        written = self.local(f"{self.uri}/{_LOGS}-0")
        written.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, written)
        chosen = artifacts if succeeded else {_LOGS: artifacts.get(_LOGS, [])}
        try:
            for artifact in copied({name: {"artifacts": each} for name, each in chosen.items()}):
                for source, name in uploaded(self.local(artifact["uri"])):
                    target = in_store(self.store, artifact["uri"]) / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target) if source.is_symlink() else source.replace(target)
        finally:
            shutil.rmtree(self.root)


@dataclass(frozen=True)
class Kubeflow:
    """No driver runs, input artifacts come without their types, and a node sees its own artifacts alone."""

    workdir: Path
    pipeline: str
    platform: Mapping[str, Any] | None  # PlatformSpec.
    runs_drivers: bool = False
    ended_well: str = "COMPLETE"
    values: Values = kubeflow_values
    exit_hooks: bool = True

    def said_of_run(self, pipeline: str, run: str, task: str) -> dict[str, str]:
        """The job is the run, by its display name; a task has as its id that of the DAG around it."""
        return {
            "{{$.pipeline_job_name}}": f"{pipeline}-{run}",
            "{{$.pipeline_job_resource_name}}": f"{pipeline}-{hashlib.sha256(run.encode()).hexdigest()[:5]}",
            "{{$.pipeline_job_uuid}}": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{pipeline}/{run}")),
            "{{$.pipeline_job_create_time_utc}}": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "{{$.pipeline_task_name}}": task,
            "{{$.pipeline_task_uuid}}": "1",
        }

    def driven(self, task: str, value: Json) -> Json:
        """Kubernetes expands the driver's arguments: the task, the component, the container."""
        name = f"{task.rsplit('/', 1)[-1].lower()}-driver"
        return kubeflow_values.expanded_within(value, {"KFP_POD_NAME": name})

    def component(self, spec: Mapping[str, Any], name: str) -> Json:
        """Components whose containers are equal to the byte are taken for the first of them."""
        own = spec["components"][name]
        executors = spec.get("deploymentSpec", {}).get("executors", {})
        container = executors.get(own.get("executorLabel"), {}).get("container")
        for node in called(spec) if container else ():
            if executors.get(node.executor, {}).get("container") == container:
                return node.component | {"executorLabel": own["executorLabel"]}
        return own

    def check(self) -> None:
        """Sweeps what killed runs left of their pods, and looks for the volumes."""
        shutil.rmtree(self._pods, ignore_errors=True)
        wanted = {
            str(mount["mountPath"]): label
            for label, executor in self._executors.items()
            for mount in executor.get("pvcMount", [])
        }
        lacking = [f"{path} of {label}" for path, label in sorted(wanted.items()) if not Path(path).is_dir()]
        if lacking:
            raise CompiledRunError(
                f"volumes are mounted where this machine has no folder: {', '.join(lacking)}. Make these folders, or "
                "run a file without volumes."
            )

    def new_run(self) -> str:
        return numbered(self._store / "mlpipeline" / _ARTIFACTS / self.pipeline)

    def place(self, run: str, task: str, component: Mapping[str, Any]) -> Pod:
        salt = str(uuid.uuid4())
        uri = f"{_BUCKET}/{_ARTIFACTS}/{self.pipeline}/{run}/{task.rsplit('/', 1)[-1]}/{salt}"
        return Pod(self._pods / salt, self._store, uri, component, task.rsplit("/", 1)[-1])

    def check_import(self, uri: str) -> None:
        if "://" not in uri:
            raise TaskError(f"the importer's address is {uri!r}: Kubeflow imports from gs://, s3:// or minio:// alone.")

    def recorded(self, output: str, artifact: Artifact) -> Artifact:
        """Its launcher cannot write null down, and fails the task."""
        if nulls := [name for name, value in artifact.get("metadata", {}).items() if value is None]:
            raise TaskError(f"output {output} has null as {', '.join(nulls)}, which Kubeflow does not record.")
        told = {"display_name": output, "store_session_info": _SESSION}
        name = artifact_id(artifact["uri"])
        return {**artifact, "name": name, "metadata": {**told, **artifact.get("metadata", {})}}

    def as_input(self, artifact: Artifact) -> Artifact:
        """ML Metadata's own words: a type without a name, and numbers of six decimals."""
        metadata = {name: kubeflow_values.kept(value) for name, value in artifact.get("metadata", {}).items()}
        return {
            "name": artifact["name"], "uri": artifact["uri"], "type": {"instanceSchema": ""}, "metadata": metadata,
        }  # fmt: skip

    def folder(self, uri: str) -> Path:
        return in_store(self._store, uri)

    def cache_key(self, component: Mapping[str, Any], container: Mapping[str, Any]) -> Json:
        """The pipeline and the volumes' claims; the container's environment is in no key of Kubeflow's."""
        mounts = self._executors.get(component.get("executorLabel", ""), {}).get("pvcMount", [])
        claims = [{key: said for key, said in mount.items() if key != "mountPath"} for mount in mounts]
        return {"pipeline": self.pipeline, "volumes": sorted(json.dumps(claim, sort_keys=True) for claim in claims)}

    @property
    def _store(self) -> Path:
        return self.workdir / "minio"

    @property
    def _pods(self) -> Path:
        return self.workdir / "pods"

    @property
    def _executors(self) -> Mapping[str, Any]:
        kubernetes = (self.platform or {}).get("platforms", {}).get("kubernetes", {})
        return kubernetes.get("deploymentSpec", {}).get("executors", {})
