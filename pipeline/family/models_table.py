"""`mobilenet models`: the family, what the reference published, what was measured here. Without TensorFlow."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline.family import measured_bundles
from pipeline.family.measured_bundles import Measured
from trainer.file_format import FileFormat
from trainer.network import model_size
from trainer.network.variant import Variant
from trainer.slim.reference_table import CLASSES, TABLE, WRONG_MACS

NOT_MEASURED = "not measured"
NOTES = 10  # Of bundles, unless all are wanted.
FORMAT = FileFormat("mobilenet models --json")
_SIZES = Path(__file__).with_name("file_sizes.json")  # Measured by proof/file_sizes.py.


@dataclass(frozen=True)
class Row:
    """One variant with 1001 classes. Accuracies in percent; None where nothing was published or measured."""

    variant: str
    width: float
    resolution: int
    macs: int
    published_million_macs: int | None
    macs_note: str | None  # Why the published number is not what the reference's code gives.
    parameters: int  # Trainable.
    reference_parameters: int  # As the reference's table counts them.
    published_million_parameters: float | None
    float_tflite_bytes: int | None
    int8_tflite_bytes: int | None
    published_float_top1: float | None
    published_float_top5: float | None
    published_quantized_top1: float | None
    published_quantized_top5: float | None
    measured_float_top1: float | None
    measured_float_top5: float | None
    measured_int8_top1: float | None
    measured_int8_top5: float | None
    measured_on: str | None


@dataclass(frozen=True)
class Family:
    """The rows, the bundles that may not stand beside published figures, and what is wrong with unreadable ones."""

    rows: tuple[Row, ...]
    others: tuple[Measured, ...]
    faults: tuple[str, ...]


def family(variants: Sequence[Variant], zoo: Path | None) -> Family:
    """The reference's 16 and the `variants` that are none of them.

    Only a bundle with the reference's 1001 outputs stands beside its figures: a bundle of ten classes says nothing of
    ImageNet. Of each variant the newest version counts.

    Args:
      zoo: where bundles were pushed, `<zoo>/<variant>/<version>/`; None for no look at any.
    """
    found, faults = measured_bundles.newest(zoo) if zoo else ([], [])
    beside = {each.variant: each for each in found if each.classes == CLASSES}
    rows = tuple(_row(variant, beside.get(variant.name)) for variant in dict.fromkeys([*TABLE, *variants]))
    shown = {row.variant for row in rows}
    others = tuple(each for each in found if each.classes != CLASSES or each.variant not in shown)
    return Family(rows, others, tuple(faults))


def as_json(family: Family) -> str:
    """All of it; null where nothing was published or measured."""
    value = {
        "models": [dataclasses.asdict(row) for row in family.rows],
        "other_bundles": [dataclasses.asdict(each) for each in family.others],
        "unreadable": list(family.faults),
    }
    return json.dumps(FORMAT.stamped(value), indent=2)


def as_csv(family: Family) -> str:
    """The rows alone."""
    text = io.StringIO()
    names = [field.name for field in dataclasses.fields(Row)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in family.rows:
        cells = dataclasses.asdict(row)
        writer.writerow({name: _cell(name, value) for name, value in cells.items()})
    return text.getvalue()


def table(family: Family) -> Table:
    """For people; * marks the rows of `notes`."""
    title = f"MobileNetV1, {CLASSES} classes; millions and MB (--json has all digits), top-1 / top-5 in percent"
    result = Table(title=title, box=None, header_style="bold", collapse_padding=True, pad_edge=False)
    columns = ("model", "MACs", "para-\nmeters", "ref's\ncount", "float\nMB", "int8\nMB",
               "published\nfloat", "published\nquantized", "here:\nfloat, int8")  # fmt: skip
    for name in columns:
        result.add_column(name, justify="left" if name == columns[0] else "right", overflow="fold")
    for row in family.rows:
        result.add_row(
            row.variant,
            f"{row.macs / 1e6:.2f}{'*' if row.macs_note else ' '}",
            f"{row.parameters / 1e6:.3f}",
            f"{row.reference_parameters / 1e6:.3f}",
            _megabytes(row.float_tflite_bytes),
            _megabytes(row.int8_tflite_bytes),
            _pair(row.published_float_top1, row.published_float_top5, "-"),
            _pair(row.published_quantized_top1, row.published_quantized_top5, "-"),
            _here(row),
        )
    return result


def notes(family: Family, *, most: int | None = None) -> list[str]:
    """What belongs under the table, a line each.

    Args:
      most: so many lines of other bundles, and as many of unreadable ones; a line counts the rest.
    """
    lines = [
        f"* {row.variant}: the reference's table says {row.published_million_macs} million MACs: {row.macs_note}."
        for row in family.rows
        if row.macs_note
    ]
    lines += [f"{row.variant} here: {row.measured_on}." for row in family.rows if row.measured_on]
    others = [
        f"{each.variant} in {each.folder}, {each.on}: float {_pair(each.float_top1, each.float_top5, '')}, "
        f"int8 {_pair(each.int8_top1, each.int8_top5, '')}. Other data than the published figures'."
        for each in family.others
    ]
    return lines + _first(others, most) + _first([f"Left out: {fault}" for fault in family.faults], most)


def _first(lines: list[str], most: int | None) -> list[str]:
    if most is None or len(lines) <= most:
        return lines
    return [*lines[:most], f"{len(lines) - most} more: --all shows them."]


def _row(variant: Variant, measured: Measured | None) -> Row:
    published = TABLE.get(variant)
    size = {"width": variant.width, "classes": CLASSES}
    measured_bytes = _sizes().get(variant.name, {})
    return Row(
        variant=variant.name,
        width=variant.width,
        resolution=variant.resolution,
        macs=model_size.macs(resolution=variant.resolution, **size),
        published_million_macs=published and published.million_macs,
        macs_note=WRONG_MACS.get(variant),
        parameters=model_size.parameters(**size),
        reference_parameters=model_size.reference_parameters(**size),
        published_million_parameters=published and published.million_parameters,
        float_tflite_bytes=measured_bytes.get("float"),
        int8_tflite_bytes=measured_bytes.get("int8"),
        published_float_top1=published and published.float_top1,
        published_float_top5=published and published.float_top5,
        published_quantized_top1=published and published.quantized_top1,
        published_quantized_top5=published and published.quantized_top5,
        measured_float_top1=measured and measured.float_top1,
        measured_float_top5=measured and measured.float_top5,
        measured_int8_top1=measured and measured.int8_top1,
        measured_int8_top5=measured and measured.int8_top5,
        measured_on=measured and measured.on,
    )


def _sizes() -> dict[str, dict[str, int]]:
    return json.loads(_SIZES.read_text(encoding="utf-8"))["bytes"]


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return NOT_MEASURED if name.startswith("measured_") or name.endswith("_bytes") else ""
    return value


def _here(row: Row) -> str:
    if row.measured_on is None:
        return NOT_MEASURED
    measured = (row.measured_float_top1, row.measured_float_top5), (row.measured_int8_top1, row.measured_int8_top5)
    return ", ".join(_pair(*pair, NOT_MEASURED) for pair in measured)


def _megabytes(count: int | None) -> str:
    return NOT_MEASURED if count is None else f"{count / 1e6:.2f}"


def _pair(top1: float | None, top5: float | None, none: str) -> str:
    return none if top1 is None or top5 is None else f"{top1:.1f} / {top5:.1f}"
