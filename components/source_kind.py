"""Which kind of source lies in a folder: class folders, tars of class folders, or ILSVRC2012's own tars."""

from pathlib import Path
from typing import Literal, get_args

from components import archives, class_folders, class_tars, ground_truth, ilsvrc
from components.categories import listed
from components.source import DataError, Source

AUTO = "auto"
Kind = Literal["auto", "folders", "tars", "ilsvrc"]


def scan(root: str, kind: str = AUTO, truth: str | None = None) -> Source:
    """Lists the pictures of a source without opening them.

    Args:
        root: The folder of the pictures, or of the tars.
        kind: What lies there; `auto` looks.
        truth: For ilsvrc: the list or kit that labels the validation pictures; without it, what lies beside the tars.

    Raises:
        DataError: the folder holds no such source, or several of which none was named; or see the kinds' own modules.
    """
    chosen = _chosen(root, kind, truth)
    if chosen == "ilsvrc":
        return ilsvrc.scan(root, ground_truth.find(Path(root), truth))
    return class_tars.scan(root) if chosen == "tars" else class_folders.scan(root)


def fingerprint(root: str, kind: str = AUTO, truth: str | None = None) -> str:
    """What tells one state of the source from another: names, sizes and times; of ilsvrc, the labels too.

    Raises:
        DataError: as scan, as far as that shows without reading tars.
    """
    chosen = _chosen(root, kind, truth)
    if chosen == "ilsvrc":
        return archives.fingerprint(ilsvrc.paths(root), ground_truth.find(Path(root), truth).digest)
    if chosen == "tars":
        return archives.fingerprint(class_tars.paths(root))
    return class_folders.fingerprint(root)


def _chosen(root: str, kind: str, truth: str | None) -> str:
    if kind not in get_args(Kind):
        raise DataError(f"the source is {kind!r}; wanted {', '.join(get_args(Kind))}.")
    chosen = detect(root) if kind == AUTO else kind
    if truth and chosen != "ilsvrc":
        raise DataError(
            f"--ground-truth {truth} is for ILSVRC2012's own tars; {root} is taken for {chosen}, which tell the labels "
            "themselves. Leave it out, or give --source ilsvrc."
        )
    return chosen


def detect(root: str) -> str:
    """By the names of files and folders. Where there is nothing of the kind it is `folders`, whose error says what may.

    Raises:
        DataError: there are several kinds.
    """
    folder = Path(root)
    if not folder.is_dir():
        return "folders"
    splits = [name for names in class_tars.STEMS.values() for name in names]
    found = {
        "folders": [f"{name}/" for name in splits if (folder / name).is_dir()],
        "tars": archives.found(folder, splits),
        "ilsvrc": archives.found(folder, [name for names in ilsvrc.STEMS.values() for name in names]),
    }
    kinds = [kind for kind, there in found.items() if there]
    if len(kinds) > 1:
        what = "; ".join(f"{kind} ({listed(found[kind])})" for kind in kinds)
        raise DataError(f"{root} holds several sources: {what}. Say which to take: --source {' or '.join(kinds)}.")
    return kinds[0] if kinds else "folders"
