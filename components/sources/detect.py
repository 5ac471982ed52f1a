"""Which kind of source lies in a folder, and its pictures: class folders, tars or TFRecords, whoever made them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from components.data_error import DataError
from components.sources import class_choice, fingerprints, folders, holdout, record_files, slim, tar_files, tfds
from components.sources import tars as class_tars
from components.sources.boxes import boxes as bounding_boxes
from components.sources.classes import listed
from components.sources.imagenet import ground_truth, ilsvrc, known_labels
from components.sources.source import Source
from trainer import imagenet

AUTO = "auto"
Kind = Literal["auto", "folders", "tars", "ilsvrc", "slim", "tfds"]


class Wanted(NamedTuple):
    """What is to be taken from a folder. Plain values, as a component's parameters are; empty ones say nothing.

    Args:
        source: What lies there; `auto` looks.
        ground_truth: For ilsvrc: the list or kit that labels the validation pictures; without it, what lies beside the
            tars.
        boxes: The bounding boxes' tar or CSV; without it, what lies in the folder.
        classes: Which of them, as class_choice.parse has it; without it, all.
        holdout: The share of train that becomes `eval`, or `minival` where the source has an eval split.
    """

    source: str = AUTO
    ground_truth: str = ""
    boxes: str = ""
    classes: str = ""
    holdout: float = 0.0


ALL = Wanted()


def scan(root: str, wanted: Wanted = ALL) -> Source:
    """Lists the pictures of a source without opening them.

    Args:
        root: The folder of the pictures, of the tars, or of the TFRecords.

    Raises:
        DataError: the folder holds no such source, or several of which none was named; or see the kinds' own modules.
    """
    holdout.check(wanted.holdout)
    kind, choice = _chosen(root, wanted), class_choice.parse(wanted.classes)
    splits = _splits(root, kind, wanted)
    if kind == "ilsvrc":
        truth = ground_truth.find(Path(root), wanted.ground_truth) if imagenet.EVAL in splits else None
        source = ilsvrc.scan(root, truth, splits=splits, choice=choice)
    else:
        scans = {"folders": folders, "tars": class_tars, "slim": slim, "tfds": tfds}
        source = scans[kind].scan(root, splits=splits, choice=choice)
    known_labels.check(source, root)
    source = bounding_boxes.add(source, bounding_boxes.find(Path(root), wanted.boxes))
    return holdout.cut(source, root, wanted.holdout)


def fingerprint(root: str, wanted: Wanted = ALL) -> str:
    """What tells one state of the source from another: names, sizes and times; of ilsvrc, the labels too.

    Raises:
        DataError: as scan, as far as that shows without reading tars or records.
    """
    holdout.check(wanted.holdout)
    kind = _chosen(root, wanted)
    splits = _splits(root, kind, wanted)
    boxes = bounding_boxes.find(Path(root), wanted.boxes)
    if kind == "folders":
        return ",".join([folders.fingerprint(root, splits=splits), *([fingerprints.of(boxes)] if boxes else [])])
    if kind in ("slim", "tfds"):
        module = slim if kind == "slim" else tfds
        files = [path for paths in module.paths(root, splits).values() for path in paths]
        names = tfds.labels(root) if kind == "tfds" else []
        return f"records:{fingerprints.of([*files, *boxes], ','.join(names))}"
    labelled = kind == "ilsvrc" and imagenet.EVAL in splits
    labels = ground_truth.find(Path(root), wanted.ground_truth).digest if labelled else ""
    tars = (ilsvrc if kind == "ilsvrc" else class_tars).paths(root, splits)
    return f"tars:{fingerprints.of([*tars.values(), *boxes], labels)}"


def _chosen(root: str, wanted: Wanted) -> str:
    if wanted.source not in get_args(Kind):
        raise DataError(f"the source is {wanted.source!r}; wanted {', '.join(get_args(Kind))}.")
    kind = detect(root) if wanted.source == AUTO else wanted.source
    if wanted.ground_truth and kind != "ilsvrc":
        raise DataError(
            f"--ground-truth {wanted.ground_truth} is for ILSVRC2012's own tars; {root} is taken for {kind}, which "
            "tell the labels themselves. Leave it out, or give --source ilsvrc."
        )
    return kind


def _splits(root: str, kind: str, wanted: Wanted) -> Sequence[str]:
    """Train alone where there is nothing else and a part of it is to be held out."""
    if wanted.holdout and not _there(Path(root), kind)[imagenet.EVAL]:
        return (imagenet.TRAIN,)
    return (imagenet.TRAIN, imagenet.EVAL)


def _there(folder: Path, kind: str) -> Mapping[str, Sequence[str]]:
    """What there is of a kind, by split."""
    if not folder.is_dir():
        return {imagenet.TRAIN: [], imagenet.EVAL: []}
    if kind == "folders":
        names = class_tars.STEMS  # Tars of folders are called as the folders are.
        return {split: [f"{name}/" for name in names[split] if (folder / name).is_dir()] for split in names}
    module, found = {
        "tars": (class_tars, tar_files.found),
        "ilsvrc": (ilsvrc, tar_files.found),
        "slim": (slim, record_files.found),
        "tfds": (tfds, record_files.found),
    }[kind]
    return {split: found(folder, stems) for split, stems in module.STEMS.items()}


def detect(root: str) -> str:
    """By the names of files and folders. Where there is nothing of the kind it is `folders`, whose error says what may.

    Raises:
        DataError: there are several kinds.
    """
    kinds = [kind for kind in get_args(Kind) if kind != AUTO]
    found = {kind: [name for names in _there(Path(root), kind).values() for name in names] for kind in kinds}
    kinds = [kind for kind in kinds if found[kind]]
    if len(kinds) > 1:
        what = "; ".join(f"{kind} ({listed(found[kind], 6)})" for kind in kinds)
        raise DataError(f"{root} holds several sources: {what}. Say which to take: --source {' or '.join(kinds)}.")
    return kinds[0] if kinds else "folders"
