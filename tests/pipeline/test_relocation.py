"""A work directory is its own wherever it lies: what it recorded of the former place is read as of the present one."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.portable import cache_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import standard_artifacts

from pipeline import lineage, relocation
from pipeline.report import report
from pipeline.report.report import ReportError
from tests.pipeline.report.recorded_runs import Ran, record

MODELS = "models/0.25_32/1"


@pytest.fixture
def workdir(tmp_path) -> Path:
    """With a run whose artifacts lie as TFX lays them out, and one that is pushed."""
    folder = tmp_path / "a [1]" / "runs"
    artifacts = folder / "artifacts"
    for place in ("ImageNetExampleGen/examples/1", "Evaluator-w025-r32/evaluation/2"):
        (artifacts / place).mkdir(parents=True)
    (artifacts / "ImageNetExampleGen/examples/1/labels.txt").write_text("background\nant\nbee\n")
    record(folder / "metadata.sqlite", [
        Ran("ImageNetExampleGen", {"examples": artifacts / "ImageNetExampleGen/examples/1"},
            settings={"input_base": f"{folder}2/pictures"}),
        Ran("Evaluator-w025-r32", {"evaluation": artifacts / "Evaluator-w025-r32/evaluation/2"},
            inputs=[("ImageNetExampleGen", "examples")]),
        Ran("Pusher-w025-r32", {"pushed_model": folder / MODELS},
            properties={"pushed_destination": str(folder / MODELS)},
            settings={"push_destination": f'{{"base_directory": "{folder}/models"}}'}),
    ])  # fmt: skip
    return folder


def texts(folder: Path) -> set[str]:
    """All places that the database has."""
    with sqlite3.connect(folder / "metadata.sqlite") as connection:
        rows = [*connection.execute("SELECT uri FROM Artifact")]
        for table in ("ArtifactProperty", "ExecutionProperty"):
            rows += connection.execute(f"SELECT string_value FROM {table} WHERE string_value IS NOT NULL")
    connection.close()
    return {text for (text,) in rows if "/" in text}


def moved(workdir: Path, tmp_path: Path) -> Path:
    return Path(shutil.move(workdir, tmp_path / "b"))


def test_a_moved_run_is_read_from_where_it_lies_and_nothing_is_written_for_it(workdir, tmp_path):
    before = texts(workdir)
    now = moved(workdir, tmp_path)
    run = lineage.last_run(now / "metadata.sqlite")
    assert run["Evaluator-w025-r32"].outputs["evaluation"].uri == now / "artifacts/Evaluator-w025-r32/evaluation/2"
    assert run["Pusher-w025-r32"].outputs["pushed_model"].properties["pushed_destination"] == str(now / MODELS)
    assert run["Pusher-w025-r32"].settings["push_destination"] == f'{{"base_directory": "{now}/models"}}'
    assert run["ImageNetExampleGen"].settings["input_base"] == f"{workdir}2/pictures"  # Another folder's name.
    assert texts(now) == before


def test_a_run_in_a_copy_is_the_copys_own_and_the_original_is_untouched(workdir, tmp_path):
    copy = Path(shutil.copytree(workdir, tmp_path / "copy"))
    original = (workdir / "metadata.sqlite").read_bytes()
    assert relocation.adopt(copy / "metadata.sqlite") is True
    assert (workdir / "metadata.sqlite").read_bytes() == original
    assert texts(copy) == {text.replace(f"{workdir}/", f"{copy}/") for text in texts(workdir)}
    assert relocation.adopt(copy / "metadata.sqlite") is False
    assert relocation.adopt(tmp_path / "none.sqlite") is False and not (tmp_path / "none.sqlite").exists()


def test_a_former_place_is_no_part_of_a_longer_one():
    replace = relocation._replacing(["/runs", "/work/runs"], "/home/work/runs", everywhere=True)
    kept = ["/data/runs/models/1", "/home/work/runs/artifacts/x", "/runs2/x"]
    assert [replace(each) for each in kept] == kept
    assert replace("/runs/models/1") == "/home/work/runs/models/1"
    assert replace('{"uri": "file:///runs/x"}') == '{"uri": "file:///home/work/runs/x"}'


def test_a_destination_called_artifacts_is_no_former_work_directory(tmp_path):
    folder = tmp_path / "srv" / "runs"
    folder.mkdir(parents=True)
    pushed = tmp_path / "srv" / "artifacts" / "models" / "0.25_64" / "1"
    record(folder / "metadata.sqlite", [
        Ran("ImageNetExampleGen", {"examples": folder / "artifacts/ImageNetExampleGen/examples/1"},
            settings={"input_base": str(tmp_path / "srv" / "pictures")}),
        Ran("Pusher-w025-r64", {"pushed_model": pushed}, properties={"pushed_destination": str(pushed)}),
    ])  # fmt: skip
    before = texts(folder)
    assert relocation.adopt(folder / "metadata.sqlite") is False
    assert texts(folder) == before


def test_what_was_moved_twice_is_read_too(workdir, tmp_path):
    first = moved(workdir, tmp_path)
    relocation.adopt(first / "metadata.sqlite")
    second = Path(shutil.move(first, tmp_path / "c"))
    uri = lineage.last_run(second / "metadata.sqlite")["ImageNetExampleGen"].outputs["examples"].uri
    assert uri == second / "artifacts/ImageNetExampleGen/examples/1"


def key(workdir: Path, born: Path, *, destination: str, data: str = "/data") -> str:
    artifact = standard_artifacts.Model()
    artifact.uri = str(workdir / "artifacts/FloatTrainer/model/7")
    artifact.set_string_custom_property("pushed_destination", str(workdir / MODELS))
    given = {
        "metadata_handle": _Types(),
        "pipeline_node": pipeline_pb2.PipelineNode(),
        "pipeline_info": pipeline_pb2.PipelineInfo(id="mobilenet"),
        "input_artifacts": {"model": [artifact]},
        "parameters": {"destination": destination, "input_base": data},
    }
    with relocation.movable_cache(workdir, str(born)):
        return cache_utils.get_cache_context(**given).name


class _Types:
    """As much of ML Metadata as a cache context takes: it has every context already."""

    class store:
        @staticmethod
        def get_context_by_type_and_name(type_name: str, context_name: str) -> mlmd.Context:
            return mlmd.Context(name=context_name)


def test_a_cache_key_is_the_one_of_the_birthplace_and_another_for_another_folder(tmp_path):
    here, there = tmp_path / "runs", tmp_path / "elsewhere"
    at_first = key(here, here, destination=f"{here}/models")
    assert key(there, here, destination=f"{there}/models") == at_first
    assert key(there, there, destination=f"{there}/models") != at_first
    assert key(here, here, destination=f"{here}2/models") != at_first
    assert key(here, here, destination=f"{here}/models", data="/other") != at_first
    original = cache_utils.get_cache_context
    with relocation.movable_cache(here, str(here)):
        assert cache_utils.get_cache_context is not original
    assert cache_utils.get_cache_context is original


def test_the_birthplace_goes_with_the_directory_and_older_ones_tell_it_by_their_artifacts(workdir, tmp_path):
    now = moved(workdir, tmp_path)
    assert relocation.birthplace(now / "metadata.sqlite") == str(workdir)
    relocation.adopt(now / "metadata.sqlite")
    second = Path(shutil.move(now, tmp_path / "c"))
    assert relocation.birthplace(second / "metadata.sqlite") == str(workdir)
    (tmp_path / "new").mkdir()
    assert relocation.birthplace(tmp_path / "new" / "metadata.sqlite") == str(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".birthplace"]


def test_a_database_that_was_copied_alone_goes_on_reading_the_artifacts_where_they_lie(workdir, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copyfile(workdir / "metadata.sqlite", alone / "metadata.sqlite")
    assert relocation.birthplace(alone / "metadata.sqlite") == str(alone)
    relocation.adopt(alone / "metadata.sqlite")
    uri = lineage.last_run(alone / "metadata.sqlite")["ImageNetExampleGen"].outputs["examples"].uri
    assert uri == workdir / "artifacts/ImageNetExampleGen/examples/1"


def test_a_good_page_is_not_replaced_by_an_empty_one(workdir):
    page = report.write(workdir)
    before = page.read_bytes()
    shutil.rmtree(workdir / "artifacts" / "Evaluator-w025-r32")
    with pytest.raises(
        ReportError, match=r"1 artifacts of this run are gone, such as .*evaluation/2: .* stays as it is"
    ):
        report.write(workdir)
    assert page.read_bytes() == before and [each.name for each in workdir.glob(".*html*")] == []
    assert report.write(workdir, output=workdir / "rest.html").read_text().count("cannot be read") >= 1


def test_a_page_that_cannot_be_written_is_a_sentence_before_the_work(workdir):
    with pytest.raises(ReportError, match=r"/proc/page\.html cannot be written: .*\. Give --output FILE\."):
        report.write(workdir, output=Path("/proc/page.html"))
