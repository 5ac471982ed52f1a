"""Lays Fashion-MNIST out as class folders of JPEGs: OUTPUT/train/<class>/00012.jpg, OUTPUT/eval/<class>/00012.jpg.

A file's number is its picture's place in the original file. The pictures are taken in that order, as many of each class
as asked for, and become three-channel JPEGs, as ImageNet's are. OUTPUT appears whole or not at all.

    python data/make_fashion_mnist.py --output data/sample --per-class-train 200 --per-class-eval 50
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

CLASSES = (  # In the order of Fashion-MNIST's labels 0…9.
    "t_shirt_top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle_boot",
)
SIDE = 28  # Pixels.
QUALITY = 92
SPLITS = {"train": "train", "eval": "t10k"}  # Our name of the split: the original files' prefix.
# Of the uncompressed files: Debian compresses them anew, so its .gz are not the bytes of the public ones.
SHA256 = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
DEBIAN_PACKAGE = "dataset-fashion-mnist"
PUBLIC_LOCATION = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
LICENSE = """\
The MIT License (MIT) Copyright © 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


class SourceError(ValueError):
    """A source file is missing or is not what Fashion-MNIST distributes."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    per_class = {"train": arguments.per_class_train, "eval": arguments.per_class_eval}
    try:
        with tempfile.TemporaryDirectory(prefix="fashion-mnist-") as scratch:
            source = arguments.source or obtain(Path(scratch))
            lay_out(source=source, output=arguments.output, per_class=per_class)
    except (SourceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def lay_out(*, source: Path, output: Path, per_class: dict[str, int | None], sha256: dict[str, str] = SHA256) -> None:
    """Writes both splits of the four files in `source` to `output`, which must not exist yet.

    Args:
      per_class: pictures of each class, by split; None takes all.
      sha256: of each file's uncompressed content.
    """
    if output.exists():
        raise FileExistsError(f"{output} exists already: remove it, or give another --output")
    splits = {split: _read_split(source, prefix=prefix, sha256=sha256) for split, prefix in SPLITS.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}-"))
    try:
        (beside / "LICENSE").write_text(LICENSE, encoding="utf-8")
        for split, (pictures, labels) in splits.items():
            _write_split(beside / split, pictures=pictures, labels=labels, per_class=per_class[split])
        beside.chmod(0o755)  # mkdtemp's folders are their owner's alone.
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def obtain(scratch: Path) -> Path:
    """The folder with the four files: from Debian's package where there is apt, else from the public location.

    Raises:
      SourceError: neither could be had.
    """
    faults = []
    for way in (_from_debian, _from_public_location):
        try:
            return way(scratch)
        except (OSError, subprocess.CalledProcessError) as error:
            faults.append(f"{way.__name__.removeprefix('_').replace('_', ' ')}: {error}")
    raise SourceError(
        f"could not get Fashion-MNIST ({'; '.join(faults)}). "
        f"Put {', '.join(SHA256)} into a folder yourself and give it as --source."
    )


def _from_debian(scratch: Path) -> Path:
    """`apt-get download` and `dpkg -x` need no root."""
    subprocess.run(["apt-get", "download", DEBIAN_PACKAGE], cwd=scratch, check=True, capture_output=True)
    package = next(scratch.glob(f"{DEBIAN_PACKAGE}_*.deb"))
    subprocess.run(["dpkg", "-x", package, scratch], check=True, capture_output=True)
    return scratch / "usr/share/datasets/fashion-mnist"


def _from_public_location(scratch: Path) -> Path:
    for name in SHA256:
        with urllib.request.urlopen(PUBLIC_LOCATION + name, timeout=60) as answer, (scratch / name).open("wb") as file:
            shutil.copyfileobj(answer, file)
    return scratch


def _read_split(source: Path, *, prefix: str, sha256: dict[str, str]) -> tuple[list[bytes], bytes]:
    """The pictures, SIDE * SIDE grey bytes each, and their labels 0…9."""
    images, labels = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
    pixels = _read_idx(source / images, magic=0x803, item=(SIDE, SIDE), sha256=sha256[images])
    classes = _read_idx(source / labels, magic=0x801, item=(), sha256=sha256[labels])
    size = SIDE * SIDE
    pictures = [pixels[start : start + size] for start in range(0, len(pixels), size)]
    if len(pictures) != len(classes):
        raise SourceError(f"{source / labels}: has {len(classes)} labels for the {len(pictures)} pictures of {images}")
    if max(classes, default=0) >= len(CLASSES):
        raise SourceError(f"{source / labels}: has a label {max(classes)}, wanted 0…{len(CLASSES) - 1}")
    return pictures, classes


def _read_idx(path: Path, *, magic: int, item: tuple[int, ...], sha256: str) -> bytes:
    """The values of an idx file of unsigned bytes: big-endian magic, number of items, shape of one; then the values."""
    content = _unpacked(path)
    header = struct.Struct(f">{2 + len(item)}I")
    if len(content) < header.size:
        raise SourceError(f"{path}: got {len(content)} bytes, wanted a header of {header.size}")
    found, count, *shape = header.unpack_from(content)
    if (found, *shape) != (magic, *item):
        raise SourceError(f"{path}: got magic {found:#x} and items {tuple(shape)}, wanted {magic:#x} and {item}")
    size = SIDE ** len(item)
    if len(content) != header.size + count * size:
        raise SourceError(f"{path}: got {len(content)} bytes, wanted {header.size + count * size} for {count} items")
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise SourceError(f"{path}: its content has SHA-256 {digest}, wanted {sha256}: get the file again")
    return content[header.size :]


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file. The folder must hold {', '.join(SHA256)}.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path}: is not a whole gzip file ({error}): get it again") from None


def _write_split(folder: Path, *, pictures: list[bytes], labels: bytes, per_class: int | None) -> None:
    chosen = _choose(labels, per_class=per_class)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    columns = (TextColumn("{task.description:5}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        for index in progress.track(chosen, description=folder.name):
            picture = Image.frombytes("L", (SIDE, SIDE), pictures[index]).convert("RGB")
            picture.save(folder / CLASSES[labels[index]] / f"{index:05}.jpg", quality=QUALITY)


def _choose(labels: bytes, *, per_class: int | None) -> list[int]:
    """The first `per_class` indices of each class, in the order of the file."""
    indices = {label: [i for i, found in enumerate(labels) if found == label] for label in range(len(CLASSES))}
    for label, found in indices.items():
        if per_class is not None and len(found) < per_class:
            raise SourceError(f"{CLASSES[label]}: asked for {per_class} pictures, there are {len(found)}")
    return sorted(index for found in indices.values() for index in found[:per_class])


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Lays Fashion-MNIST out as class folders of JPEGs.")
    parser.add_argument("--source", type=Path, help="folder with the four .gz files; by default they are fetched")
    parser.add_argument("--output", type=Path, required=True, help="folder to make; must not exist yet")
    for split in SPLITS:
        parser.add_argument(
            f"--per-class-{split}", type=_count, metavar="N", help=f"{split}: pictures of each class; all if left out"
        )
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted a whole number from 1 on; leave it out to take all")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
