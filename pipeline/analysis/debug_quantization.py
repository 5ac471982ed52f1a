"""`mobilenet debug-quantization`: how far an int8 file is from its fake-quantized model, and at which operator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from components.conversion import agreement as tflite_agreement
from components.conversion import layer_drift
from components.conversion.agreement import Agreement, Tolerance
from components.conversion.layer_drift import LayerDrift
from pipeline.analysis import drift_inputs, drift_pictures
from pipeline.analysis.drift_inputs import Compared
from pipeline.analysis.drift_pictures import Follow
from trainer import export, tflite
from trainer.file_format import FileFormat
from trainer.network import mobilenet_v1

FORMAT = FileFormat("mobilenet debug-quantization --json")
_BATCH = 50  # Pictures through the whole network…
_LAYER_BATCH = 16  # …and where all activations are held.


@dataclass(frozen=True)
class Report:
    """What was found. No layers unless they were asked for, or the logits are out of tolerance."""

    compared: Compared
    agreement: Agreement
    faults: list[str]
    layers: list[LayerDrift]

    def as_dict(self) -> dict[str, Any]:
        first = layer_drift.first_departure(self.layers)
        content = {
            "model": str(self.compared.serving_dir),
            "file": str(self.compared.file),
            "data": [str(path) for path in self.compared.data],
            "agreement": self.agreement.as_dict(),
            "faults": self.faults,
            "layers": [dataclasses.asdict(row) for row in self.layers],
            "first_departure": dataclasses.asdict(first) if first else None,
        }
        return FORMAT.stamped(content)


def debug(compared: Compared, *, pictures: int, layers: bool, follow: Follow) -> Report:
    """Compares the logits, and where they are out of tolerance or it is asked for, every operator's output.

    Args:
      pictures: at most so many.
      layers: whether it is asked for.

    Raises:
      ValueError, OSError: the two do not belong together, or the pictures cannot be read.
    """
    runner = tflite.Runner(compared.file.read_bytes())
    described = export.read_description(str(compared.serving_dir))
    drift_inputs.check(compared, runner, described)
    images = drift_pictures.read(compared.data, described, pictures, follow)
    model, _ = export.load_keras(str(compared.serving_dir))
    network = mobilenet_v1.build(width=described.width, resolution=described.resolution, classes=described.classes)
    tolerance = Tolerance()
    batches = _batches(images, _BATCH, "comparing the logits", follow)
    found = tflite_agreement.measure(network, model, runner, batches, tolerance=tolerance)
    faults = tflite_agreement.faults(found, tolerance)
    if not faults and not layers:
        return Report(compared, found, faults, [])
    batches = _batches(images, _LAYER_BATCH, "comparing each operator", follow)
    return Report(compared, found, faults, layer_drift.layer_drift(model, runner, batches))


def summary(report: Report) -> Table:
    """For people: the logits."""
    found = report.agreement
    table = Table(box=None, show_header=False, pad_edge=False)
    clear = f"of the {found.clear} clear ones {found.clear_equal}"
    for row in (
        ("pictures", f"{found.pictures}"),
        ("logits that differ", f"{found.share_differing:.2%}, in steps of {found.step:.4f}"),
        ("mean difference", f"{found.mean_steps:.2f} steps; tolerated are {found.tolerated_steps:.2f}"),
        ("largest difference", f"{found.max_steps:.0f} steps"),
        ("fake quantization's own", f"{found.noise_steps:.2f} steps on average, against the same weights unrounded"),
        ("same first class", f"{found.top1:.2%} of pictures; {clear}"),
    ):
        table.add_row(*row)
    return table


def layers(report: Report) -> Table:
    """For people: a row for each operator; the first that departs stands out."""
    columns = ("", "operator", "layer", "scale", "differ", "mean", "max", "alone mean", "max")
    table = Table(*columns, box=None, pad_edge=False)
    for place, column in enumerate(table.columns):
        column.justify = "left" if place in (1, 2) else "right"
        column.no_wrap, column.overflow = place != 2, "fold"  # A name that is cut says little.
    first = layer_drift.first_departure(report.layers)
    for row in report.layers:
        steps = (row.mean_steps, row.max_steps, row.alone_mean_steps, row.alone_max_steps)
        numbers = (f"{value:.{digits}f}" for value, digits in zip(steps, (2, 0, 2, 0), strict=True))
        style = "bold red" if row is first else "red" if row.departs else ""
        cells = (f"{row.scale:.5f}", f"{row.share_differing:.1%}", *numbers)
        table.add_row(f"{row.operator}", row.name, row.layer, *cells, style=style)
    return table


def _batches(images: np.ndarray, size: int, name: str, follow: Follow) -> Iterator[np.ndarray]:
    starts = range(0, len(images), size)
    return (images[start : start + size] for start in follow(name, starts, len(starts)))
