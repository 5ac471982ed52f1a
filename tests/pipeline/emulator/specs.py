"""Small compiled files by hand: containers of a few lines of Python, which start in milliseconds."""

from pathlib import Path
from typing import Any

from pipeline.compiled.compiled_file import Compiled
from pipeline.emulator import runner as ir_runner

MODEL = {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}
# Copies what it was given to where it is told: {{$}} alone is what TFX's containers get.
COPY = """
import json, pathlib, sys
call = json.loads(sys.argv[1])
[made] = call["outputs"]["artifacts"]["made"]["artifacts"]
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
texts = [p.read_text() for given in sys.argv[3:] for p in sorted(pathlib.Path(given).glob("*.txt"))]
(folder / "made.txt").write_text("".join(texts) + str(call["inputs"]["parameterValues"].get("text", "")))
output = pathlib.Path(call["outputs"]["outputFile"])
output.parent.mkdir(parents=True, exist_ok=True)
said = {"uri": made["uri"], "metadata": {"letters": len(texts), "good": 1.0}}
output.write_text(json.dumps({"artifacts": {"made": {"artifacts": [said]}}}))
"""
FAIL = "raise SystemExit('no disk for this')"


class Spec:
    """A compiled file that grows task by task."""

    def __init__(self, **parameters: dict[str, Any]) -> None:
        self.spec: dict[str, Any] = {
            "pipelineInfo": {"name": "small"},
            "schemaVersion": "2.1.0",
            "root": {"inputDefinitions": {"parameters": parameters}, "dag": {"tasks": {}}},
            "components": {},
            "deploymentSpec": {"executors": {}},
        }

    @property
    def tasks(self) -> dict[str, Any]:
        return self.spec["root"]["dag"]["tasks"]

    def compiled(self, platform: dict[str, Any] | None = None) -> Compiled:
        return Compiled(self.spec, platform)

    def copy(self, name: str, *given: str, text: dict[str, Any] | None = None, script: str = COPY, **task: Any) -> None:
        """A task that writes its producers' texts and its own parameter into its output `made`."""
        artifacts = {f"from_{each}": taken(each) for each in given}
        parameters = {} if text is None else {"text": text}
        inputs = [f"{{{{$.inputs.artifacts['from_{each}'].path}}}}" for each in given]
        container = {
            "image": "none",
            "command": ["python", "-c", script],
            "args": ["{{$}}", "{{$.outputs.artifacts['made'].path}}", *inputs],
        }
        self.container(name, container, artifacts=artifacts, parameters=parameters, outputs={"made": MODEL}, **task)

    def container(
        self,
        name: str,
        container: dict[str, Any],
        *,
        artifacts: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
        typed: str = "STRING",
        made: dict[str, Any] | None = None,
        **task: Any,
    ) -> None:
        self.spec["components"][name] = {
            "executorLabel": f"{name}_executor",
            "inputDefinitions": {
                "artifacts": dict.fromkeys(artifacts or {}, MODEL),
                "parameters": {key: {"parameterType": typed} for key in parameters or {}},
            },
            "outputDefinitions": {"artifacts": outputs or {}, "parameters": made or {}},
        }
        self.spec["deploymentSpec"]["executors"][f"{name}_executor"] = {"container": container}
        self.tasks[name] = {
            "componentRef": {"name": name},
            "inputs": {"artifacts": artifacts or {}, "parameters": parameters or {}},
            "cachingOptions": {"enableCache": True},
            **task,
        }

    def nest(self, name: str, *tasks: str, **outputs: Any) -> None:
        """Moves tasks into a DAG of their own."""
        moved = {each: self.tasks.pop(each) for each in tasks}
        self.spec["components"][name] = {"dag": {"tasks": moved, "outputs": outputs}}
        self.tasks[name] = {"componentRef": {"name": name}}


def constant(value: Any) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def parameter(name: str) -> dict[str, Any]:
    return {"componentInputParameter": name}


def taken(producer: str, key: str = "made") -> dict[str, Any]:
    return {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": key}}


def run(spec: Spec, workdir: Path, *, platform=None, **options) -> ir_runner.RunResult:
    return ir_runner.run(spec.compiled(platform), parameters=options.pop("parameters", {}), workdir=workdir, **options)


def text(result: ir_runner.RunResult, task: str) -> str:
    return (result[task].folders["made"] / "made.txt").read_text()


def states(result: ir_runner.RunResult) -> dict[str, str]:
    return {each.task: each.state for each in result.tasks}


def chain(**task) -> Spec:
    """b takes from a, whose text is the run's parameter."""
    spec = Spec(word={"parameterType": "STRING", "defaultValue": "ant"})
    spec.copy("b", "a", text=constant("bee"))
    spec.copy("a", text=parameter("word"), **task)
    return spec
