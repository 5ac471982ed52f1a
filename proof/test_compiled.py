"""The compiled file on the bundled pictures, container command by container command. Writes compiled.md.

Command: .venv/bin/pytest -m proof proof/test_compiled.py
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.evaluation import tfma_module as evaluations
from components.evaluation.scores import Evaluation
from components.release import bundle
from pipeline import lineage
from pipeline.branch import Branch
from pipeline.compiled import compiler
from pipeline.compiled.compiled_file import Compiled
from pipeline.emulator import runner as ir_runner

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
EVALUATOR = "Evaluator-w025-r32"
BRANCH = "branches/Variant-w025-r32"
DAGS = {"branches", BRANCH}
REPORT = Path(__file__).with_name("compiled.md")


def test_in_processes_of_their_own_the_nodes_end_with_the_counts_of_the_local_runner_on_either_backend(tmp_path):
    start = time.monotonic()
    local = _local(tmp_path / "local")
    seconds = {"`mobilenet run`": time.monotonic() - start}
    file = compiler.compile_pipeline(compiler.DEFAULTS, [Branch.of("0.25_32", "tiny")])
    results = {}
    for backend in ("vertex", "kubeflow"):
        start = time.monotonic()
        results[backend] = _compiled(file, tmp_path / backend, backend)
        seconds[f"compiled, as on {backend}"] = time.monotonic() - start
        assert len(results[backend].in_state("done") - DAGS) == 15
        again = _compiled(file, tmp_path / backend, backend)
        assert again.in_state("done") - DAGS == {f"{BRANCH}/Pusher", "ZooReport"}
        _assert_same(local, evaluations.read(str(results[backend][f"{BRANCH}/Evaluator"].folders["evaluation"])))
    _write(local, seconds, results)


def _local(workdir: Path) -> Evaluation:
    chosen = ["--data", str(SAMPLE), "--workdir", str(workdir), "--recipe", "tiny", "--variant", "0.25_32"]
    command = [sys.executable, "-m", "pipeline", "run", *chosen]
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout
    run = lineage.last_run(workdir / "metadata.sqlite")
    return evaluations.read(str(run[EVALUATOR].outputs["evaluation"].uri))


def _compiled(file: Compiled, workdir: Path, backend: Any) -> ir_runner.RunResult:
    given = {"data": str(SAMPLE), "push_destination": str(workdir / "models")}
    result = ir_runner.run(file, parameters=given, workdir=workdir, backend=backend)
    assert result.ok, [f"{each.task}: {each.error}" for each in result.failed]
    assert bundle.verify(workdir / "models" / "0.25_32" / "1") == []
    return result


def _assert_same(theirs: Evaluation, ours: Evaluation) -> None:
    for model in ("baseline", "candidate"):
        a, b = getattr(theirs, model), getattr(ours, model)
        assert (a.pictures, a.top1_count, a.top5_count) == (b.pictures, b.top1_count, b.top5_count)
        np.testing.assert_array_equal(a.confusion, b.confusion)
        assert a.cross_entropy == pytest.approx(b.cross_entropy, abs=1e-6)


def _write(local: Evaluation, seconds: dict[str, float], results: dict[str, ir_runner.RunResult]) -> None:
    counts = local.candidate
    runs = "\n".join(f"| {what} | {took:.0f} |" for what, took in seconds.items())
    nodes = "\n".join(
        f"| {each.task} | {each.seconds:.1f} | {results['kubeflow'][each.task].seconds:.1f} |"
        for each in results["vertex"].tasks
    )
    REPORT.write_text(
        "# The compiled file, run as its backends would\n\n"
        "Command: `.venv/bin/pytest -m proof proof/test_compiled.py`: the bundled pictures, recipe tiny, 0.25_32, each "
        "node in a process of its own; on Kubeflow's side in a pod that holds its own artifacts alone.\n\n"
        f"All three runs: {counts.top1_count} of {counts.pictures} right at once and {counts.top5_count} among five "
        "(int8 .tflite), the same confusion matrices of both models, cross entropies within 1e-6, a whole bundle at "
        "its destination. A second run of either takes all but Pusher and ZooReport from the cache.\n\n"
        f"| run | seconds |\n| --- | --- |\n{runs}\n\n"
        f"| node | as on Vertex AI, s | as on Kubeflow, s |\n| --- | --- | --- |\n{nodes}\n",
        encoding="utf-8",
    )
