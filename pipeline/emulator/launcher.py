"""One container: its placeholders filled in, run, and what it says of its outputs read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.emulator import parameters as ir_parameters
from pipeline.emulator import process as ir_process
from pipeline.emulator.backend import Json, Place
from pipeline.emulator.result import Artifact, TaskError

_PLACEHOLDER = re.compile(r"\{\{\$(.*?)\}\}")
_OF_ARTIFACT = re.compile(r"\.(inputs|outputs)\.artifacts\['([^']+)'\]\.(uri|path)")
_OF_PARAMETER = re.compile(r"\.inputs\.parameters\['([^']+)'\]")
_OF_OUTPUT = re.compile(r"\.outputs\.parameters\['([^']+)'\]\.output_file")


def launch(container: Mapping[str, Any], execution: Json, place: Place, *, log: Path, in_process: bool) -> Json:
    """Runs a container, or a driver, which has the same form.

    Returns:
      Its ExecutorOutput; empty where it wrote none, as a plain container does not.

    Raises:
      TaskError: it failed, or a placeholder names what is not there.
    """
    command = [*container.get("command", []), *container.get("args", [])]
    filled = [_filled(text, execution, place) for text in command] + place.flags(command)
    env = [f"{each['name']}={each.get('value', '')}" for each in container.get("env", [])]
    ir_process.run(filled, env=env, log=log, in_process=in_process)
    return _said(Path(execution["outputs"]["outputFile"]))


def merged(outputs: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, list[Artifact]]:
    """The artifacts as provisioned, with the address and the properties that the container told of them."""
    result = {}
    for name, listed in outputs.get("artifacts", {}).items():
        told = said.get("artifacts", {}).get(name, {}).get("artifacts", [])
        result[name] = [_with(artifact, told[0] if told else {}) for artifact in listed["artifacts"]]
    return result


def output_parameters(component: Mapping[str, Any], outputs: Mapping[str, Any], said: Json) -> dict[str, Any]:
    """What was told, or else what lies in the parameter's file.

    Raises:
      TaskError: neither, or of another type.
    """
    values = {}
    for name, declared in component.get("outputDefinitions", {}).get("parameters", {}).items():
        if name in said.get("parameterValues", {}):
            values[name] = said["parameterValues"][name]
            continue
        file = Path(outputs["parameters"][name]["outputFile"])
        if not file.is_file():
            raise TaskError(f"output parameter {name} is neither in the ExecutorOutput nor in {file}.")
        values[name] = ir_parameters.from_text(file.read_text(encoding="utf-8"), declared["parameterType"])
    return values


def _with(artifact: Artifact, told: Artifact) -> Artifact:
    metadata = {**artifact.get("metadata", {}), **told.get("metadata", {})}
    return {**artifact, "uri": told.get("uri") or artifact["uri"], "metadata": metadata}


def _filled(text: str, execution: Json, place: Place) -> str:
    return _PLACEHOLDER.sub(lambda match: _value(match[1], execution, place), text)


def _value(path: str, execution: Json, place: Place) -> str:
    if not path:
        return json.dumps(execution)
    try:
        if match := _OF_ARTIFACT.fullmatch(path):
            [artifact, *_] = execution[match[1]]["artifacts"][match[2]]["artifacts"]
            return artifact["uri"] if match[3] == "uri" else str(place.local(artifact["uri"]))
        if match := _OF_PARAMETER.fullmatch(path):
            return ir_parameters.as_text(execution["inputs"]["parameterValues"][match[1]])
        if match := _OF_OUTPUT.fullmatch(path):
            return execution["outputs"]["parameters"][match[1]]["outputFile"]
    except KeyError as error:
        raise TaskError(f"the placeholder {{{{${path}}}}} asks for {error}, which the task does not have.") from error
    raise TaskError(f"the placeholder {{{{${path}}}}} is none that this runner fills in.")


def _said(file: Path) -> Json:
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TaskError(f"the ExecutorOutput in {file} is no JSON: {error}.") from error
