"""The rule by itself, and the five nodes from pictures to checked schema in a real run of TFX."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components import ExampleValidator, StatisticsGen
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import standard_artifacts

from components.data_error import DataError
from components.ingestion.data_gate import DataGate, faults
from components.ingestion.example_gen import ImageNetExampleGen
from components.ingestion.label_schema import LabelSchema, label_schema, statistics_options
from components.ingestion.report import IngestionReport
from components.ingestion.summary import IngestionSummary

pytestmark = pytest.mark.slow

NODES = ["DataGate", "ExampleValidator", "ImageNetExampleGen", "IngestionReport", "LabelSchema", "StatisticsGen"]


def report(**train_classes: int) -> dict:
    splits = {"train": {"ant": 4, "bee": 4} | train_classes, "eval": {"ant": 1, "bee": 1}}
    return {"classes": 2, "splits": {s: {"pictures": sum(c.values()), "per_class": c} for s, c in splits.items()}}


def judged(**changes) -> list[str]:
    """The faults of good data with some of the rule's inputs changed."""
    good = {
        "schema": label_schema(["background", "ant", "bee"]),
        "report": report(),
        "anomalies": {"train": anomalies_pb2.Anomalies(), "eval": anomalies_pb2.Anomalies()},
        "examples": {"train": 8, "eval": 2},
    }
    return faults(**(good | changes))


def found(feature: str) -> anomalies_pb2.Anomalies:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info[feature].short_description = "Out-of-range values"
    anomalies.anomaly_info[feature].description = "Unexpectedly high value: 3."
    return anomalies


def test_good_data_has_no_faults():
    assert judged() == []


def test_every_anomaly_of_every_split_is_named_with_its_reason():
    anomalies = {"train": found("image/class/label"), "eval": found("image/height")}
    assert judged(anomalies=anomalies) == [
        "train: image/class/label: Out-of-range values: Unexpectedly high value: 3.",
        "eval: image/height: Out-of-range values: Unexpectedly high value: 3.",
    ]


def test_a_split_without_pictures_is_a_fault():
    assert judged(examples={"train": 8, "eval": 0}) == ["eval: no pictures"]


def test_missing_data_is_a_fault():
    missing = anomalies_pb2.Anomalies(data_missing=True)
    assert judged(anomalies={"train": anomalies_pb2.Anomalies(), "eval": missing}) == [
        "eval: ExampleValidator saw no data"
    ]


def test_a_split_that_was_not_looked_at_is_a_fault():
    assert judged(examples={"train": 8}) == [
        "eval: not checked; StatisticsGen and ExampleValidator must see both splits"
    ]


def test_a_lost_shard_is_a_fault():
    assert judged(examples={"train": 5, "eval": 2}) == ["train: 5 examples in the shards, but 8 were written"]


def test_a_class_without_a_picture_is_a_fault():
    assert judged(report=report(bee=0, ant=8)) == ["train: class bee has no picture"]


def test_labels_and_report_that_differ_in_the_number_of_classes_are_a_fault():
    schema = label_schema(["background", "ant", "bee", "cow"])
    assert judged(schema=schema) == ["labels.txt has 3 classes, the ingestion report 2"]


def checks(pictures: Path, work: Path, code: str = "c", **options) -> pipeline.Pipeline:
    """Pictures to checked schema, as the pipeline wires it."""
    example_gen = ImageNetExampleGen(input_base=str(pictures), code=code, **options)
    examples = example_gen.outputs["examples"]
    report = IngestionReport(examples=examples, code=code)
    statistics = StatisticsGen(examples=examples, stats_options=statistics_options())
    schema = LabelSchema(examples=examples, code=code)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        anomalies=validator.outputs["anomalies"],
        statistics=statistics.outputs["statistics"],
        label_schema=schema.outputs["schema"],
        report=report.outputs["report"],
        code=code,
    )
    return pipeline.Pipeline(
        pipeline_name="checks",
        pipeline_root=str(work / "root"),
        components=[example_gen, report, statistics, schema, validator, gate],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(work / "metadata.sqlite")),
        enable_cache=True,
    )


def executions(work: Path) -> dict[str, list[str]]:
    """The states of every node's executions, in the order they ran."""
    names = {2: "RUNNING", 3: "COMPLETE", 4: "FAILED", 5: "CACHED"}
    states: dict[str, list[str]] = {}
    with sqlite3.connect(work / "metadata.sqlite") as database:
        query = "SELECT t.name, e.last_known_state FROM Execution e JOIN Type t ON e.type_id = t.id ORDER BY e.id"
        for name, state in database.execute(query):
            states.setdefault(name.rpartition(".")[2], []).append(names[state])
    database.close()
    return states


@pytest.fixture(scope="module")
def run(tmp_path_factory, fill_folder) -> tuple[Path, Path]:
    """The folder of pictures and the work directory of one finished run."""
    work = tmp_path_factory.mktemp("run")
    pictures = fill_folder(work / "pictures")
    LocalDagRunner().run(checks(pictures, work))
    return pictures, work


def test_every_node_ran_once(run):
    assert executions(run[1]) == {name: ["COMPLETE"] for name in NODES}


def test_the_schema_that_leaves_the_gate_has_the_label_domain(run):
    (path,) = (run[1] / "root" / "DataGate" / "schema").rglob("schema.pbtxt")
    (label,) = [f for f in tfdv.load_schema_text(str(path)).feature if f.name == "image/class/label"]
    assert (label.int_domain.min, label.int_domain.max) == (1, 3)


def test_statistics_saw_both_splits_without_the_bytes(run):
    for split, count in (("train", 24), ("eval", 12)):
        (path,) = (run[1] / "root" / "StatisticsGen").rglob(f"Split-{split}/FeatureStats.pb")
        (dataset,) = tfdv.load_stats_binary(str(path)).datasets
        assert dataset.num_examples == count
        assert "image/encoded" not in {feature.path.step[0] for feature in dataset.features}


def artifact(kind: type, uri: Path) -> Any:
    """An artifact of both splits that lies at `uri`."""
    made = kind()
    made.uri = str(uri)
    if "split_names" in (kind.PROPERTIES or {}):
        made.split_names = '["train", "eval"]'
    return made


def test_the_gate_passes_no_schema_on_when_the_validator_found_something(run, tmp_path):
    def output(node: str, name: str) -> Path:
        (uri,) = (run[1] / "root" / node / name).iterdir()
        return uri

    for split, content in (("train", found("image/class/label")), ("eval", anomalies_pb2.Anomalies())):
        (tmp_path / f"Split-{split}").mkdir()
        (tmp_path / f"Split-{split}" / "SchemaDiff.pb").write_bytes(content.SerializeToString())
    (tmp_path / "schema").mkdir()
    with pytest.raises(
        DataError, match=r"(?s)1 faults, so nothing is trained .*train: image/class/label: Out-of-range"
    ):
        DataGate.test_call(
            anomalies=artifact(standard_artifacts.ExampleAnomalies, tmp_path),
            statistics=artifact(standard_artifacts.ExampleStatistics, output("StatisticsGen", "statistics")),
            label_schema=artifact(standard_artifacts.Schema, output("LabelSchema", "schema")),
            report=artifact(IngestionSummary, output("IngestionReport", "report")),
            schema=artifact(standard_artifacts.Schema, tmp_path / "schema"),
            code="c",
        )
    assert list((tmp_path / "schema").iterdir()) == []


def test_unchanged_comes_from_cache_moved_pictures_and_new_code_do_not(run):
    pictures, work = run
    LocalDagRunner().run(checks(pictures, work))
    assert executions(work)["ImageNetExampleGen"] == ["COMPLETE", "CACHED"]
    (pictures / "train" / "ant" / "ant_0.jpg").rename(pictures / "train" / "cow" / "ant_0.jpg")
    LocalDagRunner().run(checks(pictures, work))
    assert executions(work)["ImageNetExampleGen"][2:] == ["COMPLETE"]
    LocalDagRunner().run(checks(pictures, work, code="edited"))
    assert executions(work)["ImageNetExampleGen"][3:] == ["COMPLETE"]
    assert executions(work)["LabelSchema"] == ["COMPLETE", "CACHED", "COMPLETE", "COMPLETE"]


def test_a_run_on_bad_data_fails_with_its_message_leaves_nothing_and_the_next_run_works(fill_folder, tmp_path):
    pictures = fill_folder(tmp_path / "pictures")
    bad = [pictures / "train" / "ant" / f"bad_{index}.jpg" for index in range(3)]
    for path in bad:
        path.write_text("no picture")
    with pytest.raises(DataError, match=r"3 of 39 files are no usable pictures; at most 1 may be refused"):
        LocalDagRunner().run(checks(pictures, tmp_path))
    assert [path for path in (tmp_path / "root").rglob("*") if path.is_file()] == []
    assert executions(tmp_path) == {"ImageNetExampleGen": ["FAILED"]}
    for path in bad:
        path.unlink()
    LocalDagRunner().run(checks(pictures, tmp_path))
    assert executions(tmp_path)["DataGate"] == ["COMPLETE"]


def test_a_folder_that_does_not_exist_fails_with_its_message(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist. Wanted train/<class>"):
        LocalDagRunner().run(checks(tmp_path / "nowhere", tmp_path))
