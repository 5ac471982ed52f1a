"""What the Evaluator measures: the EvalConfig, without thresholds. AccuracyGate is the only one that blesses."""

from __future__ import annotations

import tensorflow_model_analysis as tfma

from components import metrics
from components.evaluation import BASELINE, CANDIDATE, MODEL_TYPE
from trainer.imagenet import LABEL


def eval_config() -> tfma.EvalConfig:
    """The int8 file as candidate against the float model as baseline, over all pictures."""
    config = tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(name=CANDIDATE, label_key=LABEL, model_type=MODEL_TYPE),
            tfma.ModelSpec(name=BASELINE, label_key=LABEL, model_type=MODEL_TYPE, is_baseline=True),
        ],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[_metric(metric) for metric in metrics.ALL])],
    )
    config.options.include_default_metrics.value = False
    return config


def _metric(metric: type[metrics.CountsMetric]) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=metric.__name__, module=metric.__module__)
