"""A picture called after one wnid in the folder of another has the wrong label."""

import shutil

import pytest

from components.data_error import DataError
from components.ingestion.ingest import ingest
from tests.components.sources import small_ilsvrc


@pytest.fixture
def folders(tmp_path):
    return small_ilsvrc.folders(tmp_path / "pictures")


def test_it_fails_naming_the_picture_before_any_work(folders, tmp_path):
    one, other = sorted((folders / "train").iterdir())[:2]
    moved = sorted(one.iterdir())[0]
    shutil.move(moved, other / moved.name)
    message = rf"1 pictures lie with another class than their names say: train/{other.name}/{moved.name}\. Their labels"
    with pytest.raises(DataError, match=message):
        ingest(str(folders), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_names_that_say_nothing_of_a_class_are_no_contradiction(folders, tmp_path):
    one = sorted((folders / "train").iterdir())[0]
    shutil.move(sorted(one.iterdir())[0], one / "n1_picture.JPEG")
    assert ingest(str(folders), str(tmp_path / "out"))["splits"]["train"]["pictures"] == 30
