"""One container: its placeholders filled in, run, and what it says of its outputs read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    given = {each["name"]: each.get("value", "") for each in container.get("env", [])}
    env = {**given, **place.env}
    execution = place.expanded(execution, env)
    command = [*container.get("command", []), *container.get("args", [])]
    argv = [place.expanded(_filled(text, execution, place, _OF_PARAMETER), env) for text in command]
    filled = [_filled(text, execution, place) for text in argv] + place.flags(command)
    said = [f"{name}={value}" for name, value in env.items()]
    ir_process.run(filled, env=said, log=log, in_process=in_process and not given, home=place.home)
    return _said(Path(execution["outputs"]["outputFile"]), place)


def merged(outputs: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, list[Artifact]]:
    """The artifacts as provisioned, with the address and the properties that the container told of them."""
    result = {}
    for name, listed in outputs.get("artifacts", {}).items():
        told = said.get("artifacts", {}).get(name, {}).get("artifacts", [])
        result[name] = [_with(artifact, told[0] if told else {}) for artifact in listed["artifacts"]]
    return result


def output_parameters(
    component: Mapping[str, Any], outputs: Mapping[str, Any], said: Json, place: Place
) -> dict[str, Any]:
    """What was told, or else what lies in the parameter's file.

    Raises:
      TaskError: neither, or of another type.
    """
    values = dict(said.get("parameterValues", {})) if place.lenient else {}
    for name, declared in component.get("outputDefinitions", {}).get("parameters", {}).items():
        if name in said.get("parameterValues", {}):
            values[name] = said["parameterValues"][name]
            continue
        file = Path(outputs["parameters"][name]["outputFile"])
        if not file.is_file():
            raise TaskError(f"output parameter {name} is neither in the ExecutorOutput nor in {file}.")
        values[name] = place.values.from_text(file.read_text(encoding="utf-8"), declared["parameterType"])
    return values


def _with(artifact: Artifact, told: Artifact) -> Artifact:
    metadata = {**artifact.get("metadata", {}), **told.get("metadata", {})}
    return {**artifact, "uri": told.get("uri") or artifact["uri"], "metadata": metadata}


def _filled(text: str, execution: Json, place: Place, only: re.Pattern[str] | None = None) -> str:
    def value(match: re.Match[str]) -> str:
        return match[0] if only and not only.fullmatch(match[1]) else _value(match, execution, place)

    return _PLACEHOLDER.sub(value, text)


def _value(placeholder: re.Match[str], execution: Json, place: Place) -> str:
    path = placeholder[1]
    if not path:
        return json.dumps(execution)
    try:
        if match := _OF_PARAMETER.fullmatch(path):
            return place.values.as_argument(execution["inputs"].get("parameterValues", {})[match[1]])
    except KeyError as error:
        raise TaskError(f"the placeholder {{{{${path}}}}} asks for {error}, which the task does not have.") from error
    try:
        if match := _OF_ARTIFACT.fullmatch(path):
            [artifact, *_] = execution[match[1]]["artifacts"][match[2]]["artifacts"]
            return artifact["uri"] if match[3] == "uri" else str(place.local(artifact["uri"]))
        if match := _OF_OUTPUT.fullmatch(path):
            return execution["outputs"]["parameters"][match[1]]["outputFile"]
        if place.lenient:
            return placeholder[0]
    except KeyError as error:
        if place.lenient:
            return placeholder[0]
        raise TaskError(f"the placeholder {{{{${path}}}}} asks for {error}, which the task does not have.") from error
    raise TaskError(f"the placeholder {{{{${path}}}}} is none that this runner fills in.")


def _said(file: Path, place: Place) -> Json:
    if not file.is_file():
        return {}
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TaskError(f"the ExecutorOutput in {file} is no JSON: {error}.") from error
    place.check_output(said)
    return said
