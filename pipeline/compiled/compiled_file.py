"""A compiled file: the PipelineSpec, and Kubernetes' part of it where there is one, as YAML documents."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainer.whole import write_file

LARGEST = 16 << 20  # Bytes. The file of one variant has 60,000.
SCHEMA_VERSION = "2.1.0"  # The only one that Kubeflow Pipelines 2 takes.
# Names in it.
IMAGE = "mobilenet-pipeline:set-at-submit"  # Stands for the image until settings name one.
EXAMPLE_GEN = "ImageNetExampleGen"
DATA_DIGEST = "data_digest"  # Its parameter, and the run's.
BRANCHES = "branches"  # The task, and the DAG, that holds a task for each variant.
VARIANT = "Variant"  # The DAG of one: `Variant-w025-r64` among the tasks, one component for all where they are alike.
WHATEVER_CAME_BEFORE = "ALL_UPSTREAM_TASKS_COMPLETED"  # The strategy of what runs however others ended.
EXECUTOR_CLASS = "--executor_class_path"
INPUTS_SPEC = "--json_serialized_inputs_spec_args"  # The component's inputDefinitions once more; behind it, flags.


class CompiledFileError(ValueError):
    """A file that is no compiled pipeline."""


@dataclass(frozen=True)
class Compiled:
    """As the file has it: plain dictionaries with the names of the protocol buffers' JSON."""

    spec: dict[str, Any]  # PipelineSpec.
    platform: dict[str, Any] | None = None  # PlatformSpec: what only Kubernetes knows.

    @property
    def tasks(self) -> dict[str, Any]:
        """Of the root; none where the file has none, which is for `check` to say."""
        return _part(self.spec, "root", "dag", "tasks")

    @property
    def parameters(self) -> dict[str, Any]:
        """Name → {parameterType, defaultValue}: what a run may be given."""
        return _part(self.spec, "root", "inputDefinitions", "parameters")

    @property
    def nodes(self) -> dict[str, Node]:
        """All that is no DAG, by the node's id: `FloatTrainer-w025-r64` is FloatTrainer in `Variant-w025-r64`."""
        return {node.id: node for node in called(self.spec) if "dag" not in node.component}

    def container(self, node: str) -> dict[str, Any] | None:
        """What runs a node; None for an importer."""
        return self.spec["deploymentSpec"]["executors"].get(self.nodes[node].executor, {}).get("container")


@dataclass(frozen=True)
class Node:
    """A task where it stands."""

    id: str
    path: str  # Through the DAGs: `branches/Variant-w025-r64/FloatTrainer`.
    task: dict[str, Any]
    component: dict[str, Any]

    @property
    def name(self) -> str:
        """As its DAG calls it."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def executor(self) -> str:
        """Its label."""
        return self.component.get("executorLabel", "")


def called(spec: Mapping[str, Any]) -> Iterator[Node]:
    """All tasks of a run: the root's and those of the DAGs within, each as often as its DAG is called.

    A component that is not there is an empty one, and a DAG within itself is not entered: `check` says what is wrong.
    """
    yield from _called(spec, _part(spec, "root", "dag", "tasks"), "", "", ())


def _called(
    spec: Mapping[str, Any], tasks: Mapping[str, Any], within: str, end: str, around: tuple[str, ...]
) -> Iterator[Node]:
    for name, task in sorted(tasks.items()):
        named = _part(task, "componentRef").get("name", "")
        component, path = _part(spec, "components", named), f"{within}{name}"
        yield Node(f"{name}{end}", path, task, component)
        if "dag" in component and named not in around:
            inner = name.removeprefix(VARIANT) if name.startswith(f"{VARIANT}-") else end
            yield from _called(spec, _part(component, "dag", "tasks"), f"{path}/", inner, (*around, named))


def without_driver(compiled: Compiled, node: str) -> Compiled:
    """The same, where Vertex AI runs no driver before the node."""
    spec = copy.deepcopy(compiled.spec)
    changed = dataclasses.replace(compiled, spec=spec)
    (changed.container(node) or {}).pop("lifecycle", None)
    return changed


def dags(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The root's, and those within it."""
    yield spec["root"]["dag"]
    yield from (component["dag"] for component in spec["components"].values() if "dag" in component)


def read(path: Path) -> Compiled:
    """Reads a compiled file.

    Raises:
      CompiledFileError: no such file, too large, no YAML, or no PipelineSpec in it.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise CompiledFileError(f"{path} has {path.stat().st_size:,} bytes, wanted at most {LARGEST:,}.")
        documents = [each for each in yaml.load_all(path.read_bytes(), yaml.CSafeLoader) if each is not None]
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise CompiledFileError(f"{path} cannot be read: {error}. Write it with `mobilenet compile`.") from error
    specs = [each for each in documents if isinstance(each, dict) and "pipelineInfo" in each]
    platforms = [each for each in documents if isinstance(each, dict) and "platforms" in each]
    if len(specs) != 1 or len(platforms) > 1 or len(specs) + len(platforms) != len(documents):
        raise CompiledFileError(
            f"{path} holds {len(specs)} PipelineSpecs in {len(documents)} documents, wanted one, and at most one "
            "PlatformSpec beside it. Write it with `mobilenet compile`."
        )
    return Compiled(specs[0], platforms[0] if platforms else None)


def write(path: Path, compiled: Compiled, *, comment: str = "") -> None:
    """Writes the file whole or not at all, the same bytes for the same content.

    Raises:
      CompiledFileError: its folder is not there or cannot be written, or it is a folder itself.
    """
    documents = [compiled.spec, *([compiled.platform] if compiled.platform else [])]
    text = comment + yaml.dump_all(documents, sort_keys=True, allow_unicode=True)
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise CompiledFileError(
            f"{path} cannot be written: {error.strerror}. Give a file in a folder that can be."
        ) from error


def as_json(value: Mapping[str, Any]) -> str:
    """A parameter that is a whole record: the same text for the same content."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _part(spec: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A mapping within; an empty one where there is none."""
    part: Any = spec
    for name in names:
        part = part.get(name) if isinstance(part, Mapping) else None
    return part if isinstance(part, dict) else {}
