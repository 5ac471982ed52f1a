"""Bounding boxes for pictures of class folders: PASCAL's XML in a tar, TF-Slim's CSV, and what must come of them."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.components.sources.tars import pack

Corners = tuple[int, int, int, int]


class Annotation(NamedTuple):
    """Of one picture: the size it was shown at, and a name and corners in pixels for each box."""

    width: int
    height: int
    boxes: Sequence[tuple[str, Corners]]


def annotations(folders: Path) -> dict[str, Annotation]:
    """By `<wnid>/<stem>`: of most train pictures, with every kind of box that the real ones have."""
    found = {}
    for place, path in enumerate(sorted((folders / "train").glob("*/*"))):
        own = path.parent.name
        other = next(folder.name for folder in sorted((folders / "train").iterdir()) if folder.name != own)
        boxes = [
            [(own, (10, 20, 310, 220))],
            [(own, (1, 2, 3, 4)), (own, (100, 100, 400, 300))],
            [(own, (310, 220, 10, 20))],  # Inverted.
            [(own, (-5, 10, 700, 200))],  # Beyond the picture.
            [(own, (50, 50, 50, 90)), (other, (5, 5, 60, 60))],  # Empty; and of another class.
            [("Scottish_deerhound", (33, 44, 55, 66))],  # A word where the class should be.
            [],
        ][place % 7]
        if place % 8:
            found[f"{own}/{path.stem}"] = Annotation(500, 333, boxes)
    return found


def xml(annotation: Annotation) -> str:
    """As the set has them: `%s` where the file's name should be."""
    objects = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in annotation.boxes
    )
    size = f"<size><width>{annotation.width}</width><height>{annotation.height}</height><depth>3</depth></size>"
    return f"<annotation><folder>%s</folder><filename>%s</filename>{size}<segmented>0</segmented>{objects}</annotation>"


def write_tar(found: dict[str, Annotation], path: Path) -> Path:
    data = pack([(f"{name}.xml", xml(annotation).encode()) for name, annotation in found.items()])
    path.write_bytes(gzip.compress(data) if path.name.endswith("gz") else data)
    return path


def as_the_reference(found: dict[str, Annotation], classes: Sequence[str]) -> list[str]:
    """The lines that TF-Slim's process_bounding_boxes.py prints of them: its rules, in its words."""
    lines = []
    for name, annotation in found.items():
        synset, stem = name.split("/")
        for label, (x0, y0, x1, y1) in annotation.boxes:
            xmin, xmax = float(x0) / float(annotation.width), float(x1) / float(annotation.width)
            ymin, ymax = float(y0) / float(annotation.height), float(y1) / float(annotation.height)
            min_x, max_x, min_y, max_y = min(xmin, xmax), max(xmin, xmax), min(ymin, ymax), max(ymin, ymax)
            scaled = [min(max(side, 0.0), 1.0) for side in (min_x, min_y, max_x, max_y)]
            if label != synset and label in classes:
                continue
            if scaled[0] >= scaled[2] or scaled[1] >= scaled[3]:
                continue
            lines.append(f"{stem}.JPEG," + ",".join(f"{side:.4f}" for side in scaled))
    return lines


def by_file(lines: Sequence[str]) -> dict[str, list[tuple[float, float, float, float]]]:
    """The CSV's boxes by the name of the picture's file."""
    boxes: dict[str, list] = {}
    for line in lines:
        name, *sides = line.split(",")
        boxes.setdefault(name, []).append(tuple(float(side) for side in sides))
    return boxes
