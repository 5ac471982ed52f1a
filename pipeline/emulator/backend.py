"""What the two backends do differently, as the runner asks for it; and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pipeline.emulator.result import Artifact

Json = dict[str, Any]
ENTRYPOINT = "components.node.entrypoint"  # Takes flags of ours; what else a container runs finds its files by `.path`.
ARTIFACTS_ONLY = "--artifacts_only"  # This machine mounts no bucket, whichever backend it stands for.


class Values(Protocol):
    """How a backend reads, types and writes parameters: the modules parameters.py and kubeflow_values.py."""

    def task_values(self, component: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
        """A task's, as its component declares them.

        Raises:
          TaskError: one has no value, or another type.
        """
        ...

    def as_argument(self, value: Any) -> str:
        """What stands among a container's arguments for it."""
        ...

    def from_text(self, text: str, parameter_type: str) -> Any:
        """Of an output parameter's file.

        Raises:
          TaskError: it is of another type.
        """
        ...


class Place(Protocol):
    """Where one task runs, and where it is to put what it makes."""

    @property
    def values(self) -> Values: ...

    @property
    def env(self) -> Mapping[str, str]:
        """Variables that the backend gives a container; arguments may name them where Kubernetes starts it."""
        ...

    @property
    def home(self) -> Path | None:
        """Where a container starts; None: wherever this process is."""
        ...

    @property
    def lenient(self) -> bool:
        """Whether a placeholder that nobody knows is left as it is, and an output that nobody declared is handed on."""
        ...

    def expanded(self, value: Any, env: Mapping[str, str]) -> Any:
        """Arguments as whoever starts the container makes them."""
        ...

    def check_output(self, said: Mapping[str, Any]) -> None:
        """Raises:
        TaskError: the backend does not take this ExecutorOutput.
        """
        ...

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
    def values(self) -> Values: ...

    @property
    def exit_hooks(self) -> bool:
        """Whether what runs however others ended runs once behind each of them."""
        ...

    def said_of_run(self, pipeline: str, run: str, task: str) -> dict[str, str]:
        """What constants such as {{$.pipeline_job_name}} stand for."""
        ...

    def driven(self, task: str, value: Json) -> Json:
        """A part of the file as it comes out of the driver's own arguments."""
        ...

    def component(self, spec: Mapping[str, Any], name: str) -> Json:
        """What the backend takes for the component of that name."""
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
