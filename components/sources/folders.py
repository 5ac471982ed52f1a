"""Class folders as a source, as people have them: with train and eval above them or without, pictures at any depth."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.data_error import DataError
from components.sources import class_names, picture_files
from components.sources.class_choice import ALL, Choice
from components.sources.classes import categories, check_classes, check_filled, check_name, listed
from components.sources.source import Entry, Source
from trainer import imagenet

EVAL_NAMES = ("eval", "val", "validation")
# Taken where there is none of those: beside one of them, `test` is for nobody to look at before the end.
OTHER_EVAL_NAMES = ("valid", "test")
BOTH = (imagenet.TRAIN, imagenet.EVAL)
_LAYOUT = "Wanted train/<class>/*.jpg and eval/<class>/*.jpg, or <class>/*.jpg alone,"


def scan(root: str, *, splits: Sequence[str] = BOTH, choice: Choice = ALL, links: Sequence[str] = ()) -> Source:
    """Lists the pictures under a folder. Classes sorted by name get the labels 1…N.

    A file whose suffix is a picture's is taken unopened; of any other, the first bytes decide.

    Args:
        splits: Which to list: an eval split may be cut from train instead.
        choice: Of the classes.
        links: Folders besides this one that links may lead into.

    Raises:
        DataError: no such folder, a split missing or empty, classes that differ between the splits, fewer than two
            classes, a class called `background` or without pictures, or a link that leads elsewhere.
    """
    folders = _split_folders(Path(root), splits)
    called = class_names.aligned(root, {split: _class_names(folder) for split, folder in folders.items()})
    classes = choice.of_splits(root, {split: sorted(names) for split, names in called.items()})
    check_classes(root, classes)
    names = classes[imagenet.TRAIN]
    labels = {name: label for label, name in enumerate(names, start=1)}
    roots, entries, ignored, lost = _roots(root, links), {}, 0, []
    for split, folder in folders.items():
        entries[split], unknown, suspects = _entries(split, folder, labels, called[split], roots)
        ignored, lost = ignored + unknown, lost + suspects
    check_filled(root, names, entries)
    return Source(categories(names), entries, ignored, lost=lost)


def scan_split(root: str, *, labels: Sequence[str] = ()) -> Source:
    """One folder of class folders, `<class>/*.jpg` or `eval/<class>/*.jpg`, as an eval split alone.

    Args:
        labels: What the outputs of a model are called: each folder gets its own name's label. The first is the
            background, but where a folder has its name: then the model has none. Without labels the folders get 1…N.

    Raises:
        DataError: no class folders, one without pictures, or one that is none of the labels.
    """
    folder = _eval_folder(Path(root))
    there = _class_names(folder)
    known = list(dict.fromkeys(labels)) or [imagenet.BACKGROUND, *there]  # A word may stand for two classes.
    called = class_names.aligned(str(folder), {"the model": known, imagenet.EVAL: there})[imagenet.EVAL]
    names = sorted(called)
    check_classes(root, {imagenet.EVAL: names, imagenet.TRAIN: names})
    if unknown := sorted(set(names) - set(known)):
        raise DataError(
            f"{folder}: no output of the model is called {listed(unknown)}. It knows {listed(known[1:])}. "
            "Name the folders as the classes it was trained on."
        )
    outputs = list(labels or known)
    if outputs[0] in names and outputs[0] != imagenet.BACKGROUND:
        outputs = [imagenet.BACKGROUND, *outputs]
    places = {name: label for label, name in enumerate(outputs)}
    chosen = {name: places[name] for name in names}
    entries, ignored, lost = _entries(imagenet.EVAL, folder, chosen, called, _roots(root))
    filled = {entry.label for entry in entries}
    if empty := [name for name in names if places[name] not in filled]:
        raise DataError(f"{folder}: no pictures in {listed(empty)}. Fill these folders or remove them.")
    return Source(categories(outputs[1:]), {imagenet.EVAL: entries}, ignored, lost=lost)


def _eval_folder(root: Path) -> Path:
    if not root.is_dir():
        raise DataError(f"{root} {'is a file' if root.exists() else 'does not exist'}. Wanted <class>/*.jpg in it.")
    return next((root / name for name in eval_folders(root)), root)


def eval_folders(root: Path) -> list[str]:
    """What an evaluation split's folder may be called, of the folders that there are."""
    names = [name for name in EVAL_NAMES if (root / name).is_dir()]
    return names or [name for name in OTHER_EVAL_NAMES if _folders(root / name)][:1]


def has_classes(root: Path) -> bool:
    """Whether folders lie in `train`."""
    return bool(_folders(root / imagenet.TRAIN))


def train_folder(root: Path) -> str | None:
    """The folder `train`, unless it is a class among others: pictures lie in it, and no folders."""
    if not (root / imagenet.TRAIN).is_dir():
        return None
    is_class = not _folders(root / imagenet.TRAIN) and not eval_folders(root) and len(_folders(root)) > 1
    return None if is_class else imagenet.TRAIN


def _split_folders(root: Path, splits: Sequence[str]) -> dict[str, Path]:
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise DataError(f"{root} {state}. {_LAYOUT} in it. Give the folder that holds them with --data.")
    train, evals = train_folder(root), eval_folders(root)
    if train and imagenet.EVAL not in splits:
        return {imagenet.TRAIN: root / train}
    if not train and not evals and imagenet.EVAL not in splits and _folders(root):
        return {imagenet.TRAIN: _base(root)}
    if not train or not evals:
        raise DataError(
            f"{root}: no {imagenet.EVAL if train else imagenet.TRAIN} folder. Found: "
            f"{listed(_folders(root)) or 'no folders'}. {_LAYOUT} in it (eval may also be called val or "
            "validation, valid or test); or tars: train.tar and val.tar of class folders, or ILSVRC2012_img_train.tar "
            "and ILSVRC2012_img_val.tar; or TFRecords of TF-Slim or TFDS."
        )
    if len(evals) > 1:
        raise DataError(f"{root}: {listed(evals)} are all evaluation folders. Keep one of them.")
    return {imagenet.TRAIN: root / train, imagenet.EVAL: root / evals[0]}


def _base(root: Path) -> Path:
    """Where the class folders lie: what was unpacked has often one folder around them."""
    inner = _folders(root)
    return _base(root / inner[0]) if len(inner) == 1 and _folders(root / inner[0]) else root


def _folders(folder: Path) -> list[str]:
    """Sorted; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return [name for name in picture_files.folders(str(folder)) if not picture_files.is_passed_over(name)]


def _class_names(folder: Path) -> list[str]:
    names = _folders(folder)
    for name in names:
        check_name(name, where=folder)
    return names


def _roots(root: str, links: Sequence[str] = ()) -> list[str]:
    return [os.path.realpath(each) for each in (root, *links)]


def _entries(
    split: str, folder: Path, labels: Mapping[str, int], called: Mapping[str, str], roots: Sequence[str]
) -> tuple[list[Entry], int, list[str]]:
    """The pictures of a split, sorted; the number of other files; and which of these may be pictures.

    Args:
        called: What the folder of each class is called here.
    """
    entries, ignored, lost = [], 0, []
    for name, label in labels.items():
        path = folder / called[name]
        if path.is_symlink():
            picture_files.check_link(str(path), roots)
        found = picture_files.within(str(path), roots)
        entries += [Entry(f"{split}/{name}/{file}", where, label) for file, where in found.pictures]
        ignored += len(found.others)
        lost += [f"{split}/{name}/{file}" for file in found.lost]
    return entries, ignored, lost
