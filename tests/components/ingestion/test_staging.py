"""An ingestion's own folder: no other touches it, killed ones' are swept, and a failed one leaves nothing."""

import contextlib
import errno
import fcntl
import resource
import shutil
from pathlib import Path

import pytest

from components.data_error import DataError
from components.ingestion import staging
from components.ingestion.ingest import ingest
from pipeline.ingest.request import Request
from pipeline.ingest.request import ingest as ingest_whole
from pipeline.terminal.progress import Follower


class Silent(Follower):
    """Follows nothing."""

    def __init__(self) -> None:
        pass

    def start(self, node: str) -> None:
        pass

    finish = start


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_at_once_into_one_artifact_do_not_mix_the_second_refuses_and_the_first_goes_on(class_folders, tmp_path):
    with staging.fresh(tmp_path / "out") as first:
        (first / "mine").touch()
        with pytest.raises(DataError, match=r"Another ingestion into .*/out is at work. Wait until it is done"):
            ingest(str(class_folders), str(tmp_path / "out"))
        assert names(first) == ["mine"]
    ingest(str(class_folders), str(tmp_path / "out"))


def test_two_commands_at_once_into_one_output_do_not_mix_either(class_folders, tmp_path):
    out = tmp_path / "out"
    with staging.whole(out) as first:
        first.mkdir()
        (first / "mine").touch()
        with pytest.raises(DataError, match=r"Another ingestion into .*out.writing is at work"):
            ingest_whole(Request(data=class_folders, output=out), follower=Silent())
        assert names(first) == ["mine"]
    assert names(out) == ["mine"]


def test_into_other_folders_side_by_side_both_go_on(class_folders, tmp_path):
    with staging.whole(tmp_path / "one") as first:
        ingest_whole(Request(data=class_folders, output=tmp_path / "two"), follower=Silent())
        first.mkdir()
    assert names(tmp_path / "two") == ["Split-eval", "Split-train", "ingestion_report.json", "labels.txt"]


def test_what_killed_ones_left_is_swept_by_the_next(class_folders, tmp_path):
    left = tmp_path / "out" / ".ingesting-killed" / "Split-train"
    left.mkdir(parents=True)
    (left / "data_tfrecord-00000-of-00001").write_bytes(b"half")
    ingest(str(class_folders), str(tmp_path / "out"))
    assert names(tmp_path / "out") == ["Split-eval", "Split-train", "ingestion_report.json", "labels.txt"]


def test_a_command_takes_nothing_over_from_a_killed_one_that_was_as_good_as_done(class_folders, tmp_path):
    made = tmp_path / "out.writing" / "made"
    ingest(str(class_folders), str(made))
    (class_folders / "train" / "ant" / "ant_0.jpg").unlink()
    ingest_whole(Request(data=class_folders, output=tmp_path / "out"), follower=Silent())
    assert '"pictures": 23' in (tmp_path / "out" / "ingestion_report.json").read_text()
    assert not (tmp_path / "out.writing").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_users_own_out_writing_survives_a_command(class_folders, tmp_path, kind):
    mine = tmp_path / "out.writing" if kind == "file" else tmp_path / "out.writing" / "made"
    mine.parent.mkdir(exist_ok=True)
    for file in (mine, mine.with_name("notes")):
        file.write_text("mine")
    ingest_whole(Request(data=class_folders, output=tmp_path / "out"), follower=Silent())
    assert [file.read_text() for file in (mine, mine.with_name("notes"))] == ["mine", "mine"]
    assert names(tmp_path / "out") == ["Split-eval", "Split-train", "ingestion_report.json", "labels.txt"]
    assert not (tmp_path / "out.1.writing").exists()


def test_a_finished_one_is_refused_before_any_work(class_folders, tmp_path, monkeypatch):
    ingest(str(class_folders), str(tmp_path / "out"))
    monkeypatch.setattr("components.ingestion.shards.plan", lambda *_, **__: pytest.fail("it began to work"))
    with pytest.raises(DataError, match="already holds a finished ingestion"):
        ingest(str(class_folders), str(tmp_path / "out"))


def test_on_a_file_system_without_locks_it_works_without(class_folders, tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    left = tmp_path / "out" / ".ingesting-whose"
    left.mkdir(parents=True)
    ingest(str(class_folders), str(tmp_path / "out"))
    assert left.exists()  # It may be another's, who is at work.


@pytest.mark.parametrize("whole", [False, True], ids=["component", "command"])
def test_a_file_that_may_not_grow_is_a_clear_error_and_leaves_nothing(class_folders, tmp_path, whole):
    """The system's own error in the middle of a shard, as of a full disk."""
    out = tmp_path / "out"
    for index in range(300):
        shutil.copy(class_folders / "train" / "ant" / "ant_1.jpg", class_folders / "train" / "cow" / f"{index}.jpg")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    try:
        with pytest.raises(DataError, match=r"Cannot write data_tfrecord-.*: File too large \(.* MB free\).*nothing"):
            if whole:
                ingest_whole(Request(data=class_folders, output=out), follower=Silent())
            else:
                ingest(str(class_folders), str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with contextlib.suppress(FileNotFoundError):
        out.rmdir()  # Empty where it is the component's.
    assert names(tmp_path) == ["pictures"]
