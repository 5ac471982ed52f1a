"""TFRecords with TF-Slim's keys as a source: those of its build_imagenet_data.py, and those of an ingestion of ours."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from components.data_error import DataError
from components.sources import record_files, records
from components.sources.class_choice import ALL, Choice
from components.sources.records import Found
from components.sources.source import Box, Source
from trainer import imagenet

# `validation-00000-of-00128`, or `Split-eval/data_tfrecord-00000-of-00040` as our own ingestions call them.
STEMS = {
    imagenet.TRAIN: ("train", f"Split-{imagenet.TRAIN}/.+"),
    imagenet.EVAL: ("validation", f"Split-{imagenet.EVAL}/.+"),
}
BOTH = (imagenet.TRAIN, imagenet.EVAL)
_SIDES = (imagenet.BBOX_XMIN, imagenet.BBOX_YMIN, imagenet.BBOX_XMAX, imagenet.BBOX_YMAX)
_WANTED = (imagenet.LABEL, imagenet.SYNSET, imagenet.TEXT, imagenet.FILENAME, *_SIDES)


def paths(root: str, splits: Sequence[str] = BOTH) -> dict[str, list[str]]:
    """The files of each split.

    Raises:
        DataError: there are none, or some are missing.
    """
    return record_files.of_splits(Path(root), STEMS, splits)


def scan(root: str, *, splits: Sequence[str] = BOTH, choice: Choice = ALL) -> Source:
    """Lists the pictures in the records. Their labels stay, and their bounding boxes are taken over.

    Raises:
        DataError: as record_files and record_pictures say.
    """
    found = {split: _found(files) for split, files in paths(root, splits).items()}
    return records.source(root, found, _read, choice, with_boxes=_boxes)


def _found(files: Sequence[str]) -> Iterator[Found]:
    for path in files:
        yield from records.records(path, picture=imagenet.ENCODED, wanted=_WANTED)


def _read(split: str, found: Found) -> tuple[int, str, str]:
    label = found.number(imagenet.LABEL)
    if label < 1:
        raise DataError(f"{found.where}: the label is {label}; wanted 1 or more: 0 is the background.")
    # What build_image_data.py wrote, of other pictures, has the name of the class as its text alone.
    name = found.text(imagenet.SYNSET) or found.text(imagenet.TEXT)
    if not name:
        raise DataError(f"{found.where}: neither {imagenet.SYNSET!r} nor {imagenet.TEXT!r} says what label {label} is.")
    return label, name, found.file_name(imagenet.FILENAME)


def _boxes(found: Found) -> Sequence[Box]:
    sides = [found.parts.features.get(key, []) for key in _SIDES]
    if not any(sides):
        return ()
    if len({len(side) for side in sides}) > 1:
        raise DataError(f"{found.where}: the bounding boxes have {', '.join(str(len(side)) for side in sides)} sides.")
    boxes = [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in zip(*sides, strict=True)]
    for box in boxes:
        if not (0 <= box[0] <= box[2] <= 1 and 0 <= box[1] <= box[3] <= 1):
            raise DataError(f"{found.where}: a bounding box is {box}; wanted shares of width and height, from 0 to 1.")
    return tuple(boxes)
