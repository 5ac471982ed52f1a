"""A compiled file: the PipelineSpec, and Kubernetes' part of it where there is one, as YAML documents."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LARGEST = 16 << 20  # Bytes. The file of one variant has 60,000.
SCHEMA_VERSION = "2.1.0"  # The only one that Kubeflow Pipelines 2 takes.


class CompiledFileError(ValueError):
    """A file that is no compiled pipeline."""


@dataclass(frozen=True)
class Compiled:
    """As the file has it: plain dictionaries with the names of the protocol buffers' JSON."""

    spec: dict[str, Any]  # PipelineSpec.
    platform: dict[str, Any] | None = None  # PlatformSpec: what only Kubernetes knows.

    @property
    def tasks(self) -> dict[str, Any]:
        """Of the root."""
        return self.spec["root"]["dag"]["tasks"]

    @property
    def parameters(self) -> dict[str, Any]:
        """Name → {parameterType, defaultValue}: what a run may be given."""
        return self.spec["root"].get("inputDefinitions", {}).get("parameters", {})

    def container(self, task: str) -> dict[str, Any] | None:
        """What runs a task; None for an importer or a nested DAG."""
        component = self.spec["components"][self.tasks[task]["componentRef"]["name"]]
        executor = self.spec["deploymentSpec"]["executors"].get(component.get("executorLabel"), {})
        return executor.get("container")


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
    """Writes the file whole or not at all, the same bytes for the same content."""
    documents = [compiled.spec, *([compiled.platform] if compiled.platform else [])]
    beside = path.with_name(f".{path.name}.writing")
    with beside.open("w", encoding="utf-8") as file:
        file.write(comment)
        yaml.dump_all(documents, file, sort_keys=True, allow_unicode=True)
    os.replace(beside, path)


def as_json(value: Mapping[str, Any]) -> str:
    """A parameter that is a whole record: the same text for the same content."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
