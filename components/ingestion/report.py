"""IngestionReport: what ingestion took, converted and refused, as an artifact of its own that outlives the pictures."""

import shutil
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.ingestion.counts import COUNTS
from components.ingestion.summary import IngestionSummary
from trainer import imagenet

TEXT_FILE = "ingestion_report.txt"
_NAMED = 20  # Files named in the text; the JSON names more.
_SAME = 5  # Groups of the same picture, likewise.


@component
def IngestionReport(
    examples: InputArtifact[standard_artifacts.Examples],
    report: OutputArtifact[IngestionSummary],
    code: Parameter[str],
) -> None:
    """Re-emits the examples' ingestion_report.json."""
    source = Path(examples.uri) / imagenet.REPORT_FILE
    content = imagenet.REPORT_FORMAT.read(source)
    shutil.copyfile(source, Path(report.uri) / imagenet.REPORT_FILE)
    (Path(report.uri) / TEXT_FILE).write_text(as_text(content))
    report.set_string_custom_property("digest", content["digest"])
    for name, count in properties(content).items():
        report.set_int_custom_property(name, count)


def properties(report: dict[str, Any]) -> dict[str, int]:
    """`train_pictures`, `train_refused`, … and `classes`: the numbers to see in ML Metadata."""
    counts = {f"{split}_{name}": content[name] for split, content in report["splits"].items() for name in COUNTS}
    leaked = {f"{split}_in_train": found["pictures"] for split, found in report["in_train"].items()}
    return {"classes": report["classes"], **leaked, **counts}


def as_text(report: dict[str, Any]) -> str:
    """The report in a few lines for people."""
    lines = [f"{report['classes']} classes, {report['bytes'] / 1e6:,.1f} MB of examples"]
    lines += [_split_line(split, content) for split, content in report["splits"].items()]
    for split, found in report["duplicates"].items():
        lines += _same(f"{split}: {found['copies']:,} copies of other pictures of it", found["copies"], found)
    for split, found in report["in_train"].items():
        lines += _same(f"{split}: {found['pictures']:,} of its pictures are in train too", found["pictures"], found)
    if boxes := report.get("boxes"):
        lines.append(_boxes_line(boxes))
    if report["ignored"]:
        lines.append(f"{report['ignored']:,} other files left out: no pictures by name or content")
    lines += report.get("notes", [])
    for what in ("refused", "converted"):
        lines += [f"{what} {item['name']}: {item['reason']}" for item in report[what][:_NAMED]]
    return "\n".join(lines) + "\n"


def _same(what: str, count: int, found: dict[str, Any]) -> list[str]:
    """Nothing of what is not there."""
    if not count:
        return []
    return [
        f"{what}, byte for byte; {found['of_other_class']:,} under another label",
        *(f"the same: {' = '.join(names)}" for names in found["first"][:_SAME]),
    ]


def _boxes_line(boxes: dict[str, int]) -> str:
    return (
        f"bounding boxes: {boxes['boxes']:,} on {boxes['pictures']:,} pictures; {boxes['inverted']:,} turned round, "
        f"{boxes['clamped']:,} clamped; left out: {boxes['empty']:,} empty, {boxes['other_class']:,} of another class, "
        f"{boxes['of_no_picture']:,} of no picture here"
    )


def _split_line(split: str, content: dict[str, Any]) -> str:
    per_class = content["per_class"].values()
    oriented = f", {content['oriented']:,} that EXIF wants turned" if content["oriented"] else ""
    return (
        f"{split}: {content['pictures']:,} pictures ({content['taken']:,} as they were, {content['converted']:,} "
        f"converted), {content['refused']:,} refused, {content['grey']:,} grey{oriented}; "
        f"{min(per_class):,} to {max(per_class):,} a class, {content['bytes'] / 1e6:,.1f} MB"
    )
