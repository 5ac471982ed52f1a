"""The bundled pictures are what data/README.md says of them."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
CLASSES = {
    "ankle_boot", "bag", "coat", "dress", "pullover", "sandal", "shirt", "sneaker", "t_shirt_top", "trouser",
}  # fmt: skip
PICTURES = sorted(SAMPLE.rglob("*.jpg"))


@pytest.mark.parametrize(("split", "count"), [("train", 200), ("eval", 50)])
def test_every_class_has_the_same_number_of_pictures(split, count):
    found = {folder.name: len(list(folder.iterdir())) for folder in (SAMPLE / split).iterdir()}
    assert found == dict.fromkeys(CLASSES, count)


def test_every_picture_is_a_whole_28_by_28_three_channel_jpeg():
    kinds = set()
    for path in PICTURES:
        with Image.open(path) as picture:
            picture.load()
            kinds.add((picture.format, picture.mode, picture.size))
    assert kinds == {("JPEG", "RGB", (28, 28))}


def test_no_picture_is_there_twice():
    assert len({path.read_bytes() for path in PICTURES}) == len(PICTURES) == 2500


def test_all_of_it_takes_under_4_megabytes():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 4_000_000


def test_the_pictures_are_byte_for_byte_those_that_the_script_made():
    """Numbers in README.md hold for these bytes only. Changed on purpose: make them anew as data/README.md says."""
    digest = hashlib.sha256()
    for path in PICTURES:
        digest.update(path.relative_to(SAMPLE).as_posix().encode() + b"\0" + path.read_bytes())
    assert digest.hexdigest() == "ff20cac5eb30b11b08fc05c7cc66932cc588acaf1a172cc9e618cca14ef908c1"


def test_the_licence_of_the_pictures_lies_beside_them():
    text = (SAMPLE / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("The MIT License (MIT) Copyright © 2017 Zalando SE")
