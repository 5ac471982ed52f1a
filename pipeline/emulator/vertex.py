"""Vertex AI Pipelines on this machine: artifacts are plain folders under root/<run>/<task>/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.emulator.backend import Json, artifact_id, numbered, provisioned
from pipeline.emulator.result import Artifact

_STORE = "projects/1/locations/here/metadataStores/default/artifacts"


@dataclass(frozen=True)
class VertexPlace:
    """A task's folder."""

    folder: Path
    component: Mapping[str, Any]

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
        return []

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
