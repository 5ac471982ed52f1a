"""The compiled file broken in one place at a time: what `check` must say, and by which rule."""

import copy
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.checks import artifact_types, code, drivers, executors, exits, graph, invocation, names, parameters, sizes
from pipeline.checks.check import Rule
from pipeline.compiled.compiled_file import Compiled

GATE, TRAINER, PUSHER = "Variant/AccuracyGate", "Variant/FloatTrainer", "Variant/Pusher"
BUILDER, INGESTION = "Variant/BundleBuilder", "ImageNetExampleGen"
INPUTS_SPEC = "--json_serialized_inputs_spec_args"


class Broken(NamedTuple):
    """One small edit of the good file, in place."""

    name: str
    edit: Callable[[Compiled], Any]
    rule: Rule
    task: str
    fault: str  # Part of it, as of the mend.
    mend: str
    target: str = "both"


def task(compiled: Compiled, name: str) -> dict[str, Any]:
    """As messages name it: DAG/TASK within a DAG."""
    dag, _, key = name.rpartition("/")
    return (compiled.spec["components"][dag]["dag"]["tasks"] if dag else compiled.tasks)[key]


def inputs(compiled: Compiled, name: str) -> dict[str, Any]:
    return task(compiled, name)["inputs"]


def component(compiled: Compiled, name: str) -> dict[str, Any]:
    return compiled.spec["components"][task(compiled, name)["componentRef"]["name"]]


def container(compiled: Compiled, name: str) -> dict[str, Any]:
    return compiled.spec["deploymentSpec"]["executors"][component(compiled, name)["executorLabel"]]["container"]


def redeclare(compiled: Compiled, task: str, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Changes a component's inputDefinitions, and the copy among its arguments with them."""
    declared = component(compiled, task)["inputDefinitions"]
    edit(declared)
    replace(compiled, task, INPUTS_SPEC, json.dumps(declared))


def replace(compiled: Compiled, task: str, flag: str, value: str) -> None:
    arguments = container(compiled, task)["args"]
    arguments[arguments.index(flag) + 1] = value


def give_output(compiled: Compiled, kind: str) -> None:
    """As TFX's compiler does for `outputs['blessing'].future()[0].value`: the Pusher takes a value of the gate."""
    component(compiled, GATE)["outputDefinitions"]["parameters"] = {"blessing": {"parameterType": "NUMBER_DOUBLE"}}
    redeclare(compiled, PUSHER, lambda declared: declared["parameters"].update(drop={"parameterType": kind}))
    output = {"producerTask": "AccuracyGate", "outputParameterKey": "blessing"}
    inputs(compiled, PUSHER)["parameters"]["drop"] = {"taskOutputParameter": output}


def import_examples(compiled: Compiled, uri: dict[str, Any]) -> None:
    """Replaces IngestionReport by an importer."""
    compiled.spec["deploymentSpec"]["executors"]["IngestionReport_executor"] = {"importer": {"artifactUri": uri}}


def set_condition(compiled: Compiled, name: str, condition: str) -> None:
    task(compiled, name)["triggerPolicy"] = {"condition": condition}


WHATEVER = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def late(compiled: Compiled) -> dict[str, Any]:
    """ZooReport's call again, behind it."""
    called = copy.deepcopy(compiled.tasks["ZooReport"])
    del called["triggerPolicy"]
    return called | {"dependentTasks": ["ZooReport"], "taskInfo": {"name": "Late"}}


def import_on_condition(compiled: Compiled) -> None:
    import_examples(compiled, {"constant": "gs://bucket/report"})
    set_condition(compiled, "IngestionReport", "inputs.artifacts['examples'].artifacts[0].uri != ''")


def set_type(compiled: Compiled, schema: dict[str, str]) -> None:
    component(compiled, GATE)["outputDefinitions"]["artifacts"]["blessing"]["artifactType"] = schema


def draw_without_ours(compiled: Compiled) -> None:
    set_type(compiled, {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"})
    module = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
    container(compiled, GATE).update(command=["python", "-m", module])


SPECS = [
    Broken(
        "schema version", lambda c: c.spec.update(schemaVersion="2.0.0"),
        names.version, "pipeline", "'2.0.0', wanted '2.1.0'", "mobilenet compile",
    ),
    Broken(
        "pipeline name", lambda c: c.spec["pipelineInfo"].update(name="MobileNet V1"),
        names.pipeline_name, "pipeline", "'MobileNet V1' (12 characters)", "`name` in the settings file",
    ),
    Broken(
        "task without a name", lambda c: c.tasks["DataGate"].pop("taskInfo"),
        names.task_names, "DataGate", "no taskInfo.name", "Write name: DataGate",
    ),
    Broken(
        "task with underscores", lambda c: c.tasks.update(Data_Gate=c.tasks["DataGate"]),
        names.task_names, "Data_Gate", "'Data_Gate' (9 characters) is not letters, digits and hyphens", "with_id()",
    ),
    Broken(
        "task named as a driver", lambda c: c.tasks.update({"DataGate-driver": c.tasks["DataGate"]}),
        names.task_names, "DataGate-driver", "gives the driver of DataGate", "with_id()", "kubeflow",
    ),
    Broken(
        "parameter's name",
        lambda c: c.parameters.update({"top 1": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5}}),
        names.parameter_names, "parameter top 1", "'top 1' (5 characters)", "Rename it",
    ),
    Broken(
        "unknown component", lambda c: c.tasks["DataGate"].update(componentRef={"name": "Gate"}),
        graph.implementations, "DataGate", "'Gate', which is no component", "Name one of AccuracyGate",
    ),
    Broken(
        "unknown executor", lambda c: component(c, PUSHER).update(executorLabel="push"),
        graph.implementations, PUSHER, "'push', which is no executor", "under deploymentSpec.executors",
    ),
    Broken(
        "unknown producer",
        lambda c: inputs(c, "DataGate")["artifacts"]["report"]["taskOutputArtifact"].update(producerTask="Report_task"),
        graph.producers, "DataGate", "'Report_task', which is no task", "Name one of DataGate",
    ),
    Broken(
        "unknown output",
        lambda c: inputs(c, PUSHER)["artifacts"]["model"]["taskOutputArtifact"].update(outputArtifactKey="model"),
        graph.producers, PUSHER, "output 'model', which it does not make", "Name one of its artifacts (bundle)",
    ),
    Broken(
        "unknown dependency", lambda c: c.tasks["DataGate"]["dependentTasks"].append("Tuner"),
        graph.dependencies, "DataGate", "'Tuner', which is no task", "take it out",
    ),
    Broken(
        "missing dependency", lambda c: c.tasks["DataGate"]["dependentTasks"].remove("LabelSchema"),
        graph.dependencies, "DataGate", "reads what LabelSchema makes", "Add LabelSchema", "vertex",
    ),
    Broken(
        "cycle", lambda c: c.tasks["ImageNetExampleGen"].update(dependentTasks=["LabelSchema"]),
        graph.dependencies, "ImageNetExampleGen", "ImageNetExampleGen → LabelSchema → ImageNet", "Take one out",
    ),
    Broken(
        "no default", lambda c: c.parameters["floor"].pop("defaultValue"),
        parameters.defaults, "parameter floor", "no defaultValue", "Add a defaultValue of type NUMBER_DOUBLE",
    ),
    Broken(
        "default of another type", lambda c: c.parameters["floor"].update(defaultValue="0.5"),
        parameters.defaults, "parameter floor", "'0.5' (string), wanted NUMBER_DOUBLE", "Write a NUMBER_DOUBLE",
    ),
    Broken(
        "no type", lambda c: c.parameters.update(extra={"defaultValue": 1}),
        parameters.defaults, "parameter extra", "no parameterType", "NUMBER_INTEGER",
    ),
    Broken(
        "parameter not given", lambda c: inputs(c, GATE)["parameters"].pop("visible_drop"),
        parameters.given, GATE, "parameter 'visible_drop', which its component asks for", "Add it to the task's inputs",
    ),
    Broken(
        "artifact not given", lambda c: inputs(c, "DataGate")["artifacts"].pop("anomalies"),
        parameters.given, "DataGate", "artifact 'anomalies'", "make it optional",
    ),
    Broken(
        "undeclared parameter", lambda c: c.parameters.pop("margin"),
        parameters.sources, "branches", "the run's 'margin', which is not declared", "root.inputDefinitions.parameters",
    ),
    Broken(
        "runtimeValue as before 2.1",
        lambda c: inputs(c, GATE)["parameters"].update(floor={"runtimeValue": {"runtimeParameter": "floor"}}),
        parameters.sources, GATE, "'floor' has a runtimeValue without a constant", "componentInputParameter",
    ),
    Broken(
        "constant of another type",
        lambda c: inputs(c, GATE)["parameters"]["visible_drop"]["runtimeValue"].update(constant="0.05"),
        parameters.sources, GATE, "'visible_drop' is '0.05' (string), wanted NUMBER_DOUBLE", "Write a NUMBER_DOUBLE",
    ),
    Broken(
        "fraction for a whole number",
        lambda c: inputs(c, INGESTION)["parameters"]["output_file_format"]["runtimeValue"].update(constant=5.5),
        parameters.sources, INGESTION, "5.5 (number), wanted NUMBER_INTEGER", "Write a NUMBER_INTEGER",
    ),
    Broken(
        "output value for a text", lambda c: give_output(c, "STRING"),
        parameters.sources, PUSHER, "STRING and takes AccuracyGate's 'blessing', a NUMBER_DOUBLE", "Declare it NUMBER",
    ),
    Broken(
        "the run's number for a text",
        lambda c: redeclare(c, GATE, lambda d: d["parameters"]["floor"].update(parameterType="STRING")),
        parameters.sources, GATE, "'floor' is declared STRING and takes the run's 'floor'", "Declare it NUMBER_DOUBLE",
    ),
    Broken(
        "resolver", lambda c: c.spec["deploymentSpec"]["executors"].update(IngestionReport_executor={"resolver": {}}),
        executors.kinds, "IngestionReport", "a resolver, which Kubeflow Pipelines does", "an Importer", "kubeflow",
    ),
    Broken(
        "executor of no kind",
        lambda c: c.spec["deploymentSpec"]["executors"].update(IngestionReport_executor={}),
        executors.kinds, "IngestionReport", "neither container nor importer", "Give it one",
    ),
    Broken(
        "importer with a condition", import_on_condition,
        executors.conditions, "IngestionReport", "an importer with a condition", "out of its Cond", "kubeflow",
    ),
    Broken(
        "condition on what is not given",
        lambda c: set_condition(c, PUSHER, "inputs.artifacts['report'].artifacts[0].uri != ''"),
        executors.conditions, PUSHER, "inputs.artifacts['report'], which the task is not given", "Add report",
    ),
    Broken(
        "condition as before 2.1",
        lambda c: set_condition(c, PUSHER, "inputs.parameters['drop'].double_value < 0.1"),
        executors.conditions, PUSHER, "inputs.parameters['drop'], which is empty", "parameter_values['drop']",
    ),
    Broken(
        "import from a folder", lambda c: import_examples(c, {"constant": "/mnt/report"}),
        executors.importers, "IngestionReport", "It imports '/mnt/report', wanted", "object store",
    ),
    Broken(
        "import from where nobody says", lambda c: import_examples(c, {"runtimeParameter": "uri"}),
        executors.importers, "IngestionReport", "'uri', which is no parameter of the run", "as componentInputParameter",
    ),
    Broken(
        "copy of the inputs with other types",
        lambda c: component(c, GATE)["inputDefinitions"]["parameters"]["floor"].update(isOptional=True),
        invocation.arguments, GATE, "differs from the component's inputDefinitions in parameters.floor", "as JSON",
    ),
    Broken(
        "no copy of the inputs", lambda c: container(c, GATE).update(args=container(c, GATE)["args"][:4]),
        invocation.arguments, GATE, f"no {INPUTS_SPEC}: TFX then reads no parameter", f"Add {INPUTS_SPEC}",
    ),
    Broken(
        "nothing filled in", lambda c: replace(c, GATE, "--json_serialized_invocation_args", "{{$.inputs}}"),
        invocation.arguments, GATE, "'{{$.inputs}}', wanted {{$}}", "Write {{$}} there",
    ),
    Broken(
        "driver's copy of the inputs",
        lambda c: container(c, INGESTION)["lifecycle"]["preCacheCheck"]["args"].__setitem__(3, "{}"),
        invocation.arguments, INGESTION, f"Its driver's {INPUTS_SPEC} differs", "as JSON",
    ),
    Broken(
        "type of nobody", lambda c: set_type(c, {"schemaTitle": "tfx.Artifact"}),
        artifact_types.artifact_types, GATE, "output 'blessing' is of type 'tfx.Artifact'", "such as tfx.Model",
    ),
    Broken(
        "Kubeflow's type", lambda c: set_type(c, {"schemaTitle": "system.Model"}),
        artifact_types.artifact_types, GATE, "'system.Model', which is none of TFX's", "PACKAGE.Class",
    ),
    Broken(
        "page without our entrypoint", draw_without_ours,
        artifact_types.artifact_types, GATE, "'system.HTML', which is none of TFX's", "PACKAGE.Class",
    ),
    Broken(
        "type by its module",
        lambda c: set_type(c, {"instanceSchema": "title: components.ingestion.summary.IngestionSummary"}),
        artifact_types.artifact_types, GATE, "no class that can be imported by that name", "PACKAGE.Class",
    ),
    Broken(
        "type without a title", lambda c: set_type(c, {"instanceSchema": "type: object"}),
        artifact_types.artifact_types, GATE, "no type that can be read", "a title, such as tfx.Model",
    ),
    Broken(
        "module that is not there", lambda c: container(c, GATE).update(command=["python", "-m", "components.entry"]),
        code.entry_modules, GATE, "no module 'components.entry'", "python -m components.node.entrypoint",
    ),
    Broken(
        "class that is not there",
        lambda c: replace(c, GATE, "--executor_class_path", "components.gate.accuracy_gate.Gate_Executor"),
        code.executors, GATE, "no 'Gate_Executor' in accuracy_gate.py", "Name a class",
    ),
    Broken(
        "function that is not there",
        lambda c: inputs(c, TRAINER)["parameters"]["run_fn"]["runtimeValue"].update(constant="trainer.task.run"),
        code.named_code, TRAINER, "'trainer.task.run': there is no 'run' in task.py", "Name one that is there",
    ),
    Broken(
        "task behind the zoo's report", lambda c: c.tasks.update(Late=late(c)),
        exits.exits, "Late", "waits for ZooReport, which runs however others ended", "out of its dependentTasks",
        "kubeflow",
    ),
    Broken(
        "DAG that only ends",
        lambda c: task(c, "branches/Variant-w025-r64").update(triggerPolicy=WHATEVER),
        exits.exits, "branches", "no task but Variant-w025-r64, to run however others ended", "Add the tasks",
        "kubeflow",
    ),
    Broken(
        "report behind nothing", lambda c: c.tasks["ZooReport"].pop("dependentTasks"),
        exits.exits, "ZooReport", "has no dependentTasks: it would never run", "wait for one task", "kubeflow",
    ),
    Broken(
        "report behind two", lambda c: c.tasks["ZooReport"].update(dependentTasks=["branches", "DataGate"]),
        exits.exits, "ZooReport", "waits for DataGate, branches: Kubeflow runs it 2 times", "wait for one",
        "kubeflow",
    ),
    Broken(
        "once for each artifact",
        lambda c: c.tasks["DataGate"].update(
            artifactIterator={"itemInput": "report", "items": {"inputArtifact": "report"}}
        ),
        drivers.drivers, "DataGate", "(artifactIterator), which Kubeflow refuses", "Iterate over a param",
        "kubeflow",
    ),
    Broken(
        "constant longer than an argument",
        lambda c: inputs(c, "DataGate")["parameters"].update(code={"runtimeValue": {"constant": "x" * 200_000}}),
        sizes.sizes, "DataGate", "'code' is 200,002 bytes, wanted at most 131,071", "Put it into a file", "kubeflow",
    ),
    Broken(
        "argument longer than the kernel takes", lambda c: container(c, "DataGate")["args"].append("x" * 131_072),
        sizes.sizes, "DataGate", "An argument of its container is 131,072 bytes", "Put it into a file", "kubeflow",
    ),
    Broken(
        "Argo's reference in a constant",
        lambda c: inputs(c, "DataGate")["parameters"].update(code={"runtimeValue": {"constant": "{{workflow.name}}"}}),
        parameters.references, "DataGate", "'code' has '{{workflow.name' in it", "without {{ and $(", "kubeflow",
    ),
    Broken(
        "Kubernetes' reference in a default", lambda c: c.parameters["data"].update(defaultValue="/mnt/$(HOME)"),
        parameters.references, "parameter data", "has '$(HOME' in it", "without {{ and $(", "kubeflow",
    ),
    Broken(
        "condition in words", lambda c: set_condition(c, "DataGate", "this is no condition"),
        executors.conditions, "DataGate", "'this is no condition' is no expression of CEL", "inputs.parameter_values",
    ),
    Broken(
        "condition with an open bracket", lambda c: set_condition(c, "DataGate", "(1 == 1"),
        executors.conditions, "DataGate", "is no expression of CEL", "inputs.parameter_values",
    ),
    Broken(
        "condition of Python's", lambda c: set_condition(c, "DataGate", "not (1 == 1)"),
        executors.conditions, "DataGate", "is no expression of CEL", "inputs.parameter_values",
    ),
]  # fmt: skip
