"""info.json: what a client, a person or the zoo's table must know of a bundle without opening its models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.conversion import artifact
from components.evaluation.paired_statistics import evidence
from components.evaluation.scores import Evaluation, Scores
from components.release import tf1_graph
from trainer import export
from trainer.network import model_size
from trainer.release_info import INFO_FORMAT


def describe(
    folder: Path,
    name: str,
    *,
    float_model: export.Description,
    qat_model: export.Description,
    evaluation: Evaluation,
    code: str,
    pictures_needed: int = 0,
) -> dict[str, Any]:
    """The content of info.json: the .tflite files of the folder, read; what its models say of themselves; the scores.

    Args:
      name: of the model, with which the files' names begin.
      code: digest of the source that builds.
      pictures_needed: to show that the int8 file is as good as the float model.
    """
    models = {"float": float_model, "quantized": qat_model}
    size = {"width": float_model.width, "classes": float_model.classes}
    content = {
        "name": name,
        "variant": float_model.variant.name,
        **size,  # Classes are outputs: the background, index 0, is one of them.
        "resolution": float_model.resolution,
        "preprocessing": {"resolution": float_model.resolution, **float_model.preprocessing.as_dict()},
        "graph": {"input": tf1_graph.INPUT, "logits": tf1_graph.LOGITS, "output": tf1_graph.OUTPUT},
        "macs": model_size.macs(resolution=float_model.resolution, **size),
        "parameters": model_size.parameters(**size),
        "files": {path.name: artifact.described(path.read_bytes()) for path in sorted(folder.glob("*.tflite"))},
        "results": _results(evaluation, name),
        "evidence": evidence(evaluation.candidate.pictures, pictures_needed),
        "steps": {key: model.steps for key, model in models.items()},
        "recipes": {key: model.recipe for key, model in models.items()},
        "digests": {**{key: model.digests for key, model in models.items()}, "bundle_code": code},
    }
    return INFO_FORMAT.stamped(content)


def _results(evaluation: Evaluation, name: str) -> dict[str, Any]:
    """As measured by the Evaluator: on the int8 file itself, and on the float model's SavedModel."""
    return {
        "pictures": evaluation.candidate.pictures,
        "int8": {"measured_on": f"{name}_int8.tflite", **_scores(evaluation.candidate)},
        "float": {"measured_on": "saved_model", **_scores(evaluation.baseline)},
    }


def _scores(scores: Scores) -> dict[str, Any]:
    return {
        "top1_count": scores.top1_count,
        "top5_count": scores.top5_count,
        "top1": scores.top1,
        "top5": scores.top5,
        # The float model's last bits depend on how the pictures fell into batches: the same model, the same bundle.
        "cross_entropy": round(scores.cross_entropy, 4),
    }
