"""What the Evaluator measures: the EvalConfig, without thresholds. AccuracyGate is the only one that blesses."""

from __future__ import annotations

import json

import tensorflow_model_analysis as tfma

from components import metrics
from components.evaluation import MODEL_TYPE
from components.scores import BASELINE, CANDIDATE
from trainer.imagenet import LABEL


def eval_config(*, code: str) -> tfma.EvalConfig:
    """The int8 file as candidate against the float model as baseline, over all pictures.

    Args:
      code: the digest of the sources that evaluate. The Evaluator has no other place for it, and must run again when
        they change.
    """
    config = tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(name=CANDIDATE, label_key=LABEL, model_type=MODEL_TYPE),
            tfma.ModelSpec(name=BASELINE, label_key=LABEL, model_type=MODEL_TYPE, is_baseline=True),
        ],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[_metric(metric, code) for metric in metrics.ALL])],
    )
    config.options.include_default_metrics.value = False
    return config


def _metric(metric: type[metrics.CountsMetric], code: str) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=metric.__name__, module=metric.__module__, config=json.dumps({"code": code}))
