"""Files from outside: regular ones only, so many bytes, and no way out of a folder."""

import os

import pytest

from trainer import outside_file
from trainer.outside_file import OutsideFileError


def test_a_pipe_a_folder_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder"), ("/dev/zero", "a device")):
        with pytest.raises(OutsideFileError, match=f"not a file but {kind}"):
            outside_file.read(path, most=10)


def test_a_file_is_read_to_the_last_byte_that_is_allowed_and_no_further(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert outside_file.read(tmp_path / "file", most=5) == b"12345"
    with pytest.raises(OutsideFileError, match="more than 4 bytes"):
        outside_file.read(tmp_path / "file", most=4)


def test_within_a_folder_no_link_is_followed_neither_of_the_file_nor_of_a_folder_on_the_way(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "outside" / "secret")
    (inside / "folder").symlink_to(tmp_path / "outside")
    for name in ("link", "folder/secret"):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            outside_file.read(inside / name, most=10, within=inside)
    assert outside_file.read(inside / "link", most=10) == b"x"


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"9" * 5000 + b"x"])
def test_what_is_no_json_is_said_with_the_files_name(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(OutsideFileError, match=r"a\.json: no JSON"):
        outside_file.read_json(tmp_path / "a.json")
