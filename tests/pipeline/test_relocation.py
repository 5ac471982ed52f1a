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


def test_what_was_moved_twice_is_read_too(workdir, tmp_path):
    first = moved(workdir, tmp_path)
    relocation.adopt(first / "metadata.sqlite")
    second = Path(shutil.move(first, tmp_path / "c"))
    uri = lineage.last_run(second / "metadata.sqlite")["ImageNetExampleGen"].outputs["examples"].uri
    assert uri == second / "artifacts/ImageNetExampleGen/examples/1"


def key(workdir: Path, *, destination: str, data: str = "/data") -> str:
    artifact = standard_artifacts.Model()
    artifact.uri = str(workdir / "artifacts/FloatTrainer/model/7")
    artifact.set_string_custom_property("pushed_destination", str(workdir / MODELS))
    with relocation.movable_cache(workdir):
        context = cache_utils.get_cache_context(
            metadata_handle=_Types(),
            pipeline_node=pipeline_pb2.PipelineNode(),
            pipeline_info=pipeline_pb2.PipelineInfo(id="mobilenet"),
            input_artifacts={"model": [artifact]},
            parameters={"destination": destination, "input_base": data},
        )
    return context.name


class _Types:
    """As much of ML Metadata as a cache context takes."""

    class store:
        @staticmethod
        def get_context_type(name: str) -> mlmd.ContextType:
            return mlmd.ContextType(id=1, name=name)

        @staticmethod
        def put_context_type(*given: object, **named: object) -> int:
            return 1


def test_a_cache_key_is_the_same_wherever_the_directory_lies_and_another_for_another_folder(tmp_path):
    here, there = tmp_path / "runs", tmp_path / "elsewhere"
    assert key(here, destination=f"{here}/models") == key(there, destination=f"{there}/models")
    assert key(here, destination=f"{here}/models") != key(here, destination=f"{here}2/models")
    assert key(here, destination="/x", data="/other") != key(here, destination="/x")
    original = cache_utils.get_cache_context
    with relocation.movable_cache(here):
        assert cache_utils.get_cache_context is not original
    assert cache_utils.get_cache_context is original


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
