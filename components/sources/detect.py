"""Which kind of source lies in a folder, and its pictures: class folders, tars or TFRecords, whoever made them."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from components import options
from components.data_error import DataError
from components.sources import (
    class_choice,
    class_names,
    fingerprints,
    folders,
    holdout,
    manifest,
    parquet,
    record_files,
    slim,
    tar_files,
    tfds,
    web_shards,
)
from components.sources import tars as class_tars
from components.sources.boxes import boxes as bounding_boxes
from components.sources.classes import listed
from components.sources.imagenet import ground_truth, ilsvrc, kaggle, known_labels
from components.sources.source import Source
from components.sources.wanted import ALL, AUTO, Kind, Wanted
from trainer import imagenet

# Sources of which each picture says its class and its split itself.
_LABELLED = {"kaggle": kaggle, "parquet": parquet, "webdataset": web_shards, "manifest": manifest}


def scan(root: str, wanted: Wanted = ALL) -> Source:
    """Lists the pictures of a source without opening them.

    Args:
        root: The folder of the pictures, of the tars, or of the TFRecords.

    Raises:
        DataError: the folder holds no such source, or several of which none was named; or see the kinds' own modules.
    """
    options.check(wanted)
    source = _scanned(root, _chosen(root, wanted), wanted)
    alike = class_names.alike([category.name for category in source.categories])
    source = source._replace(notes=[*source.notes, *alike])
    known_labels.check(source, root)
    source = bounding_boxes.add(source, bounding_boxes.find(Path(root), wanted.boxes))
    if not wanted.holdout and imagenet.EVAL not in source.splits:
        return holdout.by_class(source, root)
    return holdout.cut(source, root, wanted.holdout)


def _scanned(root: str, kind: str, wanted: Wanted) -> Source:
    choice = class_choice.parse(wanted.classes)
    if kind in _LABELLED:
        links = {"links": wanted.link_roots} if kind == "manifest" else {}
        return _LABELLED[kind].scan(root, choice=choice, **links)
    splits = _splits(root, kind, wanted)
    if kind == "ilsvrc":
        truth = ground_truth.find(Path(root), wanted.ground_truth) if imagenet.EVAL in splits else None
        return ilsvrc.scan(root, truth, splits=splits, choice=choice)
    if kind == "folders":
        return folders.scan(root, splits=splits, choice=choice, links=wanted.link_roots)
    scans = {"tars": class_tars, "slim": slim, "tfds": tfds}
    return scans[kind].scan(root, splits=splits, choice=choice)


def fingerprint(root: str, wanted: Wanted = ALL) -> str:
    """What tells one state of the source from another: names, sizes and times; of ilsvrc, the labels too.

    Raises:
        DataError: as scan, as far as that shows without reading tars or records.
    """
    options.check(wanted)
    kind = _chosen(root, wanted)
    boxes = bounding_boxes.find(Path(root), wanted.boxes)
    if kind in ("folders", "kaggle", "manifest"):
        pictures = fingerprints.of_pictures(_scanned(root, kind, dataclasses.replace(wanted, classes="")))
        return ",".join([pictures, *([fingerprints.of(boxes)] if boxes else [])])
    if kind in _LABELLED:
        return f"{kind}:{fingerprints.of([*_LABELLED[kind].files(root), *boxes])}"
    splits = _splits(root, kind, wanted)
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
    kind = detect(root) if wanted.source == AUTO else wanted.source
    if wanted.ground_truth and kind != "ilsvrc":
        raise DataError(
            f"--ground-truth {wanted.ground_truth} is for ILSVRC2012's own tars; {root} is taken for {kind}, which "
            "tell the labels themselves. Leave it out, or give --source ilsvrc."
        )
    return kind


def _splits(root: str, kind: str, wanted: Wanted) -> Sequence[str]:
    """Train alone where there is nothing else and a part of it is to be held out.

    A missing eval split of tars or records that others made is a lost download, unless --holdout is asked for.
    """
    may_be_missing = wanted.holdout or kind in ("folders", "tars")
    there = _there(Path(root), kind)
    if may_be_missing and not there[imagenet.EVAL] and (there[imagenet.TRAIN] or kind == "folders"):
        return (imagenet.TRAIN,)
    return (imagenet.TRAIN, imagenet.EVAL)


def _there(folder: Path, kind: str) -> Mapping[str, Sequence[str]]:
    """What there is of a kind, by split."""
    if not folder.is_dir():
        return {imagenet.TRAIN: [], imagenet.EVAL: []}
    if kind == "folders":
        train = folders.train_folder(folder)
        evals = folders.eval_folders(folder)
        return {imagenet.TRAIN: [f"{train}/"] if train else [], imagenet.EVAL: [f"{name}/" for name in evals]}
    module, found = {
        "tars": (class_tars, tar_files.found),
        "ilsvrc": (ilsvrc, tar_files.found),
        "slim": (slim, record_files.found),
        "tfds": (tfds, record_files.found),
    }[kind]
    names = {split: found(folder, stems) for split, stems in module.STEMS.items()}
    if kind == "tars" and not names[imagenet.EVAL]:
        names[imagenet.EVAL] = found(folder, folders.OTHER_EVAL_NAMES)
    return names


def detect(root: str) -> str:
    """By the names of files and folders. Where there is nothing of the kind it is `folders`, whose error says what may.

    Raises:
        DataError: there are several kinds.
    """
    folder = Path(root)
    kinds = [kind for kind in get_args(Kind) if kind != AUTO and kind not in _LABELLED]
    found = {kind: [name for names in _there(folder, kind).values() for name in names] for kind in kinds}
    others = {kind: module.found(folder) for kind, module in _LABELLED.items()}
    # A table beside class folders may be about anything, but not Kaggle's, nor what lies in a `train` without classes.
    if not any(found.values()) or others["kaggle"] or (any(others.values()) and not folders.has_classes(folder)):
        found = {kind: names for kind, names in (found | others).items() if kind != "folders"}
    kinds = [kind for kind in found if found[kind]]
    if len(kinds) > 1:
        what = "; ".join(f"{kind} ({listed(found[kind], 6)})" for kind in kinds)
        raise DataError(f"{root} holds several sources: {what}. Say which to take: --source {' or '.join(kinds)}.")
    return kinds[0] if kinds else "folders"
