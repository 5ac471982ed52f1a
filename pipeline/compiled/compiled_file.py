"""A compiled file: the PipelineSpec, and Kubernetes' part of it where there is one, as YAML documents."""

from __future__ import annotations

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

    def container(self, task: str) -> dict[str, Any] | None:
        """What runs a task; None for an importer or a nested DAG."""
        component = self.spec["components"][self.tasks[task]["componentRef"]["name"]]
        executor = self.spec["deploymentSpec"]["executors"].get(component.get("executorLabel"), {})
        return executor.get("container")


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
