"""What an evaluation measures: the EvalConfig, without thresholds. AccuracyGate is the only one that blesses."""

from __future__ import annotations

import json
from collections.abc import Sequence

# The root has these on the current stack only once TFX was imported, which puts them there.
from tensorflow_model_analysis.proto.config_pb2 import EvalConfig, MetricConfig, MetricsSpec, ModelSpec, SlicingSpec

from components.evaluation import metrics
from components.evaluation.scores import BASELINE, CANDIDATE
from components.evaluation.slices import DECODE_NOTE, PICTURE_SIZE
from components.evaluation.tfma_module import MODEL_TYPE
from trainer.imagenet import LABEL

SLICES = ((PICTURE_SIZE,), (DECODE_NOTE,))  # The pipeline's, beside all pictures: each the features that make one.


def eval_config(
    *,
    code: str,
    models: Sequence[str] = (CANDIDATE, BASELINE),
    baseline: str | None = BASELINE,
    slices: Sequence[Sequence[str]] = SLICES,
) -> EvalConfig:
    """By default the pipeline's: the int8 file as candidate against the float model as baseline.

    Args:
      code: the digest of the sources that evaluate. The Evaluator has no other place for it, and must run again when
        they change.
      models: their names.
      baseline: the one that all others are compared with.
      slices: the features that make each; all pictures come on top.
    """
    config = EvalConfig(
        model_specs=[
            ModelSpec(name=name, label_key=LABEL, model_type=MODEL_TYPE, is_baseline=name == baseline)
            for name in models
        ],
        slicing_specs=[SlicingSpec(), *(SlicingSpec(feature_keys=features) for features in slices)],
        metrics_specs=[MetricsSpec(metrics=[_metric(metric, code) for metric in metrics.ALL])],
    )
    config.options.include_default_metrics.value = False
    return config


def _metric(metric: type[metrics.CountsMetric], code: str) -> MetricConfig:
    return MetricConfig(class_name=metric.__name__, module=metric.__module__, config=json.dumps({"code": code}))
