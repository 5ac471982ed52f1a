"""70 small files: the emulator does with each what Kubeflow's own driver and launcher did.

tests/data/kubeflow/cases.json has the files and what 2.17.0 made of them: each task's state, and what its container saw
of its inputs, arguments and folders. What deviates is listed here with its reason.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.compiled.compiled_file import Compiled
from pipeline.emulator import runner

CASES = json.loads((Path(__file__).parents[2] / "data" / "kubeflow" / "cases.json").read_text(encoding="utf-8"))
PRELUDE = CASES.pop("PRELUDE")
DEVIATIONS = {
    "fail_fast": "The recording stopped at the failure; Argo lets other branches go on, as here.",
    "folder_markers": "The case writes into the object store itself, of which there is none here.",
    "dollars": "$(HOME) was declared in the recording's drivers; in Kubernetes it is no variable of the pod.",
    "condition_of_a_bool": "The recording leaves out what waits for a task that was not triggered.",
}
MARKS = ("SEEN ", "ARGS ", "TREE ", "MODE ", "ENV ", "OUTPUTS ")
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAMES = [  # What differs from run to run, as the recording has it.
    (UUID, "UUID"),
    (r"minio://mlpipeline/v2/artifacts/small/\d+/", "ROOT/"),
    (r"/[^\s\"]*?/pods/UUID/minio/mlpipeline/v2/artifacts/small/\d+/", "LOCAL/"),
    (r"/[^\s\"]*?/pods/UUID/(?=tmp/|home/)", "/"),
    (r'"name": "\d+"', '"name": "ID"'),
    (r'"store_session_info": "(?:[^}]*\}\}|\\u2026)"', '"store_session_info": "…"'),
    (r"small-[0-9a-f]{5}\b", "RUN_NAME"),
    (r"small-1\b", "DISPLAY_NAME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
]


def said(text: str) -> list[str]:
    """Of a container: the lines that it marks, without what differs from run to run and empty maps."""
    return [_normal(line) for line in text.splitlines() if line.startswith(MARKS)]


def _normal(line: str) -> str:
    if line.startswith("SEEN "):
        seen = json.loads(line[5:])
        for listed in seen.get("artifacts", {}).values():
            for artifact in listed["artifacts"]:
                artifact.pop("type", None)  # Left out of the recording.
        line = "SEEN " + json.dumps({key: value for key, value in seen.items() if value}, sort_keys=True)
    for pattern, name in NAMES:
        line = re.sub(pattern, name, line)
    return line


def recorded(case: dict[str, Any]) -> dict[str, Any]:
    """Task → what became of each of its runs. A driver that failed and a pod that did not start are one."""
    states = {"driver failed": "failed", "not started": "skipped"}
    result: dict[str, Any] = {}
    for task, runs in case["real"].items():
        shown = [(states.get(run["state"], run["state"]), [*map(_normal, run["said"])]) for run in runs]
        failed = [run["state"] for run in runs][:2] == ["driver failed", "not started"]
        result[task] = [state for state in (shown[:1] if failed else shown) if state[0] != "driven"]
    return {task: runs for task, runs in result.items() if runs}


def emulated(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    text = json.dumps(case["spec"]).replace("PRELUDE", json.dumps(PRELUDE)[1:-1])
    spec = {"pipelineInfo": {"name": "small"}, "schemaVersion": "2.1.0", **json.loads(text)}
    logs: dict[str, list[Any]] = {}

    def report(task: runner.TaskRun) -> None:
        component = spec["components"].get(task.task, {})
        if "dag" not in component:  # Kubeflow has no state for those.
            log = folder / "logs" / f"{task.task.replace('/', '.')}.log"
            text = log.read_text(errors="replace") if log.exists() and task.state != "skipped" else ""
            logs.setdefault(task.task.rsplit("/", 1)[-1], []).append((task.state, said(text)))

    runner.run(Compiled(spec), parameters={}, workdir=folder, backend="kubeflow", report=report)
    return logs


@pytest.mark.parametrize("name", [name for name in CASES if name not in DEVIATIONS])
def test_the_emulator_does_what_the_real_driver_and_launcher_did(name, tmp_path):
    assert emulated(CASES[name], tmp_path) == recorded(CASES[name])


def test_at_most_four_of_seventy_deviate_and_still_do(tmp_path):
    assert len(CASES) == 70
    assert len(DEVIATIONS) <= 4
    same = [name for name in DEVIATIONS if emulated(CASES[name], tmp_path / name) == recorded(CASES[name])]
    assert not same, "these are equal now: take them out"
