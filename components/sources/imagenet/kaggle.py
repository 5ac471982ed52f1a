"""ImageNet as Kaggle's CLS-LOC challenge hands it out: train in class folders, val flat, its labels in a CSV."""

import csv
import os
from pathlib import Path

from components.containers import plain_file
from components.data_error import DataError
from components.sources import labelled, picture_files
from components.sources.class_choice import ALL, Choice
from components.sources.classes import WNID, listed
from components.sources.labelled import Row
from components.sources.source import Source
from trainer import imagenet

SOLUTION = "LOC_val_solution.csv"
_FOLDERS = ("ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "CLS-LOC", ".")
_VAL = "val"


def found(root: Path) -> list[str]:
    """What tells it: the file of labels, and pictures of val that lie in no class folders."""
    val = next((root / name / _VAL for name in _FOLDERS if (root / name / _VAL).is_dir()), None)
    is_flat = val is not None and not any(picture_files.is_folder(entry) for entry in os.scandir(val))
    return [SOLUTION] if (root / SOLUTION).is_file() and is_flat else []


def scan(root: str, *, choice: Choice = ALL) -> Source:
    """Lists the pictures of both splits without opening them.

    Raises:
        DataError: folders or labels are missing, a label is no wnid, or pictures and labels are not of one set.
    """
    return labelled.source(root, _rows(root), choice)


def _rows(root: str) -> list[Row]:
    folder = next((path for name in _FOLDERS if (path := Path(root, name) / imagenet.TRAIN).is_dir()), None)
    if folder is None or not (folder.parent / _VAL).is_dir():
        raise DataError(
            f"{root}: no {_FOLDERS[0]}/train and val beside {SOLUTION}. Unpack all of Kaggle's archive there."
        )
    return [*_train(folder), *_val(folder.parent / _VAL, _solution(os.path.join(root, SOLUTION)))]


def _train(folder: Path) -> list[Row]:
    rows = []
    for wnid in picture_files.folders(str(folder)):
        pictures = picture_files.within(str(folder / wnid), [os.path.realpath(folder)]).pictures
        rows += [Row(imagenet.TRAIN, wnid, file, path) for file, path in pictures]
    return rows


def _val(folder: Path, labels: dict[str, str]) -> list[Row]:
    there = picture_files.within(str(folder), [os.path.realpath(folder)]).pictures
    pictures = {file.rpartition(".")[0]: path for file, path in there}
    if odd := sorted(pictures.keys() ^ labels.keys()):
        raise DataError(
            f"{folder} has {len(pictures):,} pictures and {SOLUTION} {len(labels):,} labels; wanted one for each. "
            f"Without the other: {listed(odd, 5)}."
        )
    return [Row(imagenet.EVAL, labels[name], os.path.basename(path), path) for name, path in pictures.items()]


def _solution(path: str) -> dict[str, str]:
    """By picture: the wnid, which the boxes of the same objects follow."""
    labels = {}
    try:
        for values in csv.DictReader(plain_file.lines(path, wanted="Kaggle's CSV of ImageId and PredictionString")):
            picture, said = values.get("ImageId") or "", (values.get("PredictionString") or "").split()
            if not picture or not said or not WNID.fullmatch(said[0]):
                raise DataError(f"{path}: got {dict(values)!r}, wanted ImageId and PredictionString, a wnid first.")
            labels[picture] = said[0]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}. Copy or download it again.") from error
    return labels
