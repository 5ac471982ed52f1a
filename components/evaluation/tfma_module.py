"""The Evaluator's module (its `module_path`), and how everyone downstream reads what it wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from tensorflow_model_analysis.proto.config_pb2 import EvalConfig, ModelSpec

from components.evaluation import metrics
from components.evaluation.classifiers import Model
from components.evaluation.extractor import predict_extractor
from components.evaluation.scores import Calibration, Evaluation, PairedCounts, Scores, Slice
from components.evaluation.slices import Slicer
from components.evaluation.sparse_counts import DENSE_CLASSES, SparseCounts

# What TFMA is told of each model. The type decides which extractors stand before the own one: this has none, and
# two equal types may be mixed; no model is ever loaded as what it says.
MODEL_TYPE = "tf_generic"

_EVAL_CONFIG_FILE = "eval_config.json"  # TFMA's.

_Values = Mapping[tuple[str, str, bool], Any]  # (metric, model, is_diff) → MetricValue.


class EvaluationError(ValueError):
    """A folder does not hold an evaluation."""


def custom_eval_shared_model(
    eval_saved_model_path: str, model_name: str, eval_config: EvalConfig, **_: Any
) -> tfma.EvalSharedModel:
    """The path and the name, for TFX's Evaluator. Nothing is loaded here: interpreters cannot be pickled."""
    baselines = {spec.name for spec in eval_config.model_specs if spec.is_baseline}
    return tfma.EvalSharedModel(
        model_path=eval_saved_model_path,
        model_name=model_name,
        model_type=MODEL_TYPE,
        is_baseline=model_name in baselines,
        include_default_metrics=False,
    )


def custom_extractors(
    eval_shared_model: Any, eval_config: EvalConfig, tensor_adapter_config: Any
) -> list[tfma.extractors.Extractor]:
    """One extractor instead of TFMA's: it reads the Examples' columns, predicts, and makes the slices."""
    del tensor_adapter_config  # The columns are read as they are.
    shared = eval_shared_model if isinstance(eval_shared_model, list) else [eval_shared_model]
    models = [Model(model.model_name, model.model_path) for model in shared]
    return [predict_extractor(models, slicer=Slicer(slice_features(eval_config)))]


def slice_features(eval_config: EvalConfig) -> tuple[tuple[str, ...], ...]:
    """The features of each SlicingSpec."""
    return tuple(tuple(spec.feature_keys) for spec in eval_config.slicing_specs)


def read(evaluation_uri: str, *, alone: str = "model") -> Evaluation:
    """All that an evaluation's folder says. Exact: TFMA stores counts as integers or doubles.

    Args:
      alone: what to call a model that was evaluated alone; TFMA drops its name.

    Raises:
      EvaluationError: no evaluation with the metrics of components/evaluation/metrics.py lies there.
    """
    specs = _model_specs(evaluation_uri)
    names = [spec.name for spec in specs]
    slices = [_slice(of_slice, names, alone, evaluation_uri) for of_slice in tfma.load_metrics(evaluation_uri)]
    overall = [each for each in slices if not each.feature]
    if not overall:
        raise _unreadable(evaluation_uri, "metrics over all pictures")
    others = sorted((each for each in slices if each.feature), key=lambda each: (each.feature, each.value))
    baseline = next((spec.name for spec in specs if spec.is_baseline), None)
    return Evaluation(overall[0], tuple(others), baseline)


def _model_specs(uri: str) -> list[ModelSpec]:
    """In the order in which the models were given."""
    path = os.path.join(uri, _EVAL_CONFIG_FILE)
    if not tf.io.gfile.exists(path):
        raise _unreadable(uri, _EVAL_CONFIG_FILE)
    with tf.io.gfile.GFile(path) as file:
        said = json.loads(file.read())
    return list(json_format.ParseDict(said["evalConfig"], EvalConfig()).model_specs)


def _slice(of_slice: Any, names: Sequence[str], alone: str, uri: str) -> Slice:
    values: dict[tuple[str, str, bool], Any] = {}
    for pair in of_slice.metric_keys_and_values:
        values[pair.key.name, pair.key.model_name, pair.key.is_diff] = pair.value
    keys = of_slice.slice_key.single_slice_keys
    try:
        scores = {name or alone: _scores(values, name, confusion=not keys) for name in names}
        paired = [model for name, model, _ in values if name == metrics.PairedCounts.NAME]
        return Slice(
            scores=scores,
            pairs={model: _pairs(values, model, scores[model].pictures) for model in paired},
            feature=", ".join(key.column for key in keys),
            value=", ".join(_slice_value(key) for key in keys),
        )
    except KeyError as error:
        raise _unreadable(uri, str(error.args[0])) from error


def _unreadable(uri: str, what: str) -> EvaluationError:
    return EvaluationError(
        f"{uri} has no {what}: wanted what an Evaluator with the EvalConfig of pipeline/eval_config.py, or mobilenet "
        "evaluate, writes. Evaluate again."
    )


def _slice_value(key: Any) -> str:
    kind = key.WhichOneof("kind")
    value = getattr(key, kind)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _scores(values: _Values, model: str, *, confusion: bool) -> Scores:
    """A slice's confusion is left out, [0, 0]: dense, a thousand classes fill 8 MB each."""

    def number(metric: type[metrics.CountsMetric]) -> float:
        return values[metric.NAME, model, False].double_value.value

    def text(metric: type[metrics.CountsMetric]) -> str:
        return values[metric.NAME, model, False].bytes_value.decode()

    pictures = round(number(metrics.PictureCount))
    cells = values[metrics.ConfusionMatrix.NAME, model, False]
    counted, right, confidence = np.array(json.loads(text(metrics.CalibrationBins)))
    return Scores(
        pictures=pictures,
        top1_count=round(number(metrics.Top1) * pictures),  # Exact: a quotient is right to the last bit.
        top5_count=round(number(metrics.Top5) * pictures),
        cross_entropy=number(metrics.MeanCrossEntropy),
        cross_entropy_error=number(metrics.CrossEntropyError),
        confusion=_confusion(cells, round(number(metrics.Outputs))) if confusion else np.zeros((0, 0), np.int64),
        calibration=Calibration(counted.astype(np.int64), right.astype(np.int64), confidence),
        sha256=text(metrics.EvaluatedFile),
        runtime=text(metrics.Runtime),
        names={(label, predicted): tuple(names) for label, predicted, names in json.loads(text(metrics.ErrorNames))},
    )


def _confusion(value: Any, classes: int) -> np.ndarray | SparseCounts:
    entries = value.multi_class_confusion_matrix_at_thresholds.matrices[0].entries
    rows = [(each.actual_class_id, each.predicted_class_id, round(each.num_weighted_examples)) for each in entries]
    counts = SparseCounts(*np.array(rows, np.int64).reshape(-1, 3).T, classes=classes)
    return np.asarray(counts) if classes <= DENSE_CLASSES else counts


def _pairs(values: _Values, model: str, pictures: int) -> PairedCounts:
    array = values[metrics.PairedCounts.NAME, model, True].array_value
    table = np.array(array.int64_values, np.int64).reshape(tuple(array.shape))
    agreement = values[metrics.Agreement.NAME, model, True].double_value.value
    return PairedCounts(*(column.copy() for column in table.T), agreed=round(agreement * pictures))
