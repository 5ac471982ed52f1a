"""ReportBuilder on an evaluation by TFX's own Evaluator; the matrix as kfp's own class writes it."""

import json
from pathlib import Path

import numpy as np
import pytest
from kfp import dsl
from tfx.types import standard_artifacts
from tfx.utils import name_utils

from components.evaluation.scores import Scores
from components.gate.accuracy_gate import VERDICT_FILE
from components.ingestion.summary import IngestionSummary
from components.node import system_types
from components.node.system_artifacts import ClassificationMetrics, HtmlPage, ScalarMetrics
from components.report import report_builder
from components.report.report_builder import ReportBuilder, ReportError, confusion_matrix
from tests.components.evaluation import evaluation_artifacts
from tests.components.report import by_hand
from trainer.imagenet import REPORT_FILE

pytestmark = [  # TensorFlow's own converter makes the int8 file of these tests.
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning:random"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning:tensorflow.lite"),
]


def artifact(kind, uri: Path):
    made = kind()
    made.uri = str(uri)
    return made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict:
    """Of one node; the float model stands for the quantized one too, and no training left curves."""
    folder = tmp_path_factory.mktemp("report_builder")
    made = evaluation_artifacts.make(folder)
    evaluation_artifacts.evaluate(made, folder / "evaluation")
    (folder / "report").mkdir()
    (folder / "report" / REPORT_FILE).write_text(json.dumps(by_hand.INGESTION))
    (folder / "blessing").mkdir()
    (folder / "blessing" / VERDICT_FILE).write_text(json.dumps({"blessed": False, "reason": "Too few pictures."}))
    return {
        "examples": made.examples,
        "report": artifact(IngestionSummary, folder / "report"),
        "float_model": made.float_model,
        "qat_model": made.float_model,
        "qat_run": artifact(standard_artifacts.ModelRun, folder / "no_run"),
        "tflite": made.tflite,
        "evaluation": artifact(standard_artifacts.ModelEvaluation, folder / "evaluation"),
        "blessing": artifact(standard_artifacts.ModelBlessing, folder / "blessing"),
    }


@pytest.fixture(scope="module")
def outputs(inputs, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("outputs")
    made = {
        "html": artifact(HtmlPage, folder / "html"),
        "classification_metrics": artifact(ClassificationMetrics, folder / "classification_metrics"),
        "metrics": artifact(ScalarMetrics, folder / "metrics"),
    }
    ReportBuilder.test_call(**inputs, **made, code="c")
    return made


@pytest.fixture(scope="module")
def evaluated(inputs):
    return report_builder.read({name: each.uri for name, each in inputs.items()})[1]


def test_the_artifacts_address_is_the_page_itself(outputs):
    page = Path(outputs["html"].uri)
    assert page.name == "report.html"
    assert [file.name for file in page.parent.iterdir()] == ["report.html"]
    text = page.read_text(encoding="utf-8")
    assert "Too few pictures." in text
    assert "MobileNetV1 0.25_32" in text
    assert text.count("data:image/jpeg;base64,") > 3


def test_the_metrics_are_the_evaluations_as_numbers(outputs, evaluated):
    values = {name: outputs["metrics"].get_float_custom_property(name) for name in report_builder.numbers(evaluated)}
    assert values["pictures"] == 60.0
    assert values["int8_top1"] == evaluated.candidate.top1_count / 60
    assert values["float_top5"] == evaluated.baseline.top5_count / 60
    assert values["float_ece"] == pytest.approx(evaluated.baseline.calibration.error)
    assert values["drop"] == pytest.approx((evaluated.baseline.top1_count - evaluated.candidate.top1_count) / 60)


def test_the_matrix_is_what_kfps_own_class_writes(outputs, evaluated, inputs):
    names = Path(inputs["examples"].uri, "labels.txt").read_text().splitlines()
    matrix = evaluated.candidate.confusion
    present = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    peer = dsl.ClassificationMetrics()
    peer.log_confusion_matrix([names[i] for i in present], matrix[np.ix_(present, present)].tolist())
    ours = outputs["classification_metrics"].get_json_value_custom_property("confusionMatrix")
    assert ours == peer.metadata["confusionMatrix"]


def test_of_a_thousand_classes_a_hundred_of_the_most_frequent_errors_are_in_the_matrix(thousand_scores):
    matrix = confusion_matrix(thousand_scores, [str(label) for label in range(1001)])
    shown = [int(each["displayName"]) for each in matrix["annotationSpecs"]]
    assert len(shown) == len(matrix["rows"]) == 100
    assert shown == sorted(shown)
    worst = thousand_scores.confused(1)[0]
    row = matrix["rows"][shown.index(worst.label)]["row"]
    assert row[shown.index(worst.predicted)] == worst.pictures
    assert row[shown.index(worst.label)] == thousand_scores.confusion[worst.label, worst.label]


@pytest.fixture(scope="module")
def thousand_scores() -> Scores:
    return by_hand.evaluation(1000, 5).candidate


def test_an_input_that_cannot_be_read_fails_the_node_by_name(inputs, tmp_path):
    folders = {name: each.uri for name, each in inputs.items()} | {"evaluation": str(tmp_path / "none")}
    with pytest.raises(ReportError, match=rf"{tmp_path}/none cannot be read: .* Run the node that makes it again"):
        report_builder.read(folders)


def test_each_type_is_importable_by_the_name_that_stands_for_the_backends_own():
    for kind in (HtmlPage, ClassificationMetrics, ScalarMetrics):
        assert name_utils.resolve_full_name(str(kind.TYPE_NAME)) is kind
    ours = {title.removeprefix("system.") for title in system_types.TYPES}
    assert ours == {"HTML", "ClassificationMetrics", "Metrics"}
    for name in ours:
        assert getattr(dsl, name).schema_title == f"system.{name}"
