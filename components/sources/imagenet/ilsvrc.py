"""ILSVRC2012 as it is distributed: a tar of 1000 tars to train on, a tar to validate on, and the labels of that apart.

Nothing is unpacked: a picture in a tar in a tar is so many bytes from some place on of the outer file.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from components.containers import tar as tar_index
from components.containers.tar import Archive, Member
from components.data_error import DataError
from components.sources import picture_files, tar_files
from components.sources.class_choice import ALL, Choice
from components.sources.classes import WNID, categories, check_filled, listed, wnid_of
from components.sources.folders import BOTH
from components.sources.imagenet.ground_truth import GroundTruth
from components.sources.source import Entry, Source
from trainer import imagenet

STEMS = {imagenet.TRAIN: ("ILSVRC2012_img_train",), imagenet.EVAL: ("ILSVRC2012_img_val",)}
_EVAL_NAME = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")


def paths(root: str, splits: Sequence[str] = BOTH) -> dict[str, str]:
    """The tar of each split.

    Raises:
        DataError: one is missing, or there are two for a split.
    """
    return tar_files.of_splits(Path(root), {split: STEMS[split] for split in splits})


def scan(root: str, truth: GroundTruth | None, *, splits: Sequence[str] = BOTH, choice: Choice = ALL) -> Source:
    """Lists the pictures in both tars by their headers. The sorted wnids get the labels 1…N.

    Args:
        truth: What labels the validation pictures; None where `splits` is train alone.
        choice: Of the classes.

    Raises:
        DataError: no such tars, one that is damaged, compressed or unsafe or holds what it should not; classes that
            differ between tar and ground truth; or not as many labels as pictures.
    """
    tars = paths(root, splits)
    with tar_index.opened(tars[imagenet.TRAIN]) as archive:
        inner = _class_tars(archive)
        wnids = choice.pick(root, sorted(inner))
        if truth:
            _check_classes(set(wnids), truth, tars[imagenet.TRAIN], choice)
        train, ignored = _train(archive, tars[imagenet.TRAIN], [inner[wnid] for wnid in wnids])
    entries = {imagenet.TRAIN: train}
    if truth:
        entries[imagenet.EVAL] = _evaluation(tars[imagenet.EVAL], truth, wnids)
    check_filled(root, wnids, entries)
    return Source(categories(wnids), entries, ignored)


def _evaluation(tar: str, truth: GroundTruth, wnids: Sequence[str]) -> list[Entry]:
    """The validation pictures of these classes."""
    with tar_index.opened(tar) as archive:
        pictures = _eval_pictures(archive)
    _check_truth(truth, pictures, tar)
    labels = {wnid: label for label, wnid in enumerate(wnids, start=1)}
    return [
        Entry(f"{imagenet.EVAL}/{wnid}/{name}", tar, labels[wnid], offset, size)
        for (name, offset, size, _), wnid in zip(pictures, truth.wnids, strict=True)
        if wnid in labels
    ]


def _class_tars(archive: Archive) -> dict[str, Member]:
    """The inner tar of each wnid."""
    inner = {}
    for member in tar_index.members(archive):
        wnid = tar_files.stem(member.name) or ""
        if member.is_folder or not WNID.fullmatch(wnid) or wnid in inner:
            raise DataError(
                f"{archive.name}: {member.name!r} is in it. Wanted one tar for each class, such as n01440764.tar, and "
                "nothing else. Tars of class folders are called train.tar and val.tar."
            )
        inner[wnid] = member
    return inner


def _check_classes(wnids: set[str], truth: GroundTruth, tar: str, choice: Choice) -> None:
    known = set(truth.wnids) if choice.takes_all else wnids & set(truth.wnids)
    if wnids == known and len(wnids) > 1:
        return
    raise DataError(
        f"{tar} has {len(wnids):,} classes and {truth.name} has {len(known):,}; wanted the same ones, two at least. "
        f"Only in the tar: {listed(sorted(wnids - known)) or '-'}. "
        f"Only in the ground truth: {listed(sorted(known - wnids)) or '-'}."
    )


def _train(outer: Archive, path: str, inner: Sequence[Member]) -> tuple[list[Entry], int]:
    """The pictures of the inner tars, in the order of their labels, and the number of other files."""
    entries, ignored = [], 0
    for label, tar in enumerate(inner, start=1):
        archive, wnid = outer.inner(tar), tar_files.stem(tar.name) or ""
        for member in tar_index.members(archive):
            if _is_train_picture(member, wnid, archive):
                name = f"{imagenet.TRAIN}/{wnid}/{member.name}"
                entries.append(Entry(name, path, label, member.offset, member.size))
            else:
                ignored += 1
    return entries, ignored


def _is_train_picture(member: Member, wnid: str, archive: Archive) -> bool:
    if member.is_folder or "/" in member.name or tar_files.stem(member.name):
        kind = "a tar in a tar in a tar" if tar_files.stem(member.name) else "a folder, or in one"
        raise DataError(f"{archive.name}: {member.name!r} is {kind}. Wanted one class's pictures and nothing else.")
    said = wnid_of(member.name)
    if said and said != wnid:
        raise DataError(
            f"{archive.name}: {member.name!r} says that it is of {said}, but lies with {wnid}. One of them is wrong."
        )
    return picture_files.is_named(member.name)


def _eval_pictures(archive: Archive) -> list[Member]:
    """Sorted by name, which is the order of the ground truth: without a gap, or every later label would be wrong."""
    found = sorted(tar_index.members(archive))
    for place, member in enumerate(found, start=1):
        match = _EVAL_NAME.fullmatch(member.name)
        if member.is_folder or not match or int(match[1]) != place:
            raise DataError(
                f"{archive.name}: {member.name!r} is where ILSVRC2012_val_{place:08d}.JPEG was wanted. The labels go "
                "by the pictures' order: all of them must be there, from 1 on, and nothing else."
            )
    return found


def _check_truth(truth: GroundTruth, pictures: Sequence[Member], tar: str) -> None:
    """What can be told of labels without looking at pictures.

    The real set's first labels are known, which shows a list that is shifted, shuffled or in another order; where a
    smaller set's list is, nothing shows it but training.
    """
    if len(truth.wnids) != len(pictures):
        raise DataError(
            f"{truth.name} has {len(truth.wnids):,} labels, but {tar} has {len(pictures):,} pictures. "
            "Wanted one for each: give the ground truth of this very set."
        )
    counts = Counter(truth.wnids)
    if (len(pictures), len(counts)) != (imagenet.EVAL_PICTURES, imagenet.CLASSES - 1):
        return
    if uneven := sorted(wnid for wnid, count in counts.items() if count * len(counts) != len(pictures)):
        each = len(pictures) // len(counts)
        raise DataError(f"{truth.name}: not {each} pictures of {listed(uneven)}, as ILSVRC2012 has of every class.")
    first = tuple(truth.wnids[: len(imagenet.FIRST_EVAL_WNIDS)])
    if first != imagenet.FIRST_EVAL_WNIDS:
        raise DataError(
            f"{truth.name} begins with {listed(first)}; ILSVRC2012's validation pictures begin with "
            f"{listed(imagenet.FIRST_EVAL_WNIDS)}. The labels are shifted, shuffled, or in the order of something else."
        )
