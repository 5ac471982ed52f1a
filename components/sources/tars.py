"""Tars of class folders as a source: train.tar and eval.tar (or val.tar), in each `<class>/*.jpg`."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from components.containers import tar
from components.containers.tar import Archive, Member
from components.data_error import DataError
from components.sources import class_names, picture_files, tar_files
from components.sources.class_choice import ALL, Choice
from components.sources.classes import categories, check_classes, check_filled, check_name
from components.sources.folders import BOTH, EVAL_NAMES, OTHER_EVAL_NAMES
from components.sources.picture_files import HEAD
from components.sources.source import Entry, Source
from trainer import imagenet

STEMS = {imagenet.TRAIN: (imagenet.TRAIN,), imagenet.EVAL: EVAL_NAMES}


class _Found(NamedTuple):
    """What a tar holds: the pictures of each class, how many other files, and which of these may be pictures."""

    classes: dict[str, list[Member]]
    ignored: int
    lost: list[str]


def paths(root: str, splits: Sequence[str] = BOTH) -> dict[str, str]:
    """The tar of each split.

    Raises:
        DataError: one is missing, or there are two for a split.
    """
    stems = {split: STEMS[split] for split in splits}
    if imagenet.EVAL in splits and not tar_files.found(Path(root), STEMS[imagenet.EVAL]):
        others = [name for name in OTHER_EVAL_NAMES if tar_files.found(Path(root), [name])]
        stems[imagenet.EVAL] = tuple(others[:1]) or STEMS[imagenet.EVAL]
    return tar_files.of_splits(Path(root), stems)


def scan(root: str, *, splits: Sequence[str] = BOTH, choice: Choice = ALL) -> Source:
    """Lists the pictures in the tars by their headers. Classes sorted by name get the labels 1…N.

    Args:
        splits: Which to list: an eval split may be cut from train instead.
        choice: Of the classes.

    Raises:
        DataError: no such tars, one that is damaged, compressed or unsafe, a picture that lies in no class folder, or
            classes that differ between the splits, are empty or are fewer than two.
    """
    tars = paths(root, splits)
    found = {split: _found(path) for split, path in tars.items()}
    called = class_names.aligned(root, {split: sorted(content.classes) for split, content in found.items()})
    names = choice.of_splits(root, {split: sorted(there) for split, there in called.items()})
    for split, path in tars.items():
        for name in names[split]:
            check_name(name, where=path)
    check_classes(root, names)
    chosen = names[imagenet.TRAIN]
    entries = {
        split: _entries(split, tars[split], content.classes, {name: called[split][name] for name in chosen})
        for split, content in found.items()
    }
    check_filled(root, chosen, entries)
    lost = [f"{split}/{name}" for split, content in found.items() for name in content.lost]
    return Source(categories(chosen), entries, sum(content.ignored for content in found.values()), lost=lost)


def _found(path: str) -> _Found:
    classes: dict[str, list[Member]] = {}
    others: dict[str, dict[str, bytes]] = {}  # By folder: the names, and what the files begin with.
    with tar.opened(path) as archive:
        for member in tar.members(archive):
            parts = _within_split(member.name, archive)
            if any(picture_files.is_passed_over(part) for part in parts):  # As in folders.
                continue
            if member.is_folder:
                if len(parts) == 1:
                    classes.setdefault(parts[0], [])
            elif picture_files.is_picture(parts[-1], lambda member=member: tar.head(archive, member, HEAD)):
                classes.setdefault(_class_of(parts, archive), []).append(member._replace(name="/".join(parts)))
            else:
                _check_no_tar(member, archive)
                others.setdefault("/".join(parts[:-1]), {})[parts[-1]] = tar.head(archive, member, HEAD)
    return _Found(classes, sum(map(len, others.values())), _lost(classes, others) if others else [])


def _lost(classes: dict[str, list[Member]], others: dict[str, dict[str, bytes]]) -> list[str]:
    pictures: dict[str, list[str]] = {}
    for member in (each for members in classes.values() for each in members):
        folder, _, file = member.name.rpartition("/")
        pictures.setdefault(folder, []).append(file)
    return [
        f"{folder}/{file}"
        for folder, files in others.items()
        for file in picture_files.lost(pictures.get(folder, []), files)
    ]


def _within_split(name: str, archive: Archive) -> list[str]:
    """The parts of a name without the folder `train` (or as the tar is called) that all may lie in."""
    parts = name.split("/")
    if parts[0] == tar_files.stem(Path(archive.name).name) and len(parts) != 2:
        return parts[1:] or ["."]
    return parts


def _class_of(parts: list[str], archive: Archive) -> str:
    if len(parts) < 2:
        raise DataError(
            f"{archive.name}: {'/'.join(parts)!r} lies in no class folder. Wanted <class>/*.jpg in the tar: pack it "
            "with tar --create --file train.tar --directory train ."
        )
    return parts[0]


def _check_no_tar(member: Member, archive: Archive) -> None:
    if tar_files.stem(member.name):
        raise DataError(
            f"{archive.name}: {member.name!r} is a tar itself. Wanted <class>/*.jpg in it; only "
            "ILSVRC2012_img_train.tar is a tar of tars."
        )


def _entries(split: str, path: str, classes: dict[str, list[Member]], called: dict[str, str]) -> list[Entry]:
    """Args:
    called: What each class is called in the tar; in the order of the labels.
    """
    return [
        Entry(f"{split}/{name}/{member.name.partition('/')[2]}", path, label, member.offset, member.size)
        for label, (name, there) in enumerate(called.items(), start=1)
        for member in classes.pop(there)  # Gone as it goes: of a million there is then one list and not two.
    ]
