"""Vertex AI Pipelines on this machine: artifacts are plain folders under root/<run>/<task>/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.emulator import parameters as ir_parameters
from pipeline.emulator.backend import ARTIFACTS_ONLY, ENTRYPOINT, Json, Values, artifact_id, numbered, provisioned
from pipeline.emulator.result import Artifact

_STORE = "projects/1/locations/here/metadataStores/default/artifacts"


@dataclass(frozen=True)
class VertexPlace:
    """A task's folder."""

    folder: Path
    component: Mapping[str, Any]
    values: Values = ir_parameters
    env: Mapping[str, str] = MappingProxyType({})
    home: Path | None = None
    lenient: bool = False

    def expanded(self, value: Any, env: Mapping[str, str]) -> Any:
        return value

    def check_output(self, said: Mapping[str, Any]) -> None:
        pass

    @property
    def outputs(self) -> Json:
        artifacts = provisioned(self.component, root=str(self.folder))
        for listed in artifacts.values():
            for artifact in listed["artifacts"]:
                artifact["name"] = f"{_STORE}/{artifact_id(artifact['uri'])}"
        parameters = self.component.get("outputDefinitions", {}).get("parameters", {})
        return {
            "artifacts": artifacts,
            "parameters": {name: {"outputFile": str(self.folder / "output_parameters" / name)} for name in parameters},
            "outputFile": str(self.folder / "executor_output.json"),
        }

    def local(self, uri: str) -> Path:
        return Path(uri)

    def flags(self, command: list[str]) -> list[str]:
        return [ARTIFACTS_ONLY] if ENTRYPOINT in command else []

    def prepare(self, inputs: Mapping[str, Any]) -> None:
        (self.folder / "output_parameters").mkdir(parents=True, exist_ok=True)

    def collect(self, artifacts: Mapping[str, list[Artifact]], log: Path, *, succeeded: bool) -> None:
        """What a task writes lies where it stays."""


@dataclass(frozen=True)
class Vertex:
    """Hands artifacts over as they were recorded, and runs the driver that looks at a node's input."""

    workdir: Path
    runs_drivers: bool = True
    ended_well: str = "SUCCEEDED"
    values: Values = ir_parameters
    exit_hooks: bool = False

    def said_of_run(self, pipeline: str, run: str, task: str) -> dict[str, str]:
        return {
            "{{$.pipeline_job_name}}": pipeline,
            "{{$.pipeline_job_resource_name}}": f"{pipeline}-{run}",
            "{{$.pipeline_job_uuid}}": run,
            "{{$.pipeline_task_name}}": task,
        }

    def driven(self, task: str, value: Json) -> Json:
        return value

    def component(self, spec: Mapping[str, Any], name: str) -> Json:
        return spec["components"][name]

    def check(self) -> None:
        pass

    def new_run(self) -> str:
        return numbered(self.workdir / "root")

    def place(self, run: str, task: str, component: Mapping[str, Any]) -> VertexPlace:
        return VertexPlace(self.workdir / "root" / run / task, component)

    def check_import(self, uri: str) -> None:
        pass

    def recorded(self, output: str, artifact: Artifact) -> Artifact:
        return {**artifact, "name": artifact.get("name") or f"{_STORE}/{artifact_id(artifact['uri'])}"}

    def as_input(self, artifact: Artifact) -> Artifact:
        return artifact

    def folder(self, uri: str) -> Path:
        return Path(uri)

    def cache_key(self, component: Mapping[str, Any], container: Mapping[str, Any]) -> Json:
        """The whole component, and the container's environment; the pipeline's name is in no key of Vertex AI's."""
        return {"inputs_spec": component.get("inputDefinitions", {}), "env": container.get("env", [])}
