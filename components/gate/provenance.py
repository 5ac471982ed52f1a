"""The third kind of evidence: that file, models, data, recipes and evaluation belong together, by their digests.

Every producer records what it was given (task.py, imported_model.py, tflite_converter.py, ingestion);
here the records are held against the artifacts and against each other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from components.conversion import digests as model_sums
from components.conversion import model_pair
from components.conversion.artifact import CONVERSION, EDGES, INT8
from components.data_error import DataError
from components.evaluation.scores import Evaluation
from components.gate import counts, picture_record, provenance_records
from components.gate.evidence import Evidence
from components.gate.provenance_records import Parts, Records
from components.ingestion import shard_digest
from trainer import recipe
from trainer.export import Description
from trainer.imagenet import EVAL, LABELS_FILE, TRAIN

KIND = "provenance"
IMPORTED = "imported"  # The name of the recipe that trainer/slim/imported_model.py records.

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = 12  # Digits of a sum in a sentence; verdict.json has them all.


def examine(parts: Parts, *, codes: Collection[str] = (), recomputed: Collection[str] = ()) -> Evidence:
    """Every record against the artifact it speaks of; a record that is missing is a fault too.

    Args:
      codes: digests of the sources with which this run trains and imports; without any, whose they are is not asked.
      recomputed: faults that were found by looking at the artifacts themselves, and not at records.
    """
    faults = [*_evaluated(parts), *counts.faults(parts.evaluation), *recomputed]
    records, missing = provenance_records.read(parts)
    if records is None:
        return Evidence(KIND, (*faults, *missing))
    faults += [
        *_converted(parts, records.conversion),
        *_pair(parts, records),
        *_model("float model", records.float_model, records.report, codes),
        *_model("fake-quantized model", records.qat_model, records.report, codes),
        *_pictures(parts.evaluation, records.report),
        *_shards(parts, records.report),
        *_labels(parts),
        *_crop(records),
        *picture_record.faults(parts, records),
    ]
    return Evidence(KIND, tuple(faults), _praise(parts, records), _facts(parts, records))


def _evaluated(parts: Parts) -> Iterator[str]:
    """The evaluation is of this very file, and of this very float model."""
    if (file := model_sums.file_sha256(parts.tflite / INT8)) != parts.evaluation.sha256:
        yield (
            f"The file has SHA-256 {_short(file)}, but {_short(parts.evaluation.sha256)} was evaluated: what ships "
            "must be what was measured. Run the Evaluator again."
        )
    measured = parts.evaluation.baseline.sha256
    if (found := model_sums.saved_model_sha256(parts.float_model)) != measured:
        yield (
            f"The float model has SHA-256 {_short(found)}, but {_short(measured)} was evaluated as the baseline. Run "
            "the Evaluator again."
        )


def _converted(parts: Parts, conversion: dict[str, Any]) -> Iterator[str]:
    """The files are those that the converter wrote, from the weights of these two models."""
    for name in EDGES:
        recorded = conversion.get("files", {}).get(name, {}).get("sha256")
        found = model_sums.file_sha256(parts.tflite / name)
        if found is None or recorded != found:
            yield (
                f"{name} has SHA-256 {_short(found)}, and {CONVERSION} records {_short(recorded)}: it is not the file "
                "that was converted. Convert again."
            )
    for kind, model in (("float", parts.float_model), ("qat", parts.qat_model)):
        recorded, found = conversion.get("models", {}).get(kind), model_sums.weights_sha256(model)
        if recorded != found:
            yield (
                f"The file was converted from {kind} weights with SHA-256 {_short(recorded)}, and these are "
                f"{_short(found)}: a stale file, of another training. Convert again."
            )


def _pair(parts: Parts, records: Records) -> Iterator[str]:
    if fault := model_pair.fault(float_model=records.float_model, qat_model=records.qat_model):
        yield f"The models do not belong together: {fault}"
    base = records.qat_model.digests.get("base_model")
    if base is not None and base != (found := model_sums.weights_sha256(parts.float_model)):
        yield (
            f"The fake-quantized model was fine-tuned from weights with SHA-256 {_short(base)}, and the float model's "
            f"are {_short(found)}. Train it again."
        )


def _model(what: str, model: Description, report: dict[str, Any], codes: Collection[str]) -> Iterator[str]:
    digests = model.digests
    if not _SHA256.fullmatch(digests.get("code") or ""):
        yield f"The {what} does not record the code that made it. Train it again."
    elif codes and digests["code"] not in codes:
        yield (
            f"The {what} was made by the code {_short(digests['code'])}, which is not the code of this run "
            f"({', '.join(map(_short, codes))}). Train it again."
        )
    if _imported(model):
        if not _SHA256.fullmatch(digests.get("base_model") or ""):
            yield f"The {what} was imported and does not record the checkpoint's SHA-256. Import it again."
        return
    if digests.get("data") != report.get("digest"):
        yield (
            f"The {what} was trained on the data {_short(digests.get('data'))}, and the examples are "
            f"{_short(report.get('digest'))}. Train it again."
        )
    try:
        chosen = recipe.from_dict(model.recipe)
    except recipe.RecipeError as error:
        yield f"The {what} records no recipe that is known here: {error}"
        return
    if digests.get("recipe") != chosen.digest:
        yield (
            f"The {what}'s recipe {chosen.name} has the digest {_short(chosen.digest)}, but "
            f"{_short(digests.get('recipe'))} is recorded. Train it again."
        )
    yield from _steps(what, model, chosen, report)


def _steps(what: str, model: Description, chosen: recipe.Recipe, report: dict[str, Any]) -> Iterator[str]:
    """As many as the recipe makes of the recorded pictures: none were skipped."""
    pictures = _count(report, TRAIN)
    wanted = chosen.epochs * (pictures // chosen.batch_size)
    if model.steps != wanted:
        yield (
            f"The {what} records {model.steps} steps of training, and its recipe {chosen.name} makes {wanted} of the "
            f"{pictures} pictures: {'training was skipped' if model.steps <= 0 else 'it was not trained as recorded'}."
        )


def _pictures(evaluation: Evaluation, report: dict[str, Any]) -> Iterator[str]:
    if evaluation.candidate.pictures != (there := _count(report, EVAL)):
        yield f"{evaluation.candidate.pictures} pictures were evaluated, and the data has {there}. Evaluate again."


def _shards(parts: Parts, report: dict[str, Any]) -> Iterator[str]:
    """All that the models were trained and measured on, read and hashed here."""
    try:
        found = shard_digest.of_examples(parts.examples, report.get("splits", {}))
    except (DataError, OSError) as error:
        yield f"The examples cannot be read: {error} Ingest again."
        return
    if found != report.get("digest"):
        yield (
            f"The examples have the digest {_short(found)}, and {_short(report.get('digest'))} was recorded when they "
            "were ingested: a shard was changed, added or lost. Ingest again."
        )


def _labels(parts: Parts) -> Iterator[str]:
    """Of the data and of both models; the file's own are structure's."""
    labels = provenance_records.labels(parts.examples / LABELS_FILE)
    for what, model in (("float model", parts.float_model), ("fake-quantized model", parts.qat_model)):
        if provenance_records.labels(model / "assets" / LABELS_FILE) != labels:
            yield f"The {what}'s {LABELS_FILE} is not the examples'. Train it again."


def _crop(records: Records) -> Iterator[str]:
    """The int8 file is measured with what conversion.json says, the float model with what its model.json says."""
    said = records.conversion.get("preprocessing")
    measured = said.get("central_fraction") if isinstance(said, dict) else None
    if measured != records.float_model.central_fraction:
        yield (
            f"The file was measured on {measured} of each side of a picture, by {CONVERSION}, and its models on "
            f"{records.float_model.central_fraction}. Convert again."
        )


def _praise(parts: Parts, records: Records) -> str:
    float_model, qat_model = records.float_model, records.qat_model
    code = qat_model.digests.get("code")
    start = "from scratch" if qat_model.digests.get("base_model") is None else "from the float model"
    of_float = (
        f"the float model was imported from {float_model.recipe.get('source')} "
        f"({_short(float_model.digests.get('base_model'))})"
        if _imported(float_model)
        else f"the float model was trained with {_name(float_model)} ({float_model.steps} steps)"
    )
    return (
        f"the evaluated file ({_short(parts.evaluation.sha256)}) was converted from these two models; {of_float}, the "
        f"fake-quantized one {start} with {_name(qat_model)} ({qat_model.steps} steps) on this very data "
        f"({_short(records.report.get('digest'))}), by the code {_short(code)}."
    )


def _facts(parts: Parts, records: Records) -> dict[str, Any]:
    return {
        "file": parts.evaluation.sha256,
        "weights": records.conversion.get("models"),
        "data": records.report.get("digest"),
        "float": {"steps": records.float_model.steps, "digests": records.float_model.digests},
        "qat": {"steps": records.qat_model.steps, "digests": records.qat_model.digests},
    }


def _imported(model: Description) -> bool:
    return not model.quantized and model.recipe.get("name") == IMPORTED


def _name(model: Description) -> str:
    return f"{model.recipe.get('name')} {_short(model.digests.get('recipe'))}"


def _count(report: dict[str, Any], split: str) -> int:
    return report.get("splits", {}).get(split, {}).get("pictures", 0)


def _short(digest: Any) -> str:
    return str(digest)[:_SHOWN] if digest else "none"
