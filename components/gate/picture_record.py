"""What is done to a picture, as each artifact records it: where a field differs, another picture was measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from components.gate import provenance_records
from components.gate.provenance_records import Parts, Records
from trainer import export
from trainer.export import Description
from trainer.imagenet import REPORT_FILE
from trainer.pictures import record
from trainer.pictures.record import Preprocessing


def faults(parts: Parts, records: Records) -> Iterator[str]:
    """The float model's record against ingestion's and the SavedModels' own; each model's two crops.

    The two models against each other are model_pair's, the .tflite file is structure's, conversion.json provenance's.
    """
    measured = records.float_model.preprocessing
    yield from _of_itself("float model", records.float_model)
    yield from _of_itself("fake-quantized model", records.qat_model)
    yield from _against(measured, records.report.get("preprocessing"), REPORT_FILE, "Ingest and train again.")
    for model in (parts.float_model, parts.qat_model):
        asset = model / export.ASSETS / export.PREPROCESSING_FILE
        said = provenance_records.read_json(asset, export.PREPROCESSING_FORMAT)
        yield from _against(measured, said, f"the SavedModel's {export.PREPROCESSING_FILE}", "Train it again.")


def _of_itself(what: str, model: Description) -> Iterator[str]:
    if model.preprocessing.central_fraction != model.central_fraction:
        yield (
            f"The {what}'s {export.DESCRIPTION_FILE} has two crops, {model.central_fraction} and "
            f"{model.preprocessing.central_fraction}. Train it again."
        )


def _against(measured: Preprocessing, said: Any, where: str, way_out: str) -> Iterator[str]:
    """What is not said was written before there was a record, and is as in DEFAULT; the crop always was said."""
    try:
        found = record.fields(said if isinstance(said, Mapping) else {}, where)
    except record.RecordError as error:
        yield str(error)
        return
    told = dataclasses.replace(Preprocessing(central_fraction=measured.central_fraction), **found)
    for name, one, other in record.differences(measured, told):
        yield f"The models were measured with {name} {one!r}, and {where} says {other!r}. {way_out}"
