"""TFRecords that TensorFlow Datasets wrote as a source: `imagenet2012`, and whatever has the same features."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from components.data_error import DataError
from components.sources import record_files
from components.sources import records as record_pictures
from components.sources.class_choice import ALL, Choice
from components.sources.classes import wnid_of
from components.sources.imagenet import devkit
from components.sources.records import Found
from components.sources.source import Source
from trainer import imagenet, outside_file

STEMS = {imagenet.TRAIN: (r".+-train\.tfrecord",), imagenet.EVAL: (r".+-validation\.tfrecord",)}
BOTH = (imagenet.TRAIN, imagenet.EVAL)
LABELS_FILE = "label.labels.txt"  # As TFDS calls the names of the feature `label`: line i names label i.
INFO_FILE = "dataset_info.json"
IMAGE, LABEL, FILE_NAME = "image", "label", "file_name"
_SPLITS = {imagenet.TRAIN: "train", imagenet.EVAL: "validation"}


def paths(root: str, splits: Sequence[str] = BOTH) -> dict[str, list[str]]:
    """The files of each split.

    Raises:
        DataError: there are none, or some are missing.
    """
    return record_files.of_splits(Path(root), STEMS, splits)


def labels(root: str) -> list[str]:
    """What the labels from 0 on are called, where a file says so.

    Raises:
        DataError: it cannot be read.
    """
    path = Path(root) / LABELS_FILE
    if not path.exists():
        return []
    try:
        return devkit.limited(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text: {error}. Wanted the name of a class a line.") from error


def scan(root: str, *, splits: Sequence[str] = BOTH, choice: Choice = ALL) -> Source:
    """Lists the pictures in the records. TFDS's labels begin with 0; here they are one more.

    What a label is called says label.labels.txt; where it is missing, the names of the training pictures, which in
    ImageNet begin with their wnid.

    Raises:
        DataError: as record_files and record_pictures say; or nothing tells what a label is called; or there are not
            as many records as dataset_info.json says.
    """
    files, names = paths(root, splits), dict(enumerate(labels(root)))
    by_names = not names

    def read(split: str, found: Found) -> tuple[int, str, str]:
        label, file = found.number(LABEL), found.file_name(FILE_NAME)
        said = wnid_of(file)
        if by_names and said and split == imagenet.TRAIN:
            names.setdefault(label, said)
        if label < 0 or label not in names:
            raise DataError(
                f"{found.where}: nothing says what label {label} of {file!r} is called: no {LABELS_FILE} beside the "
                "files does, nor a training picture called after its wnid, such as n01440764_10026.JPEG."
            )
        return label + 1, names[label], file

    counts = _counts(root)
    found = {split: _found(root, split, files[split], counts.get(_SPLITS[split])) for split in splits}
    return record_pictures.source(root, found, read, choice)


def _found(root: str, split: str, files: Sequence[str], counts: Sequence[int] | None) -> Iterator[Found]:
    if counts is not None and len(counts) != len(files):
        raise DataError(f"{root}: {INFO_FILE} tells of {len(counts):,} files for {split}; there are {len(files):,}.")
    for place, path in enumerate(files):
        records = 0
        for found in record_pictures.records(path, picture=IMAGE, wanted=(LABEL, FILE_NAME)):
            records += 1
            yield found
        if counts is not None and records != counts[place]:
            raise DataError(
                f"{path} has {records:,} records; {INFO_FILE} says {counts[place]:,}. Copy or download it again."
            )


def _counts(root: str) -> Mapping[str, list[int]]:
    """How many records each file of each split has, where dataset_info.json says so."""
    path = Path(root) / INFO_FILE
    if not path.exists():
        return {}
    try:
        splits = outside_file.parse_json(devkit.limited(path), path)["splits"]
        return {split["name"]: [int(count) for count in split["shardLengths"]] for split in splits}
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is not what TFDS writes: {error!r}. Copy it again, or move it away.") from error
