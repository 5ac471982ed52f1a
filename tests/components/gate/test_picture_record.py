"""The record of preprocessing wherever it lies: each field changed in one place is told, and blocks."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from components.evaluation.scores import Evaluation
from components.gate import picture_record, structure
from components.gate.provenance_records import Parts, Records
from trainer import export
from trainer.export import Description
from trainer.pictures.record import Preprocessing

CROP = 0.875
HONEST = Preprocessing(central_fraction=CROP)
OTHER: dict[str, tuple[str, Any]] = {  # Field of the record → its key in JSON, another value.
    "exif_orientation": ("exif_orientation", "applied"),
    "color": ("color", "BGR"),
    "kernel": ("resize", "bilinear, half_pixel_centers true, aspect ratio not kept"),
    "aspect": ("resize", "bilinear, align_corners false, half_pixel_centers false, the middle square alone"),
    "mean": ("mean", 0.0),
    "std": ("std", [58.4, 57.1, 57.4]),
    "alpha": ("alpha", "on black"),
    "depth": ("depth", "clipped"),
    "central_fraction": ("central_fraction", 1.0),
}
INGESTED = ("exif_orientation", "alpha", "depth")
PLACES = {"ingestion_report.json": INGESTED, "preprocessing.json": tuple(OTHER), "model.json": tuple(OTHER)}


def described() -> Description:
    return Description(0.25, 32, 3, CROP, False, 1, {}, {})


def faults(folder: Path, place: str = "", key: str = "", value: Any = None) -> list[str]:
    said = {name: HONEST.as_dict() for name in PLACES}
    said["ingestion_report.json"] = {name: said["model.json"][name] for name in INGESTED}
    if place:
        said[place] = {**said[place], key: value}
    for model in ("float", "qat"):
        assets = folder / model / export.ASSETS
        assets.mkdir(parents=True)
        (assets / export.PREPROCESSING_FILE).write_text(json.dumps(said["preprocessing.json"]))
    (folder / "float" / export.KERAS).mkdir()
    model_json = {**described().as_dict(), "preprocessing": said["model.json"]}
    (folder / "float" / export.KERAS / export.DESCRIPTION_FILE).write_text(json.dumps(model_json))
    records = Records(
        {"preprocessing": said["ingestion_report.json"]},
        {},
        export.read_description(str(folder / "float")),
        described(),
    )
    nothing: Evaluation = None  # pyright: ignore[reportAssignmentType] - it is not looked at.
    return list(picture_record.faults(Parts(folder, folder, folder / "float", folder / "qat", nothing), records))


def test_records_that_agree_are_no_fault(tmp_path):
    assert faults(tmp_path) == []


@pytest.mark.parametrize(("place", "field"), [(place, field) for place in PLACES for field in PLACES[place]])
def test_a_field_that_differs_in_one_place_is_told(tmp_path, place, field):
    key, value = OTHER[field]
    if place == "model.json" and field in ("alpha", "depth"):
        with pytest.raises(ValueError, match=rf"model\.json: {key} is"):
            faults(tmp_path, place, key, value)
        return
    found = faults(tmp_path, place, key, value)
    assert found and all(key in fault or "two crops" in fault for fault in found)
    if place != "model.json":
        assert all(place in fault for fault in found)


@pytest.mark.parametrize("field", ["exif_orientation", "color", "kernel", "aspect"])
def test_a_field_that_differs_in_the_files_own_metadata_is_told(monkeypatch, field):
    key, value = OTHER[field]
    monkeypatch.setattr(structure, "read_preprocessing", lambda _: {**HONEST.as_dict(), key: value})
    [fault] = structure._record(b"", HONEST)
    assert fault.startswith(f"The metadata tells clients {key} ") and fault.endswith("was measured. Convert again.")


def test_every_field_of_the_record_is_changed_here():
    assert {field.name for field in dataclasses.fields(Preprocessing)} == set(OTHER)
