"""The same DAG as a PipelineSpec 2.1, for Vertex AI and Kubeflow Pipelines 2; the faults of TFX's compiler mended.

Each repair says what the compiler does and what the backends make of it; its test (test_compiler.py) fails when the
compiler no longer needs one.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from components.node import system_types
from components.sources.wanted import ALL
from pipeline import code_digest
from pipeline.branch import Branch
from pipeline.compiled.beam_flags import local_beam_flags
from pipeline.compiled.branches import nest
from pipeline.compiled.compiled_file import DATA_DIGEST, EXAMPLE_GEN, IMAGE, INPUTS_SPEC, Compiled, as_json, dags
from pipeline.compiled.placement import containers, write_executor_flags
from pipeline.pipeline import ZOO, create_pipeline
from pipeline.settings.local import Settings
from pipeline.settings.nodes import BEAM_NODES, kind

DEFAULTS = Settings(data=Path("/mnt/pictures"), workdir=Path("/mnt"))  # Folders of a volume; models/ beside them.
ENTRYPOINT = ("python", "-m", "components.node.entrypoint")
_LOOKING = ("Pusher", ZOO)
_NESTED = "tfx-dag"  # Where the compiler puts the nodes when there is an exit handler.
_PARAMETER_TYPES = {str: "STRING", float: "NUMBER_DOUBLE", int: "NUMBER_INTEGER", bool: "BOOLEAN"}


class Parameters:
    """The run-time parameters that the DAG asked for, with their defaults."""

    def __init__(self) -> None:
        self.defaults: dict[str, Any] = {}

    def __call__(self, name: str, value: Any) -> RuntimeParameter:
        """A record becomes one JSON string, so that it is one field of a form."""
        default = as_json(value) if isinstance(value, Mapping) else value
        self.defaults[name] = default
        return RuntimeParameter(name=name, ptype=type(default), default=default)


def compile_pipeline(settings: Settings, branches: Sequence[Branch]) -> Compiled:
    """The DAG compiled and repaired.

    Args:
      settings: whose data, models, floor and margin become the defaults of the run's parameters.
    """
    parameters = Parameters()
    dag = create_pipeline(
        settings,
        branches,
        parameter=parameters,
        digest=functools.partial(code_digest.digest, stack=False),  # The image tells the versions, in either's key.
    )
    spec = compile_dag(dag)
    repair(spec, defaults=parameters.defaults)
    add_data_parameters(spec)
    look_every_time(spec)
    nest(spec, [branch.variant.id for branch in branches], last=ZOO)
    compiled = Compiled(spec)
    for node, container in containers(compiled):
        if kind(node) in BEAM_NODES:  # Without settings too: Beam's own default is another runner on each stack.
            write_executor_flags(container, local_beam_flags())
    return compiled


def comment(compiled: Compiled) -> str:
    """What stands above the file: where it came from, and what a run may be given."""
    lines = [
        "Written by `mobilenet compile` from pipeline/pipeline.py; a change made here would be lost.",
        "A run's parameters, each with a default:",
        *(f"  {name}: {declared['parameterType']}" for name, declared in sorted(compiled.parameters.items())),
    ]
    return "".join(f"# {line}\n" for line in lines)


def compile_dag(dag: tfx_pipeline.Pipeline) -> dict[str, Any]:
    """As TFX's compiler writes it."""
    config = KubeflowV2DagRunnerConfig(
        default_image=IMAGE, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
    )
    return KubeflowV2DagRunner(config=config).run(dag, write_out=False)["pipelineSpec"]


def repair(spec: dict[str, Any], *, defaults: Mapping[str, Any]) -> None:
    """Mends what the compiler gets wrong, in place."""
    give_defaults(spec, defaults)
    pass_parameters_on(spec)
    name_system_types(spec)
    for dag in dags(spec):
        word_statistics_options(dag["tasks"])
        name_producers(dag["tasks"])
        type_consumers(spec, dag["tasks"])


def give_defaults(spec: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """The compiler drops a RuntimeParameter's default: both backends then refuse a run that does not give it."""
    for name, value in defaults.items():
        spec["root"]["inputDefinitions"]["parameters"][name]["defaultValue"] = value


def pass_parameters_on(spec: dict[str, Any]) -> None:
    """With an exit handler the nodes lie in a nested DAG that declares no parameters, so none would reach them."""
    nested = spec["components"].get(_NESTED)
    if not nested:
        return
    asked = sorted(set(_asked_of_the_parent(nested["dag"]["tasks"])))
    for name in asked:
        declared = spec["root"]["inputDefinitions"]["parameters"][name]
        inputs = nested.setdefault("inputDefinitions", {}).setdefault("parameters", {})
        inputs[name] = {"parameterType": declared["parameterType"]}
        given = spec["root"]["dag"]["tasks"][_NESTED].setdefault("inputs", {}).setdefault("parameters", {})
        given[name] = {"componentInputParameter": name}


def name_system_types(spec: dict[str, Any]) -> None:
    """The compiler writes a schema of its own for types that it does not know: no page would draw the artifact."""
    for component in spec["components"].values():
        for artifact in component.get("outputDefinitions", {}).get("artifacts", {}).values():
            schema = artifact["artifactType"].get("instanceSchema")
            title = system_types.TITLES.get((yaml.safe_load(schema) or {}).get("title", "")) if schema else None
            if title:
                version = system_types.SCHEMA_VERSION
                artifact["artifactType"] = {"schemaTitle": title, "schemaVersion": version}


def word_statistics_options(tasks: dict[str, Any]) -> None:
    """TFDV's options are written as they lie in memory and replace those of the reader, whichever stack that is on.

    That of TFX 1.16 needs a field which that of 1.21 does not write, and neither minds one too many. Sorted, as their
    order is the stack's as well.
    """
    for task in tasks.values():
        value = task.get("inputs", {}).get("parameters", {}).get("stats_options_json", {}).get("runtimeValue")
        if value:
            value["constant"] = json.dumps({"_slice_sqls": None, **json.loads(value["constant"])}, sort_keys=True)


def name_producers(tasks: dict[str, Any]) -> None:
    """The compiler names the producer of an output value `X_task`, which is no task: backends find none and fail."""
    for output in _task_outputs(tasks):
        name = output["producerTask"]
        if name not in tasks and name.removesuffix("_task") in tasks:
            output["producerTask"] = name.removesuffix("_task")


def type_consumers(spec: dict[str, Any], tasks: dict[str, Any]) -> None:
    """The compiler types whoever takes an output value STRING: a number then comes as text, or is refused."""
    for task in tasks.values():
        component = spec["components"][task["componentRef"]["name"]]
        for name, source_of in task.get("inputs", {}).get("parameters", {}).items():
            output = source_of.get("taskOutputParameter")
            if not output or output["producerTask"] not in tasks:
                continue
            producer = spec["components"][tasks[output["producerTask"]]["componentRef"]["name"]]
            made = producer["outputDefinitions"]["parameters"][output["outputParameterKey"]]["parameterType"]
            component["inputDefinitions"]["parameters"][name]["parameterType"] = made
        _write_inputs_spec(spec, component)


def add_data_parameters(spec: dict[str, Any]) -> None:
    """What TFX's ExampleGen has no parameters for: which part of the data is taken, and the digest of their state.

    They are parameters of the node and hence of its cache key. On Kubeflow ExampleGen's driver does not run, so that
    changed pictures under one path would come from the cache; `submit` fills the digest in there. Empty elsewhere.
    """
    component = spec["components"][EXAMPLE_GEN]
    task = spec["root"]["dag"]["tasks"][EXAMPLE_GEN]
    for name, default in {**dataclasses.asdict(ALL), DATA_DIGEST: ""}.items():
        declared = {"parameterType": _PARAMETER_TYPES[type(default)]}
        component["inputDefinitions"]["parameters"][name] = declared
        task["inputs"]["parameters"][name] = {"componentInputParameter": name}
        spec["root"]["inputDefinitions"]["parameters"][name] = {**declared, "defaultValue": default}
    _write_inputs_spec(spec, component)


def look_every_time(spec: dict[str, Any]) -> None:
    """The drivers of Pusher and ZooReport, which see what lies at the destination, run on no cluster.

    So the nodes run every time: the Pusher looks, and copies nothing where the very bundle is there.
    """
    for name, task in spec["root"]["dag"]["tasks"].items():
        if kind(name) in _LOOKING:
            task.pop("cachingOptions", None)


def _asked_of_the_parent(tasks: dict[str, Any]) -> Iterator[str]:
    for task in tasks.values():
        for value in task.get("inputs", {}).get("parameters", {}).values():
            if "componentInputParameter" in value:
                yield value["componentInputParameter"]


def _task_outputs(tasks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for task in tasks.values():
        for value in task.get("inputs", {}).get("parameters", {}).values():
            if "taskOutputParameter" in value:
                yield value["taskOutputParameter"]


def _write_inputs_spec(spec: dict[str, Any], component: dict[str, Any]) -> None:
    """TFX's entrypoint takes the types from a copy among the arguments; ExampleGen's driver from another."""
    container = spec["deploymentSpec"]["executors"].get(component.get("executorLabel"), {}).get("container", {})
    driver = container.get("lifecycle", {}).get("preCacheCheck", {})
    for arguments in (container.get("args", []), driver.get("args", [])):
        if INPUTS_SPEC in arguments:
            text = json.dumps(component["inputDefinitions"], sort_keys=True)
            arguments[arguments.index(INPUTS_SPEC) + 1] = text
