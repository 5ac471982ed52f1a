"""The Evaluator's module (`module_path="components.evaluation"`), and how everyone downstream reads what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components import metrics
from components.predict_extractor import predict_extractor
from components.scores import BASELINE, CANDIDATE, Evaluation, PairedCounts, Scores, of_two

# What TFMA is told of either model. The type decides which extractors stand before the own one: this has none, and
# two equal types may be mixed; neither model is ever loaded as what it says.
MODEL_TYPE = "tf_generic"


class EvaluationError(ValueError):
    """A folder does not hold an evaluation of a candidate against a baseline."""


def custom_eval_shared_model(
    eval_saved_model_path: str, model_name: str, eval_config: tfma.EvalConfig, **_: Any
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
    eval_shared_model: Any, eval_config: tfma.EvalConfig, tensor_adapter_config: Any
) -> list[tfma.extractors.Extractor]:
    """TFMA's extractors with our prediction, which keeps only the features that slices are made of."""
    models = eval_shared_model if isinstance(eval_shared_model, list) else [eval_shared_model]
    keep = sorted({feature for spec in eval_config.slicing_specs for feature in spec.feature_keys})
    predict = predict_extractor({model.model_name: model.model_path for model in models}, keep=keep)
    return tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
        custom_predict_extractor=predict,
    )


def read(evaluation_uri: str) -> Evaluation:
    """The counts of the Evaluator's artifact, over all pictures. Exact: TFMA stores them as integers or doubles."""
    values = dict(_overall(evaluation_uri))
    try:
        return of_two(
            _scores(values, CANDIDATE),
            _scores(values, BASELINE),
            _pairs(values[metrics.PairedCounts.NAME, CANDIDATE, True]),
        )
    except KeyError as error:
        raise EvaluationError(
            f"{evaluation_uri} has no {error.args[0]}: wanted what an Evaluator with two models and the EvalConfig of "
            "pipeline/evaluation.py writes. Run the Evaluator again."
        ) from error


def _overall(uri: str) -> Iterator[tuple[tuple[str, str, bool], Any]]:
    """(metric, model, is_diff) → MetricValue of the slice that is everything."""
    for of_slice in tfma.load_metrics(uri):
        if not of_slice.slice_key.single_slice_keys:
            for pair in of_slice.metric_keys_and_values:
                yield (pair.key.name, pair.key.model_name, pair.key.is_diff), pair.value


def _scores(values: dict[Any, Any], model: str) -> Scores:
    def number(metric: type[metrics.CountsMetric]) -> float:
        return values[metric.NAME, model, False].double_value.value

    pictures = round(number(metrics.PictureCount))
    return Scores(
        pictures=pictures,
        top1_count=round(number(metrics.Top1) * pictures),  # Exact: a quotient is right to the last bit.
        top5_count=round(number(metrics.Top5) * pictures),
        cross_entropy=number(metrics.MeanCrossEntropy),
        confusion=_confusion(
            values[metrics.ConfusionMatrix.NAME, model, False], classes=round(number(metrics.Outputs))
        ),
        sha256=values[metrics.EvaluatedFile.NAME, model, False].bytes_value.decode(),
    )


def _confusion(value: Any, *, classes: int) -> np.ndarray:
    matrix = np.zeros((classes, classes), np.int64)
    for entry in value.multi_class_confusion_matrix_at_thresholds.matrices[0].entries:
        matrix[entry.actual_class_id, entry.predicted_class_id] = round(entry.num_weighted_examples)
    return matrix


def _pairs(value: Any) -> PairedCounts:
    table = np.array(value.array_value.int64_values, np.int64).reshape(tuple(value.array_value.shape))
    return PairedCounts(*(column.copy() for column in table.T))
