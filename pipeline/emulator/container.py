"""A task that is a container: its driver, the cache, the container itself, and what is kept of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.emulator import cache as ir_cache
from pipeline.emulator import launcher as ir_launcher
from pipeline.emulator.backend import Backend, Json, Place
from pipeline.emulator.result import TaskRun


@dataclass(frozen=True)
class Call:
    """A container with its inputs resolved."""

    name: str
    task: Mapping[str, Any]
    component: Mapping[str, Any]
    container: Mapping[str, Any]
    inputs: Json  # ExecutorInput.inputs.
    log: Path

    @property
    def cacheable(self) -> bool:
        return bool(self.task.get("cachingOptions", {}).get("enableCache"))


@dataclass(frozen=True)
class Containers:
    """Runs a run's containers."""

    backend: Backend
    run_name: str
    cache: ir_cache.Cache
    served: bool  # From the cache, where it has a task's outputs.
    in_process: bool

    def run(self, call: Call) -> TaskRun:
        """Serves the task from the cache, or runs it.

        Raises:
          TaskError: it failed.
        """
        call.log.touch()
        place = self.backend.place(self.run_name, call.name, call.component)
        execution = {"inputs": call.inputs, "outputs": place.outputs}
        if self.backend.runs_drivers:
            self._driven(call, execution, place)
        extra = self.backend.cache_key(call.component, call.container)
        key = ir_cache.fingerprint(call.task, call.component, call.container, execution["inputs"], extra)
        if self.served and call.cacheable and (entry := self.cache.get(key)):
            kept = TaskRun(call.name, "cached", artifacts=entry.artifacts, parameters=entry.parameters)
            return with_folders(kept, self.backend)
        done = self._executed(call, execution, place)
        if call.cacheable:
            self.cache.put(key, ir_cache.Entry(dict(done.artifacts), dict(done.parameters)))
        return done

    def _driven(self, call: Call, execution: Json, place: Place) -> None:
        """The driver looks at the input before the cache does; what it says goes to the container too."""
        driver = call.container.get("lifecycle", {}).get("preCacheCheck")
        if not driver:
            return
        place.prepare(call.inputs)
        said = ir_launcher.launch(driver, execution, place, log=call.log, in_process=self.in_process)
        values = {**call.inputs["parameterValues"], **said.get("parameterValues", {})}
        execution["inputs"] = {**call.inputs, "parameterValues": values}
        told = ir_launcher.merged(execution["outputs"], said)
        execution["outputs"]["artifacts"] = {name: {"artifacts": listed} for name, listed in told.items()}

    def _executed(self, call: Call, execution: Json, place: Place) -> TaskRun:
        outputs, succeeded = execution["outputs"], False
        made = ir_launcher.merged(outputs, {})
        place.prepare(execution["inputs"])
        try:
            said = ir_launcher.launch(call.container, execution, place, log=call.log, in_process=self.in_process)
            made = ir_launcher.merged(outputs, said)
            values = ir_launcher.output_parameters(call.component, outputs, said, place)
            succeeded = True
        finally:
            place.collect(made, call.log, succeeded=succeeded)
        recorded = {name: [self.backend.recorded(name, each) for each in listed] for name, listed in made.items()}
        done = TaskRun(call.name, "done", artifacts=recorded, parameters=values, log=call.log)
        return with_folders(done, self.backend)


def with_folders(run: TaskRun, backend: Backend) -> TaskRun:
    """Where each output lies on this machine."""
    folders = {name: backend.folder(listed[0]["uri"]) for name, listed in run.artifacts.items() if listed}
    return dataclasses.replace(run, folders=folders)
