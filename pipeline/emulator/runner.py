"""Runs a compiled file on this machine as its backend would, knowing nothing but the file.

Tasks run one after another, in the order in which they wait for each other, each once: a retry policy is for machines
that go away. Loops and resolvers are refused. The parts: graph.py (the order), parameters.py and inputs.py
(what a task is given), condition.py, container.py, launcher.py and process.py (its container), cache.py, and the
backends, vertex.py and kubeflow.py.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.compiled.compiled_file import Compiled
from pipeline.emulator import cache as ir_cache
from pipeline.emulator import condition as ir_condition
from pipeline.emulator import container as ir_container
from pipeline.emulator import graph as ir_graph
from pipeline.emulator import inputs as ir_inputs
from pipeline.emulator import parameters as ir_parameters
from pipeline.emulator.backend import Backend, Json
from pipeline.emulator.inputs import Scope
from pipeline.emulator.kubeflow import Kubeflow
from pipeline.emulator.result import Artifact, CompiledRunError, RunResult, TaskError, TaskRun, table
from pipeline.emulator.vertex import Vertex
from trainer import lock

__all__ = ["CompiledRunError", "RunResult", "TaskRun", "run", "table"]

Report = Callable[[TaskRun], None]


def run(
    compiled: Compiled,
    *,
    parameters: Mapping[str, Any],
    workdir: Path,
    in_process: bool = False,
    backend: Literal["vertex", "kubeflow"] = "vertex",
    cache: bool = True,
    report: Report | None = None,
) -> RunResult:
    """Executes the file's tasks.

    Args:
      parameters: by name, typed as the file declares them; the others have their defaults.
      workdir: artifacts, logs/<task>.log of the last run, and the cache.
      in_process: runs TFX's containers in this process: faster, and for code that is to be trusted not to end it.
      backend: whose ways of calling a container.
      cache: False runs every task; what they make is kept for later runs.
      report: told of each task as it ends.

    Raises:
      CompiledRunError: the file or the parameters will not do, or another run is at work; nothing has run.
    """
    ir_graph.check(compiled.spec)
    values = ir_parameters.run_values(compiled.parameters, parameters)
    workdir = workdir.absolute()
    pipeline = compiled.spec["pipelineInfo"]["name"]
    chosen: Backend = Vertex(workdir) if backend == "vertex" else Kubeflow(workdir, pipeline, compiled.platform)
    busy = f"another run is at work in {workdir}. Wait for it, or give another work directory."
    with lock.alone(workdir, CompiledRunError(busy)):  # Logs and pods are not for two.
        chosen.check()
        name = chosen.new_run()
        kept = ir_cache.Cache(workdir / "cache" / backend, chosen.folder)
        containers = ir_container.Containers(chosen, name, kept, served=cache, in_process=in_process)
        this = _Run(compiled.spec, chosen, name, workdir / "logs", containers, report or _silent)
        this.dag(compiled.spec["root"]["dag"], values, {})
        return RunResult(name, tuple(this.ended))


@dataclass(frozen=True)
class _Run:
    """One run, and which of its tasks have ended."""

    spec: Mapping[str, Any]
    backend: Backend
    name: str
    logs: Path
    containers: ir_container.Containers
    report: Report
    ended: list[TaskRun] = field(default_factory=list)

    @property
    def pipeline(self) -> str:
        return self.spec["pipelineInfo"]["name"]

    def dag(
        self, dag: Json, parameters: Mapping[str, Any], artifacts: Mapping[str, list[Artifact]], within: str = ""
    ) -> dict[str, TaskRun]:
        """Runs its tasks; one that failed stops only those that wait for it."""
        ended: dict[str, TaskRun] = {}
        tasks: Json = dag["tasks"]
        twice: set[str] = set()
        hooks = ir_graph.exit_hooks(tasks) if self.backend.exit_hooks else {}
        exits = {name for name in tasks if hooks and ir_graph.is_exit(tasks[name])}

        def end(name: str) -> None:
            said = self.backend.said_of_run(self.pipeline, self.name, name)
            scope = Scope(parameters, artifacts, ended, self.backend.ended_well, said, self.backend.values, twice)
            start = time.monotonic()
            done = self._task(f"{within}{name}", tasks[name], scope)
            twice.update({name} & {*ended})
            ended[name] = dataclasses.replace(done, seconds=time.monotonic() - start)
            self.ended.append(ended[name])
            self.report(ended[name])

        for name in ir_graph.order(tasks):
            if name not in exits:
                end(name)
                if name in hooks and ended[name].state not in ("skipped", "not triggered"):
                    end(hooks[name])
        return ended

    def _task(self, name: str, task: Json, scope: Scope) -> TaskRun:
        before = [scope.ended.get(each) for each in ir_graph.upstream(task)]
        if not ir_graph.is_exit(task) and not all(each and each.succeeded for each in before):
            return TaskRun(name, "skipped")
        log = self.logs / f"{name.replace('/', '.')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        try:
            return self._triggered(name, task, scope, log)
        except (TaskError, OSError) as error:
            return TaskRun(name, "failed", error=str(error), log=log if log.exists() else None)

    def _triggered(self, name: str, task: Json, scope: Scope, log: Path) -> TaskRun:
        component = self.backend.component(self.spec, task["componentRef"]["name"])
        task = self.backend.driven(name, task)
        parameters = ir_inputs.parameters(task, component, scope)
        taken = ir_inputs.artifacts(task, scope)
        artifacts = {key: {"artifacts": [self.backend.as_input(each) for each in taken[key]]} for key in taken}
        inputs = {"parameterValues": parameters, "artifacts": artifacts}
        condition = task.get("triggerPolicy", {}).get("condition")
        if condition and not ir_condition.holds(condition, {"inputs": inputs}):
            return TaskRun(name, "not triggered")
        if "dag" in component:
            return self._nested(name, component["dag"], parameters, taken)
        executor = ir_graph.executor(self.spec, component)
        if "importer" in executor:
            return self._imported(name, executor["importer"], component, parameters)
        container = self.backend.driven(name, executor["container"])
        call = ir_container.Call(name, task, component, container, inputs, log)
        return self.containers.run(call)

    def _nested(self, name: str, dag: Json, parameters: Json, artifacts: Mapping[str, list[Artifact]]) -> TaskRun:
        ended = self.dag(dag, parameters, artifacts, within=f"{name}/")
        if failed := [each for each in ended.values() if each.state == "failed"]:
            return TaskRun(name, "failed", error=f"{failed[0].task} failed: {failed[0].error}")
        made, values = ir_inputs.dag_outputs(dag, ended)
        return self._made(TaskRun(name, "done", artifacts=made, parameters=values))

    def _imported(self, name: str, importer: Json, component: Json, parameters: Json) -> TaskRun:
        """The address is a constant, or the value of one of the task's inputs."""
        asked = importer["artifactUri"]
        uri = asked["constant"] if "constant" in asked else parameters.get(asked["runtimeParameter"])
        if not isinstance(uri, str) or not uri:
            raise TaskError(f"the importer's address is {uri!r}, wanted a text.")
        self.backend.check_import(uri)
        if not self.backend.folder(uri).exists():
            raise TaskError(f"the importer's address {uri} leads to nothing: {self.backend.folder(uri)} is not there.")
        [output] = component["outputDefinitions"]["artifacts"]
        artifact = {"uri": uri, "type": importer["typeSchema"], "metadata": importer.get("metadata", {})}
        return self._made(TaskRun(name, "done", artifacts={output: [self.backend.recorded(output, artifact)]}))

    def _made(self, run: TaskRun) -> TaskRun:
        return ir_container.with_folders(run, self.backend)


def _silent(run: TaskRun) -> None:
    """Nobody asked."""
