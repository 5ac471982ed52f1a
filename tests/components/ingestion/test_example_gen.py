"""The node that ingests, in real runs of TFX: tars are a source too, and another ground truth is other data."""

import sqlite3
from pathlib import Path

import pytest
from google.protobuf import json_format
from tfx.components.example_gen import utils
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts

from components.data_error import DataError
from components.ingestion import example_gen, summary
from components.sources.imagenet import ground_truth
from components.sources.wanted import ALL, Wanted
from tests.components.sources import records, small_ilsvrc


def node(data: Path, work: Path, *, wanted: Wanted = ALL) -> pipeline.Pipeline:
    ingesting = example_gen.ImageNetExampleGen(input_base=str(data), code="c", wanted=wanted)
    return pipeline.Pipeline(
        pipeline_name="tars",
        pipeline_root=str(work / "root"),
        components=[ingesting],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(work / "metadata.sqlite")),
        enable_cache=True,
    )


def states(work: Path) -> list[str]:
    names = {3: "COMPLETE", 4: "FAILED", 5: "CACHED"}
    with sqlite3.connect(work / "metadata.sqlite") as database:
        found = [names[state] for (state,) in database.execute("SELECT last_known_state FROM Execution ORDER BY id")]
    database.close()
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


def test_unchanged_tars_come_from_cache_and_another_ground_truth_is_ingested_anew(folders, tmp_path):
    data = small_ilsvrc.ilsvrc_tars(folders, tmp_path / "data")
    small_ilsvrc.write_list(folders, data / ground_truth.WNID_LIST)
    LocalDagRunner().run(node(data, tmp_path))
    LocalDagRunner().run(node(data, tmp_path))
    assert states(tmp_path) == ["COMPLETE", "CACHED"]
    lines = (data / ground_truth.WNID_LIST).read_text().split()
    (data / ground_truth.WNID_LIST).write_text("\n".join(lines[1:] + lines[:1]))
    LocalDagRunner().run(node(data, tmp_path))
    assert states(tmp_path)[2:] == ["COMPLETE"]
    reports = [summary.read(str(path)) for path in sorted((tmp_path / "root").glob("*/examples/*"))]
    assert [report["splits"]["train"]["pictures"] for report in reports] == [30, 30]
    assert reports[0]["digest"] != reports[1]["digest"]


def test_source_and_ground_truth_are_parameters_of_the_node(folders, tmp_path):
    data = small_ilsvrc.ilsvrc_tars(folders, tmp_path / "data")
    (data / "train").mkdir()  # Two kinds of source: one must be named.
    kit = small_ilsvrc.kit(folders, tmp_path / "devkit")
    LocalDagRunner().run(node(data, tmp_path, wanted=Wanted(source="ilsvrc", ground_truth=str(kit))))
    assert states(tmp_path) == ["COMPLETE"]
    with pytest.raises(DataError, match=r"holds several sources: folders \(train/\); ilsvrc"):
        LocalDagRunner().run(node(data, tmp_path))


def test_the_newest_span_is_ingested_and_recorded_and_a_newer_one_is_ingested_anew(folders, tmp_path):
    spans = tmp_path / "spans"
    for name in ("3/1", "12/2"):
        small_ilsvrc.folders(spans / name)
    pattern = spans / "{SPAN}" / "{VERSION}"
    LocalDagRunner().run(node(pattern, tmp_path))
    LocalDagRunner().run(node(pattern, tmp_path))
    small_ilsvrc.folders(spans / "12/10")
    LocalDagRunner().run(node(pattern, tmp_path))
    assert states(tmp_path) == ["COMPLETE", "CACHED", "COMPLETE"]
    assert properties(tmp_path, "span", "version") == [(12, 2), (12, 10)]
    taken = properties(tmp_path, "input_base", table="ExecutionProperty")
    assert taken[-1] == (str(spans / "12/10"),)


def test_classes_and_a_holdout_are_parameters_of_the_node_and_in_its_key(folders, tmp_path):
    for wanted in (Wanted(classes="2"), Wanted(classes="2", holdout=0.5), Wanted(classes="2")):
        LocalDagRunner().run(node(folders, tmp_path, wanted=wanted))
    assert states(tmp_path) == ["COMPLETE", "COMPLETE", "CACHED"]
    reports = [summary.read(str(path)) for path in sorted((tmp_path / "root").glob("*/examples/*"))]
    counts = [{split: each["pictures"] for split, each in report["splits"].items()} for report in reports]
    assert counts[0] == {"train": 12, "eval": 8}
    assert counts[1]["eval"] == 8
    assert counts[1]["train"] + counts[1]["minival"] == 12


def test_what_a_run_of_a_compiled_file_is_given_stands_over_what_was_compiled(folders, tmp_path):
    """The executor as TFX's entrypoint calls it on a cluster: parameters of the run are among the properties."""
    compiled = example_gen.ImageNetExampleGen(input_base=str(folders), code="c").exec_properties
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    given = {"source": "folders", "classes": "3", "holdout": 0.5, "boxes": "", "ground_truth": "", "data_digest": ""}
    example_gen.Executor().Do({}, {"examples": [examples]}, {**compiled, **given})
    report = summary.read(examples.uri)
    assert report["classes"] == 3
    assert list(report["splits"]) == ["train", "eval", "minival"]


def properties(work: Path, *names: str, table: str = "ArtifactProperty") -> list[tuple]:
    """Of every artifact or execution that has them, in their order, out of ML Metadata's own tables."""
    key = table.removesuffix("Property").lower() + "_id"
    with sqlite3.connect(work / "metadata.sqlite") as database:
        found = {}
        for name in names:
            query = f"SELECT {key}, int_value, string_value FROM {table} WHERE name = ? ORDER BY {key}"
            for each, number, text in database.execute(query, (name,)):
                found.setdefault(each, []).append(text if number is None else number)
    database.close()
    return [tuple(values) for values in found.values() if len(values) == len(names)]


def pattern_fingerprint(data: Path) -> str:
    """What TFX's own driver makes of the node's patterns: on Vertex AI it runs instead of ours."""
    config = example_gen.ImageNetExampleGen(input_base=str(data), code="c").exec_properties["input_config"]
    splits = json_format.Parse(config, example_gen_pb2.Input()).splits
    return utils.calculate_splits_fingerprint_span_and_version(str(data), splits)[0]


def test_tfxs_own_driver_sees_another_tar_another_picture_and_another_list_of_labels(folders, tmp_path):
    data = small_ilsvrc.ilsvrc_tars(folders, tmp_path / "data")
    small_ilsvrc.write_list(folders, data / ground_truth.WNID_LIST)
    seen = [pattern_fingerprint(data)]
    for path in (data / "ILSVRC2012_img_val.tar", data / ground_truth.WNID_LIST):
        path.write_bytes(path.read_bytes() + b"\n")
        seen.append(pattern_fingerprint(data))
    small_ilsvrc.kit(folders, data / "ILSVRC2012_devkit_t12.tar.gz")
    seen.append(pattern_fingerprint(data))
    (data / "ILSVRC2012_bbox_train_v2.tar.gz").write_bytes(b"x")
    seen.append(pattern_fingerprint(data))
    for root in (records.slim(folders, tmp_path / "slim"), records.tfds(folders, tmp_path / "tfds")):
        seen.append(pattern_fingerprint(root))
        path = next(root.glob("*validation*-00000-of-*"))
        path.write_bytes(path.read_bytes() + b"x")
        seen.append(pattern_fingerprint(root))
    assert len(set(seen)) == len(seen) == 9
    assert "split:train,num_files:30" in pattern_fingerprint(folders)


def test_data_may_lie_in_a_folder_of_any_name(folders, tmp_path):
    data = tmp_path / "a[b] *?é'\n"
    data.mkdir()
    for split in ("train", "eval"):
        (data / split).symlink_to(folders / split)
    LocalDagRunner().run(node(data, tmp_path, wanted=Wanted(follow_links=str(folders))))
    assert states(tmp_path) == ["COMPLETE"]
