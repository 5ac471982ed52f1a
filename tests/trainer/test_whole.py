"""A folder is there with all its files, or not at all."""

import pytest

from trainer.whole import whole_folder


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
