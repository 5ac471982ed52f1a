"""A backend's cache in a folder: one file for each fingerprint, there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.emulator.result import Artifact


@dataclass(frozen=True)
class Entry:
    """What an earlier execution made."""

    artifacts: dict[str, list[Artifact]]
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Cache:
    """What was made, by what it was made of."""

    entries: Path
    folder: Callable[[str], Path]  # URI → where it lies.

    def get(self, fingerprint: str) -> Entry | None:
        """None where there is none, or where an output is no longer as it was left: files and bytes are counted."""
        try:
            kept = json.loads(self._file(fingerprint).read_text(encoding="utf-8"))
            whole = all(_size(self.folder(uri)) == size for uri, size in kept["sizes"].items())
            return Entry(kept["artifacts"], kept["parameters"]) if whole else None
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def put(self, fingerprint: str, entry: Entry) -> None:
        uris = [artifact["uri"] for listed in entry.artifacts.values() for artifact in listed]
        kept = {
            "artifacts": entry.artifacts,
            "parameters": entry.parameters,
            "sizes": {uri: _size(self.folder(uri)) for uri in uris},
        }
        self.entries.mkdir(parents=True, exist_ok=True)
        beside = self._file(fingerprint).with_suffix(".writing")
        beside.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        os.replace(beside, self._file(fingerprint))

    def _file(self, fingerprint: str) -> Path:
        return self.entries / f"{fingerprint}.json"


def fingerprint(
    task: Mapping[str, Any],
    component: Mapping[str, Any],
    container: Mapping[str, Any],
    inputs: Mapping[str, Any],
    extra: Mapping[str, Any],
) -> str:
    """What both backends look at: inputs by name and value, what is declared as output, image, command and arguments.

    Args:
      inputs: ExecutorInput.inputs, after the driver.
      extra: what the backend adds. A cacheKey of the task stands for all of it.
    """
    chosen = task.get("cachingOptions", {}).get("cacheKey")
    key = {
        "artifacts": {name: [each["name"] for each in listed["artifacts"]] for name, listed in _lists(inputs)},
        "parameters": inputs.get("parameterValues", {}),
        "outputs": component.get("outputDefinitions", {}),
        "image": container.get("image"),
        "command": [*container.get("command", []), *container.get("args", [])],
        "extra": extra,
    }
    if chosen:
        key = {"pipeline": extra.get("pipeline"), "component": task["componentRef"]["name"], "chosen": chosen}
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _lists(inputs: Mapping[str, Any]) -> Any:
    return inputs.get("artifacts", {}).items()


def _size(path: Path) -> list[int] | None:
    """Files and bytes; None where nothing is."""
    if path.is_file():
        return [1, path.stat().st_size]
    files = [each.stat().st_size for each in path.rglob("*") if each.is_file()]
    return [len(files), sum(files)] if path.is_dir() else None
