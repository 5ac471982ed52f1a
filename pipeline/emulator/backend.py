"""What the two backends do differently, as the runner asks for it; and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pipeline.emulator.result import Artifact

Json = dict[str, Any]


class Place(Protocol):
    """Where one task runs, and where it is to put what it makes."""

    @property
    def outputs(self) -> Json:
        """ExecutorInput.outputs: artifacts, the parameters' files, the file of the ExecutorOutput."""
        ...

    def local(self, uri: str) -> Path:
        """An artifact as the task's container sees it."""
        ...

    def flags(self, command: list[str]) -> list[str]:
        """What stands behind the container's arguments on this machine only."""
        ...

    def prepare(self, inputs: Mapping[str, Any]) -> None:
        """Before the container starts.

        Raises:
          TaskError: an input is not there.
        """
        ...

    def collect(self, artifacts: Mapping[str, list[Artifact]], log: Path, *, succeeded: bool) -> None:
        """After it ended: what it made is kept, what only it needed is not."""
        ...


class Backend(Protocol):
    """Vertex AI Pipelines or Kubeflow Pipelines 2, in a folder of this machine."""

    @property
    def runs_drivers(self) -> bool:
        """Whether lifecycle.preCacheCheck is obeyed."""
        ...

    @property
    def ended_well(self) -> str:
        """What an exit handler is told of a DAG that did not fail."""
        ...

    def check(self) -> None:
        """Before anything runs.

        Raises:
          CompiledRunError: this machine lacks what the file wants of a node.
        """
        ...

    def new_run(self) -> str:
        """The run's id; its folder is made."""
        ...

    def place(self, run: str, task: str, component: Mapping[str, Any]) -> Place: ...

    def check_import(self, uri: str) -> None:
        """Raises:
        TaskError: the backend imports nothing from such an address.
        """
        ...

    def recorded(self, output: str, artifact: Artifact) -> Artifact:
        """As the backend's metadata store keeps it."""
        ...

    def as_input(self, artifact: Artifact) -> Artifact:
        """What of a recorded artifact reaches the task that takes it."""
        ...

    def folder(self, uri: str) -> Path:
        """Where an artifact lies between tasks."""
        ...

    def cache_key(self, component: Mapping[str, Any], container: Mapping[str, Any]) -> Json:
        """What goes into the fingerprint of this backend alone."""
        ...


def numbered(folder: Path) -> str:
    """The first free number, its folder made."""
    folder.mkdir(parents=True, exist_ok=True)
    number = max((int(each.name) for each in folder.iterdir() if each.name.isdigit()), default=0) + 1
    (folder / str(number)).mkdir()
    return str(number)


def artifact_id(uri: str) -> str:
    """The same for the same address, as a metadata store that knows it already would answer."""
    return str(int(hashlib.sha256(uri.encode()).hexdigest()[:15], 16))


def provisioned(component: Mapping[str, Any], *, root: str) -> Json:
    """The outputs that a component declares, each under the task's root."""
    return {
        name: {
            "artifacts": [
                {
                    "name": name,
                    "uri": f"{root}/{name}",
                    "type": declared["artifactType"],
                    "metadata": dict(declared.get("metadata", {})),
                }
            ]
        }
        for name, declared in component.get("outputDefinitions", {}).get("artifacts", {}).items()
    }
