"""A small ILSVRC2012 out of the bundled pictures: as class folders, as tars of them, and as its own tars and kit."""

import gzip
import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import scipy.io

from tests.components.sources.tars import pack, pictures

SAMPLE = Path(__file__).parents[3] / "data" / "sample"
WNIDS = [f"n{number:08d}" for number in (1440764, 1443537, 2085620, 3594734, 4493381)]
IDS = dict(zip(WNIDS, (3, 1, 5, 4, 2), strict=True))  # Of the kit: in no order that the wnids are in.
PER_CLASS = {"train": 6, "eval": 4}


def folders(root: Path) -> Path:
    """train/<wnid>/<wnid>_<n>.JPEG and eval/<wnid>/ILSVRC2012_val_<n>.JPEG, the latter dealt at random."""
    classes = sorted(path.name for path in (SAMPLE / "train").iterdir())
    dealt = [wnid for wnid in WNIDS for _ in range(PER_CLASS["eval"])]
    random.Random(7).shuffle(dealt)
    numbers = {wnid: [n for n, each in enumerate(dealt, start=1) if each == wnid] for wnid in WNIDS}
    for wnid, name in zip(WNIDS, classes, strict=False):
        for split, count in PER_CLASS.items():
            (root / split / wnid).mkdir(parents=True)
            for place, source in enumerate(sorted((SAMPLE / split / name).iterdir())[:count]):
                number = place if split == "train" else numbers[wnid][place]
                file = f"{wnid}_{number}.JPEG" if split == "train" else f"ILSVRC2012_val_{number:08d}.JPEG"
                (root / split / wnid / file).write_bytes(source.read_bytes())
    return root


def class_tars(source: Path, root: Path) -> Path:
    """train.tar and val.tar of class folders."""
    root.mkdir()
    (root / "train.tar").write_bytes(pack(pictures(source / "train")))
    (root / "val.tar").write_bytes(pack([(f"./{name}", data) for name, data in pictures(source / "eval")]))
    return root


def ilsvrc_tars(source: Path, root: Path) -> Path:
    """ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, without what labels the latter."""
    root.mkdir()
    inner = [
        (f"{wnid}.tar", pack([(path.name, path.read_bytes()) for path in sorted((source / "train" / wnid).iterdir())]))
        for wnid in reversed(WNIDS)  # In no order, as there.
    ]
    (root / "ILSVRC2012_img_train.tar").write_bytes(pack(inner))
    flat = [(name.split("/")[1], data) for name, data in pictures(source / "eval")]
    (root / "ILSVRC2012_img_val.tar").write_bytes(pack(flat))
    return root


def truth(source: Path) -> list[str]:
    """The wnids of the validation pictures in the order of their names."""
    return [path.parent.name for path in sorted((source / "eval").glob("*/*"), key=lambda path: path.name)]


def write_list(source: Path, path: Path) -> Path:
    """As TF-Slim has it."""
    path.write_text("\n".join(truth(source)) + "\n")
    return path


def meta(ids: Mapping[str, int], *, compressed: bool = True) -> bytes:
    """meta.mat, with two words above the classes as in the real one, written by scipy."""
    fields = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children"]
    rows = [(number, wnid, "a, b", "a gloss", 0) for wnid, number in sorted(ids.items(), key=lambda pair: pair[1])]
    rows += [(len(ids) + 1, "n00001740", "entity", "", 2), (len(ids) + 2, "n00001930", "thing", "", len(ids))]
    table = np.array([[row] for row in rows], dtype=[(field, object) for field in fields])
    out = io.BytesIO()
    scipy.io.savemat(out, {"synsets": table, "other": np.zeros(3)}, do_compression=compressed)
    return out.getvalue()


def kit(source: Path, path: Path) -> Path:
    """The kit's .tar.gz where the path ends so, else its folder."""
    numbers = "\n".join(str(IDS[wnid]) for wnid in truth(source)) + "\n"
    files = {"readme.txt": b"x", "data/meta.mat": meta(IDS), "data/ILSVRC2012_validation_ground_truth.txt": numbers}
    contents: Sequence[tuple[str, bytes]] = [
        (name, data.encode() if isinstance(data, str) else data) for name, data in files.items()
    ]
    if path.name.endswith(".tar.gz"):
        path.write_bytes(gzip.compress(pack([(f"ILSVRC2012_devkit_t12/{name}", data) for name, data in contents])))
        return path
    for name, data in contents:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path
