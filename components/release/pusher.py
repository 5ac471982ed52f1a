"""Pusher: a blessed release bundle goes to `<base>/<variant>/<version>/`, whole or not at all.

TFX's contract with an own executor, for TFX's copies file by file. `pushed_model`'s uri is the folder at the
destination: TFX serves a result from cache only while its uri exists, so a deleted bundle is pushed again. In a bucket
the driver alone sees to that: TFX would look there by TensorFlow, with a login of its own and no time limit.
"""

import logging
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.orchestration.portable import data_types
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs

from components.node import driver
from components.release import bundle, gcs_path, versions
from components.release.gcs_path import BucketPath, Place
from components.release.versions import PushError

_MODEL, _BLESSING = standard_component_specs.MODEL_KEY, standard_component_specs.MODEL_BLESSING_KEY
_VARIANT = re.compile(r"[0-9][0-9.]*_[0-9]+")
_log = logging.getLogger(__name__)


def is_pushed(properties: Mapping[str, Any]) -> bool:
    """Whether `pushed_model`'s properties name a bundle that lies whole at its destination now."""
    folder = str(properties.get("pushed_destination", ""))
    return properties.get("pushed") == 1 and bool(folder) and not bundle.verify(gcs_path.place(folder))


def deliver(source: Path, base: str) -> Place:
    """The rule: where this very bundle lies under `base`; it is copied there if it does not yet."""
    folder = versions.folder_of(base, _variant(source))
    version = versions.find(folder, source)
    if version:
        _log.info("%s is at %s already.", source, version)
    else:
        version = versions.push(source, folder)
        _log.info("%s was pushed to %s.", source, version)
    versions.point(folder)
    return version


class Executor(executor.Executor):
    """Pushes if blessed. Not blessed: says so, marks `pushed` 0, and the node is COMPLETE."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Sets `pushed`, `pushed_destination` and `pushed_version` on `pushed_model`."""
        pushed_model = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            _log.warning("Not blessed, so not pushed: %s", _single(input_dict, _BLESSING).uri)
            self._MarkNotPushed(pushed_model)
            return
        version = deliver(Path(self.GetModelPath(input_dict)), _base(exec_properties))
        self._MarkPushed(pushed_model, pushed_destination=str(version), pushed_version=version.name)
        if isinstance(version, Path):
            pushed_model.uri = str(version)


class Driver(driver.Driver):
    """Puts the version that the bundle has, or would get, into the cache key.

    TFX by itself sees only that the version's folder is there. A version that lost or changed a file no longer counts
    as this bundle: the number becomes the next one, and the bundle is pushed again beside the damaged version.
    """

    def key(self, execution_info: data_types.ExecutionInfo) -> dict[str, str | int]:
        """`version`; nothing where nothing will be pushed.

        And for a bucket `push`, which is new each time that the bundle is not there: nothing in the cache is like it.
        The run after that finds the bundle and copies nothing, and those after it come from the cache.
        """
        inputs = {key: list(artifacts) for key, artifacts in execution_info.input_dict.items()}
        if not Executor().CheckBlessing(inputs):
            return {}
        source = Path(Executor().GetModelPath(inputs))
        folder = versions.folder_of(_base(execution_info.exec_properties), _variant(source))
        there = versions.find(folder, source)
        found: dict[str, str | int] = {"version": int(there.name) if there else versions.next_version(folder)}
        if isinstance(folder, BucketPath):
            found["push"] = "" if there else uuid.uuid4().hex
        return found


class Pusher(component.Pusher):
    """TFX's Pusher with this executor and driver: `Pusher(model=…, model_blessing=…, push_destination=…)`."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver


def _base(exec_properties: Mapping[str, Any]) -> str:
    """From TFX's JSON, or the plain folder or gs:// that somebody typed as a run's parameter."""
    text = exec_properties[standard_component_specs.PUSH_DESTINATION_KEY]
    base = text.strip()
    if base.startswith("{"):
        base = json_format.Parse(base, pusher_pb2.PushDestination()).filesystem.base_directory
    if not base:
        raise PushError(f"push_destination is {text!r}: wanted a folder, or filesystem.base_directory with one.")
    return base


def _variant(source: Path) -> str:
    variant = bundle.read_info(source).get("variant")
    if not isinstance(variant, str) or not _VARIANT.fullmatch(variant):
        raise PushError(f"{source / bundle.INFO}: variant is {variant!r}, wanted such as '0.25_128'. Build it again.")
    return variant


def _single(input_dict: Mapping[str, list[types.Artifact]], key: str) -> types.Artifact:
    return artifact_utils.get_single_instance(input_dict[key])
