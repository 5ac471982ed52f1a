"""The verdict: three kinds of evidence in one reason, stored whole, and served from cache while nothing has changed."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.gate import accuracy_gate
from components.gate.accuracy_gate import AccuracyGate, Verdict, judge, read_labels, write
from components.gate.evidence import Evidence
from components.gate.provenance_records import Parts
from components.gate.rule import Rule
from tests.components.gate.test_last_release import release

RULE = Rule(floor=0.5)
GOOD = Evidence("paired accuracy", (), "as good.", {"pictures": 500})
ALSO_GOOD = Evidence("structure", (), "all int8.")
BAD = Evidence("provenance", ("It is stale.", "It was skipped."), "never said")


def test_a_blessing_has_a_line_for_each_kind_of_evidence():
    verdict = Verdict((GOOD, ALSO_GOOD))
    assert verdict.blessed
    assert verdict.reason == "Paired accuracy: as good.\nStructure: all int8."


def test_what_speaks_against_a_blessing_is_all_that_its_reason_says():
    verdict = Verdict((GOOD, ALSO_GOOD, BAD))
    assert not verdict.blessed
    assert verdict.reason == "Provenance: It is stale. It was skipped."


@pytest.mark.parametrize(("evidence", "marker"), [((GOOD,), "BLESSED"), ((GOOD, BAD), "NOT_BLESSED")])
def test_the_verdict_lies_beside_the_marker_that_tfx_looks_for(tmp_path, evidence, marker):
    write(Verdict(evidence), str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [marker, "verdict.json"]
    assert (tmp_path / marker).read_bytes() == b""


def test_the_stored_verdict_has_all_evidence_that_which_passed_too(tmp_path):
    write(Verdict((GOOD, BAD)), str(tmp_path))
    assert json.loads((tmp_path / "verdict.json").read_text()) == {
        "format": 1,
        "blessed": False,
        "reason": "Provenance: It is stale. It was skipped.",
        "evidence": [
            {
                "kind": "paired accuracy", "passed": True, "sentence": "as good.", "faults": [],
                "facts": {"pictures": 500},
            },
            {
                "kind": "provenance", "passed": False, "sentence": "It is stale. It was skipped.",
                "faults": ["It is stale.", "It was skipped."], "facts": {},
            },
        ],
    }  # fmt: skip


def test_labels_are_read_from_the_examples(tmp_path):
    Path(tmp_path, "labels.txt").write_text("background\nant\nbee fly\n")
    assert read_labels(str(tmp_path)) == ["background", "ant", "bee fly"]


def test_a_better_release_at_the_destination_blocks_and_one_that_is_no_better_does_not(honest, tmp_path):
    right, data = honest.evaluation.candidate.top1_count, data_of(honest)
    release(tmp_path, 1, right=right, data=data)
    verdict = judge(honest, RULE, destination=str(tmp_path))
    assert verdict.blessed and f"from the {100 * right / 500:.4g} % of release 1 is shown" in verdict.reason
    worse = dataclasses.replace(honest.evaluation.candidate, top1_count=350)
    parts = dataclasses.replace(honest, evaluation=with_candidate(honest, worse))
    verdict = judge(parts, RULE, destination=str(tmp_path))
    assert not verdict.blessed
    assert verdict.reason.startswith("Paired accuracy: The int8 file is worse than release 1 by more than 1.00 points:")


def test_a_verdict_comes_from_cache_until_another_release_lies_at_the_destination(honest, tmp_path):
    """Its own release, which the Pusher brings there, is no other one."""
    run = Run(honest, tmp_path)
    assert run() == "COMPLETE"
    assert run.verdict()["blessed"], run.verdict()["reason"]
    assert run() == "CACHED"
    release(tmp_path / "pushed", 1, sha256=honest.evaluation.sha256)
    assert run() == "CACHED"
    release(tmp_path / "pushed", 2, right=500, data=data_of(honest))
    assert run() == "COMPLETE"
    assert run.verdict()["evidence"][0]["facts"]["release"]["version"] == "2"
    assert run() == "CACHED"
    (tmp_path / "pushed" / "0.25_32" / "2" / "labels.txt").write_text("damaged")
    assert run() == "CACHED"  # As in the first run, there is no other whole release.


def data_of(parts: Parts) -> str:
    return json.loads((parts.examples / "ingestion_report.json").read_text())["digest"]


def with_candidate(parts: Parts, candidate: Any) -> Any:
    overall = parts.evaluation.overall
    scores = {**overall.scores, "candidate": candidate}
    return dataclasses.replace(parts.evaluation, overall=dataclasses.replace(overall, scores=scores))


class Run:
    """The gate behind importers, as a pipeline of its own, with releases in `pushed`."""

    def __init__(self, parts: Parts, workdir: Path) -> None:
        self.workdir = workdir
        self.connection = metadata.sqlite_metadata_connection_config(str(workdir / "metadata.sqlite"))
        self.artifacts = {"examples": parts.examples, "evaluation": parts.examples.parent / "evaluation"}
        for name, serving in (("tflite", parts.tflite), ("float", parts.float_model), ("qat", parts.qat_model)):
            self.artifacts[name] = workdir / name
            self.artifacts[name].mkdir()
            (self.artifacts[name] / "Format-Serving").symlink_to(serving)

    def __call__(self) -> str:
        """Runs it → the gate's state in ML Metadata."""
        kinds = {"examples": standard_artifacts.Examples, "evaluation": standard_artifacts.ModelEvaluation}
        importers = {
            name: Importer(str(uri), kinds.get(name, standard_artifacts.Model)).with_id(name)
            for name, uri in self.artifacts.items()
        }
        given = {name: importer.outputs["result"] for name, importer in importers.items()}
        gate = AccuracyGate(
            evaluation=given["evaluation"],
            examples=given["examples"],
            tflite=given["tflite"],
            float_model=given["float"],
            qat_model=given["qat"],
            destination=str(self.workdir / "pushed"),
            floor=0.5,
            code="digest",
        )
        LocalDagRunner().run(
            Pipeline(
                pipeline_name="gate",
                pipeline_root=str(self.workdir / "root"),
                components=[*importers.values(), gate],
                enable_cache=True,
                metadata_connection_config=self.connection,
            )
        )
        with metadata.Metadata(self.connection) as handle:
            [name] = [each.name for each in handle.store.get_execution_types() if "AccuracyGate" in each.name]
            execution = max(handle.store.get_executions_by_type(name), key=lambda each: each.id)
        return type(execution).State.Name(execution.last_known_state)

    def verdict(self) -> dict:
        """Of the last execution that was not served from cache."""
        files = self.workdir.glob(f"root/AccuracyGate/blessing/*/{accuracy_gate.VERDICT_FILE}")
        return json.loads(max(files, key=lambda path: int(path.parent.name)).read_text())
