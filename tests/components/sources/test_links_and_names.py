"""Links that lead nowhere, and classes whose names differ in nearly nothing."""

import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from components.data_error import DataError
from components.sources import class_names, detect, picture_files
from tests.components.sources.tars import pack

SAMPLE = Path(__file__).parents[3] / "data" / "sample"


def folders(root: Path, *classes: str) -> Path:
    source = sorted((SAMPLE / "train").iterdir())[0]
    for split in ("train", "eval"):
        for name in classes:
            (root / split / name).mkdir(parents=True)
            for picture in sorted(source.iterdir())[:2]:
                shutil.copy(picture, root / split / name)
    return root


def test_a_picture_that_is_a_link_to_itself_is_left_to_be_refused_by_name(tmp_path):
    root = folders(tmp_path, "ant", "bee")
    os.symlink("round.jpg", root / "train" / "ant" / "round.jpg")
    os.symlink("round", root / "train" / "ant" / "round")
    source = detect.scan(str(root))
    assert [entry.name for entry in source.splits["train"] if "round" in entry.name] == ["train/ant/round.jpg"]
    assert source.lost == ["train/ant/round"]


def test_a_class_that_is_a_link_to_itself_is_named(tmp_path):
    root = folders(tmp_path, "ant", "bee")
    os.symlink("cat", root / "train" / "cat")
    with pytest.raises(DataError, match=r"train/cat is a link that leads round in a circle. Remove it."):
        detect.scan(str(root))


def test_classes_that_differ_in_case_only_are_noted(tmp_path):
    source = detect.scan(str(folders(tmp_path, "Dog", "dog", "bee")))
    assert len(source.categories) == 3
    [note] = source.notes
    assert note.startswith("The classes 'Dog' and 'dog'")


def test_composition_compatible_forms_and_case_are_likeness_and_nothing_else_is():
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    assert len(class_names.alike([composed, decomposed])) == 1
    assert len(class_names.alike(["ﬁsh", "FISH", "Fish"])) == 2
    assert class_names.alike(["ant", "bee", "cafe", "café"]) == []


def test_a_pipe_is_never_opened_for_its_first_bytes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert picture_files.within(str(tmp_path), [str(tmp_path)]).others == ["pipe"]


@pytest.mark.parametrize("zeros", [0, 1 << 20, 5 << 20])
def test_a_second_tar_is_seen_however_many_zeros_lie_before_it(tmp_path, zeros):
    one = pack([("ant/1.jpg", b"x")])
    (tmp_path / "train.tar").write_bytes(one + bytes(zeros) + one)
    (tmp_path / "val.tar").write_bytes(one + bytes(zeros))
    with pytest.raises(DataError, match=r"train.tar: more follows after its end"):
        detect.scan(str(tmp_path))
