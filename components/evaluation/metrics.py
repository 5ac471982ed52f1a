"""The metrics of an EvalConfig, by class name: TFMA finds them through MetricConfig(class_name, module).

All read one pass of counts (components/evaluation/counts.py). None has a threshold: AccuracyGate blesses.
Their names differ from those of TFMA's own metrics, which would be taken first.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import multi_class_confusion_matrix_metrics as tfma_confusion
from tensorflow_model_analysis.proto.config_pb2 import EvalConfig

from components.evaluation.counts import FIXED, CountPictures, Counts, ModelCounts, PicturesPreprocessor
from components.evaluation.scores import Calibration

_COUNTS = "_picture_counts"  # The underscore keeps it out of the results.


class CountsMetric(tfma.metrics.Metric):
    """A value of one model, taken from the counts of all."""

    NAME = ""
    AGAINST_BASELINE = False  # True: about a candidate and the baseline together; TFMA then takes no difference of it.

    def __init__(self, name: str = "", *, code: str = "") -> None:
        del code  # The digest of the sources that evaluate: in the EvalConfig for the Evaluator's cache key alone.
        super().__init__(self._computations, name=name or self.NAME)

    def value(self, counts: Counts, model: str) -> Any:
        """The metric of `model`."""
        raise NotImplementedError

    def _computations(self, name: str, eval_config: EvalConfig, model_names: Sequence[str]) -> list[Any]:
        counting = _counting(eval_config)
        baseline = _baseline(eval_config)
        wanted = [model for model in model_names if not (self.AGAINST_BASELINE and model == baseline)]
        if self.AGAINST_BASELINE and baseline is None:
            return []
        return [counting, *(self._derived(name, model, counting.keys[0]) for model in wanted)]

    def _derived(self, name: str, model: str, counts_key: Any) -> Any:
        key = tfma.metrics.MetricKey(name, model_name=model, is_diff=self.AGAINST_BASELINE)
        result = functools.partial(self._result, key=key, counts_key=counts_key)
        return tfma.metrics.DerivedMetricComputation(keys=[key], result=result)

    def _result(self, metrics: dict[Any, Any], *, key: Any, counts_key: Any) -> dict[Any, Any]:
        return {key: self.value(metrics[counts_key], key.model_name)}


class PictureCount(CountsMetric):
    """Pictures."""

    NAME = "example_count"

    def value(self, counts: Counts, model: str) -> int:
        return counts.models[model].pictures


class Top1(CountsMetric):
    """The share of pictures whose label comes first."""

    NAME = "top1"

    def value(self, counts: Counts, model: str) -> float:
        return counts.models[model].top1 / counts.models[model].pictures


class Top5(CountsMetric):
    """The share of pictures whose label is among the first five; of equals the lowest index comes first."""

    NAME = "top5"

    def value(self, counts: Counts, model: str) -> float:
        return counts.models[model].top5 / counts.models[model].pictures


class MeanCrossEntropy(CountsMetric):
    """Nats; components/evaluation/outcomes.py says how zeros count."""

    NAME = "cross_entropy"

    def value(self, counts: Counts, model: str) -> float:
        return counts.models[model].cross_entropy / (FIXED * counts.models[model].pictures)


class CrossEntropyError(CountsMetric):
    """The standard error of the mean cross entropy; 0 of a single picture."""

    NAME = "cross_entropy_error"

    def value(self, counts: Counts, model: str) -> float:
        found = counts.models[model]
        if found.pictures < 2:
            return 0.0
        squares, mean = found.squares / FIXED, found.cross_entropy / (FIXED * found.pictures)
        variance = max(0.0, squares - found.pictures * mean**2) / (found.pictures - 1)
        return math.sqrt(variance / found.pictures)


class CalibrationError(CountsMetric):
    """The expected calibration error over components.evaluation.scores.BINS equally wide bins of confidence."""

    NAME = "ece"

    def value(self, counts: Counts, model: str) -> float:
        return calibration(counts.models[model]).error


class CalibrationBins(CountsMetric):
    """JSON: [pictures, right ones, summed confidence] by bin. As text, or TFMA would take differences of it."""

    NAME = "calibration"

    def value(self, counts: Counts, model: str) -> str:
        found = calibration(counts.models[model])
        return json.dumps([each.tolist() for each in (found.pictures, found.right, found.confidence)])


class Outputs(CountsMetric):
    """The number of classes of the model, the background included."""

    NAME = "outputs"

    def value(self, counts: Counts, model: str) -> int:
        return counts.models[model].classes


class ConfusionMatrix(CountsMetric):
    """TFMA's own sparse form, which its views draw: threshold 0 → (label, predicted) → pictures."""

    NAME = "confusion_matrix"

    def value(self, counts: Counts, model: str) -> tfma_confusion.Matrices:
        cells = counts.models[model].confusion.items()
        return tfma_confusion.Matrices({0.0: {tfma_confusion.MatrixEntryKey(*cell): count for cell, count in cells}})


class ErrorNames(CountsMetric):
    """JSON: [label, predicted, names of a few of the pictures] of every kind of error; empty in slices."""

    NAME = "error_names"

    def value(self, counts: Counts, model: str) -> str:
        return json.dumps([[*cell, names] for cell, names in sorted(counts.models[model].names.items())])


class PairedCounts(CountsMetric):
    """int64 [C, 4] by label: both right, only the baseline, only the candidate, both wrong."""

    NAME = "paired_counts"
    AGAINST_BASELINE = True

    def value(self, counts: Counts, model: str) -> Any:
        return counts.paired(model)


class Agreement(CountsMetric):
    """The share of pictures on which the candidate predicts what the baseline predicts."""

    NAME = "agreement"
    AGAINST_BASELINE = True

    def value(self, counts: Counts, model: str) -> float:
        return counts.agreed[model] / counts.models[model].pictures


class EvaluatedFile(CountsMetric):
    """The SHA-256 of the file that ran on every picture; raises if it was not one file."""

    NAME = "evaluated_file"

    def value(self, counts: Counts, model: str) -> str:
        return counts.models[model].only_file()


class Runtime(CountsMetric):
    """What ran the file; of workers that differ, all."""

    NAME = "runtime"

    def value(self, counts: Counts, model: str) -> str:
        return "; ".join(sorted(counts.models[model].runtimes))


ALL = (
    PictureCount, Top1, Top5, MeanCrossEntropy, CrossEntropyError, CalibrationError, CalibrationBins, Outputs,
    ConfusionMatrix, ErrorNames, PairedCounts, Agreement, EvaluatedFile, Runtime,
)  # fmt: skip


def calibration(counts: ModelCounts) -> Calibration:
    """The bins of one model."""
    pictures, right, confidence = counts.bins
    return Calibration(pictures, right, confidence / FIXED)


def _counting(eval_config: EvalConfig) -> Any:
    """The one pass over the pictures. Each metric asks for it; TFMA keeps one of equals."""
    names = [spec.name for spec in eval_config.model_specs]
    key = tfma.metrics.MetricKey(_COUNTS)
    return tfma.metrics.MetricComputation(
        keys=[key],
        preprocessors=[PicturesPreprocessor(names)],
        combiner=CountPictures(key, names, _baseline(eval_config)),
    )


def _baseline(eval_config: EvalConfig) -> str | None:
    return next((spec.name for spec in eval_config.model_specs if spec.is_baseline), None)
