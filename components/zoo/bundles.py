"""Reads the zoo off the bundles at a push destination: of each variant the newest whole version counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from components.evaluation.intervals import share_interval
from components.evaluation.paired_statistics import INSUFFICIENT, SUFFICIENT
from components.release import bundle, gcs_path, versions
from components.release.gcs_path import Place
from components.zoo import models as zoo_models
from components.zoo.models import Kind, Latency, Model, Zoo, ZooError
from trainer import outside_file
from trainer.file_format import FileFormat, FormatError
from trainer.network.variant import Variant

LATENCY_FORMAT = FileFormat("latency/VARIANT.json")
LATENCY = "latency"  # The folder beside the variants' folders: <variant>.json, as `benchmark --write` leaves it.
_LARGEST = 16 << 20  # Bytes of a JSON file.
_MOST_TOLD = 200  # Characters of what a bundle says.
_LARGEST_COUNT = 2**53  # The last that is exact as a float, which pages and tables make of it.


def read(base: Place) -> Zoo:
    """The float and the int8 file of every variant that was pushed to `<base>/<variant>/<version>/`.

    Every byte is compared with the manifest: a version that is not whole is passed over, and named among the faults.

    Raises:
      ZooError: the folder cannot be listed.
    """
    models: list[Model] = []
    faults: list[str] = []
    for folder in _variants(base):
        for version in reversed(versions.versions(folder)):
            place = folder / str(version)
            try:
                models += _models(place, base)
            except bundle.BundleError as error:
                faults.append(str(error))
            else:
                break
    return zoo_models.assembled(models, faults)


def fingerprint(base: Place) -> str:
    """Changes with whatever the zoo would be read from: the manifests and the measurements. For a cache."""
    sums = hashlib.sha256()
    for folder in _variants(base):
        manifests = (folder / str(version) / bundle.MANIFEST for version in versions.versions(folder))
        for file in (*manifests, _latency_file(base, folder.name)):
            content = gcs_path.read(file, _LARGEST) if file.is_file() else b""
            sums.update(f"{gcs_path.below(base, file)}:{len(content)}\n".encode() + content)
    return sums.hexdigest()


def load(path: Path) -> Zoo:
    """A zoo.json.

    Raises:
      ZooError: it cannot be read, or is none.
    """
    try:
        return zoo_models.from_json(outside_file.read_json(path, most=_LARGEST), where=str(path))
    except (OSError, outside_file.OutsideFileError) as error:
        raise ZooError(f"{path} cannot be read: {error}. Give a zoo.json, or the folder that bundles go to.") from error


def _variants(base: Place) -> list[Place]:
    """The folders that hold versions."""
    try:
        folders = sorted(path for path in base.iterdir() if path.is_dir()) if base.exists() else []
        return [folder for folder in folders if versions.versions(folder)]
    except OSError as error:
        raise ZooError(f"{base} cannot be listed: {error}. Give the folder that bundles are pushed to.") from error


def _models(folder: Place, base: Place) -> list[Model]:
    """Of one bundle.

    Raises:
      BundleError: it is not whole, or its info.json does not say what is asked.
    """
    if faults := bundle.verify(folder):
        raise bundle.BundleError(f"{folder} is not whole: {'; '.join(faults[:5])}. Push the bundle again.")
    info = bundle.read_info(folder)
    try:
        measured = _latencies(base, info)
        return [_model(info, kind, gcs_path.below(base, folder), measured) for kind in get_args(Kind)]
    except FormatError as error:
        raise bundle.BundleError(str(error)) from error
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise bundle.BundleError(
            f"{folder}: {bundle.INFO} has no {str(error)[:_MOST_TOLD]} to read. Build the bundle again."
        ) from error


def _model(info: Mapping[str, Any], kind: Kind, folder: str, latencies: Mapping[str, Latency]) -> Model:
    file, variant = f"{info['name']}_{kind}.tflite", Variant.parse(info["variant"])
    pictures, scores = _count(info["results"]["pictures"]), info["results"][kind]
    top1, top5 = (_count(scores[f"{top}_count"], most=pictures) for top in ("top1", "top5"))
    bounds1, bounds5 = share_interval(top1, pictures), share_interval(top5, pictures)
    return Model(
        variant=variant.name,
        kind=kind,
        width=variant.width,
        resolution=variant.resolution,
        classes=_count(info["classes"]),
        macs=_count(info["macs"]),
        parameters=_count(info["parameters"]),
        file=file,
        bytes=_count(info["files"][file]["bytes"]),
        pictures=pictures,
        data=str(info["digests"]["quantized"]["data"]),  # The float model's may be another's, where it was imported.
        folder=folder,
        latency=latencies.get(file),
        evidence=INSUFFICIENT if info.get("evidence") == INSUFFICIENT else SUFFICIENT,
        top1=top1 / pictures,
        top1_low=bounds1.low,
        top1_high=bounds1.high,
        top5=top5 / pictures,
        top5_low=bounds5.low,
        top5_high=bounds5.high,
    )


def _count(value: Any, *, most: int = _LARGEST_COUNT) -> int:
    """A number that a table and a chart can hold."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"count up to {most}, but {str(value)[:40]},")
    return value


def _latency_file(base: Place, variant: str) -> Place:
    return base / LATENCY / f"{variant}.json"


def _latencies(base: Place, info: Mapping[str, Any]) -> dict[str, Latency]:
    """File → what was measured on these very bytes; that there is nothing is no fault."""
    file = _latency_file(base, str(info["variant"]))
    said = _json(file)
    if isinstance(said, Mapping):
        said = LATENCY_FORMAT.checked(said, file)
    files = said.get("files") if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(files, Mapping):
        return {}
    return dict(_measured(said, files, info["files"]))


def _measured(
    said: Mapping[str, Any], files: Mapping[str, Any], ours: Mapping[str, Any]
) -> Iterator[tuple[str, Latency]]:
    shared = {key: said[key] for key in ("machine", "runtime") if key in said}
    for name, value in files.items():
        if not isinstance(value, Mapping) or name not in ours or value.get("sha256") != ours[name].get("sha256"):
            continue  # Of another version: its file of this name is another.
        if found := zoo_models.latency({**shared, **value}):
            yield str(name), found


def _json(path: Place) -> Any:
    try:
        return outside_file.parse_json(gcs_path.read(path, _LARGEST), path) if path.is_file() else None
    except (OSError, outside_file.OutsideFileError):
        return None
