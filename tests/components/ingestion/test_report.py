import json

import pytest
from tfx.types import standard_artifacts
from tfx.utils import name_utils

from components.ingestion.ingest import ingest
from components.ingestion.report import IngestionReport
from components.ingestion.summary import IngestionSummary, read


@pytest.fixture
def summary(class_folders, tmp_path) -> IngestionSummary:
    """What IngestionReport makes of a folder with one bad, one converted and one unknown file."""
    ant = class_folders / "train" / "ant"
    (ant / "bad.jpg").write_text("no picture")
    (ant / "notes.txt").write_text("")
    examples, summary = standard_artifacts.Examples(), IngestionSummary()
    examples.uri, summary.uri = str(tmp_path / "examples"), str(tmp_path / "summary")
    (tmp_path / "summary").mkdir()
    ingest(str(class_folders), examples.uri)
    IngestionReport.test_call(examples=examples, report=summary, code="c")
    return summary


def test_the_report_is_copied_and_its_counts_stand_on_the_artifact(summary, tmp_path):
    original = json.loads((tmp_path / "examples" / "ingestion_report.json").read_text())
    assert read(summary.uri) == original
    assert summary.get_string_custom_property("digest") == original["digest"]
    names = ("classes", "train_pictures", "train_taken", "train_refused", "eval_pictures", "eval_converted")
    assert [summary.get_int_custom_property(name) for name in names] == [3, 24, 24, 1, 12, 0]


def test_the_text_says_the_same_to_people(summary, tmp_path):
    lines = (tmp_path / "summary" / "ingestion_report.txt").read_text().splitlines()
    assert lines[0].startswith("3 classes, 0.0")
    assert lines[1:] == [
        "train: 24 pictures (24 as they were, 0 converted), 1 refused, 0 grey; 8 to 8 a class, 0.0 MB",
        "eval: 12 pictures (12 as they were, 0 converted), 0 refused, 0 grey; 4 to 4 a class, 0.0 MB",
        "1 other files left out: no pictures by name or content",
        "refused train/ant/bad.jpg: not a picture: starts with b'no picture'; wanted a JPEG, PNG, GIF, BMP or WebP",
    ]


def test_kubeflow_finds_the_type_by_its_name():
    assert name_utils.resolve_full_name("components.IngestionSummary") is IngestionSummary
    assert IngestionSummary.TYPE_NAME == "components.IngestionSummary"
