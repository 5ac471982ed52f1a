"""A folder is there with all its files, or not at all."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

import pytest

from trainer.whole import move, output_folder, whole_folder, write_file


def test_the_folder_takes_its_name_at_the_end(tmp_path):
    with whole_folder(tmp_path / "parent" / "out") as folder:
        (folder / "file").write_text("x")
        assert [path.name for path in (tmp_path / "parent").iterdir()] == ["out.writing"]
    assert [path.name for path in (tmp_path / "parent").iterdir()] == ["out"]
    assert (tmp_path / "parent" / "out" / "file").read_text() == "x"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_nothing_is_left(tmp_path, error):
    with pytest.raises(error), whole_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("first")
    with pytest.raises(OSError, match="not empty"), whole_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("second")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "file").read_text() == "first"


def test_what_a_killed_run_left_is_replaced(tmp_path):
    left = tmp_path / "model.writing"
    left.mkdir()
    (left / "half").touch()
    with whole_folder(tmp_path / "model") as beside:
        (beside / "file").touch()
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["file"]


def _model(folder: Path) -> Path:
    for name in ("saved_model.pb", "fingerprint.pb", "variables/variables.index", "assets/labels.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def test_where_folders_cannot_be_renamed_the_files_move_one_by_one_and_saved_model_pb_last(tmp_path, bucket):
    move(_model(tmp_path / "source"), tmp_path / "target")
    assert bucket == ["labels.txt", "variables.index", "fingerprint.pb", "saved_model.pb"]
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target" / "variables" / "variables.index").read_text() == "variables/variables.index"


def test_a_whole_folder_appears_on_a_bucket_too(tmp_path, bucket):
    with whole_folder(tmp_path / "out") as folder:
        _model(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(bucket) == 4


def test_on_a_bucket_what_is_there_already_is_kept(tmp_path, bucket):
    _model(tmp_path / "out")
    (tmp_path / "out" / "saved_model.pb").write_text("first")
    with pytest.raises(OSError, match="File exists"), whole_folder(tmp_path / "out") as folder:
        _model(folder)
    assert (bucket, (tmp_path / "out" / "saved_model.pb").read_text()) == ([], "first")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_move_that_breaks_off_puts_the_files_back(tmp_path, bucket, monkeypatch):
    source, moving = _model(tmp_path / "source"), shutil.move

    def full(old, new):
        if old.name == "saved_model.pb":
            raise OSError(errno.ENOSPC, "no space left")
        moving(old, new)

    monkeypatch.setattr(shutil, "move", full)
    with pytest.raises(OSError, match="no space left"):
        move(source, tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert len([path for path in source.rglob("*") if path.is_file()]) == 4


def test_other_errors_of_a_rename_are_not_worked_around(tmp_path):
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "missing", tmp_path / "target")


def _neighbours(target: Path) -> dict[str, str]:
    """A user's files and folders of the names that a program might take for its own."""
    names = [f"{target.name}.{end}" for end in ("writing", "importing", "log", "part", "tmp", os.getpid())]
    for name in (*names, *(f".{name}" for name in names)):
        (target.parent / name).mkdir()
        (target.parent / name / "mine").write_text(name)
    return {path.parent.name: path.read_text() for path in target.parent.rglob("mine")}


@pytest.mark.parametrize("outcome", ["whole", "failed"])
def test_a_users_files_beside_an_output_folder_survive_whatever_their_names(tmp_path, outcome):
    before = _neighbours(tmp_path / "out")
    with contextlib.suppress(KeyError), output_folder(tmp_path / "out") as folder:
        folder.mkdir()
        if outcome == "failed":
            raise KeyError
    assert {path.parent.name: path.read_text() for path in tmp_path.rglob("mine")} == before
    assert {path.name for path in tmp_path.iterdir()} == before.keys() | ({"out"} if outcome == "whole" else set())


def test_a_users_files_beside_an_output_file_survive_and_the_file_is_for_all_to_read(tmp_path):
    before = _neighbours(tmp_path / "out")
    write_file(tmp_path / "out", b"new")
    assert {path.parent.name: path.read_text() for path in tmp_path.rglob("mine")} == before
    assert {path.name for path in tmp_path.iterdir()} == before.keys() | {"out"}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o644


def test_an_output_folder_has_the_rights_of_any_other_folder(tmp_path):
    (tmp_path / "other").mkdir()
    with output_folder(tmp_path / "out") as folder:
        folder.mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode
