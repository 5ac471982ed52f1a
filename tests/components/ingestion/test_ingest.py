import contextlib
import errno
import io
import json
import logging
import os
import shutil
import subprocess
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.data_error import DataError
from components.ingestion import ingest as ingestion
from components.ingestion import shards
from components.ingestion.counts import allowed_refusals
from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from trainer import imagenet

FINISHED = {"Split-train", "Split-eval", "labels.txt", "ingestion_report.json"}
KEYS = {
    imagenet.ENCODED: tf.io.FixedLenFeature([], tf.string),
    imagenet.LABEL: tf.io.FixedLenFeature([], tf.int64),
    imagenet.HEIGHT: tf.io.FixedLenFeature([], tf.int64),
    imagenet.WIDTH: tf.io.FixedLenFeature([], tf.int64),
    imagenet.CHANNELS: tf.io.FixedLenFeature([], tf.int64),
    imagenet.COLORSPACE: tf.io.FixedLenFeature([], tf.string),
    imagenet.FORMAT: tf.io.FixedLenFeature([], tf.string),
    imagenet.FILENAME: tf.io.FixedLenFeature([], tf.string),
    imagenet.SYNSET: tf.io.FixedLenFeature([], tf.string),
    imagenet.TEXT: tf.io.FixedLenFeature([], tf.string),
    imagenet.BBOX_XMIN: tf.io.VarLenFeature(tf.float32),
    imagenet.BBOX_YMAX: tf.io.VarLenFeature(tf.float32),
    imagenet.BBOX_LABEL: tf.io.VarLenFeature(tf.int64),
}


def read(out: Path, split: str) -> list[dict]:
    """Every example of a split, read by TensorFlow (which checks the records' checksums), in order."""
    files = sorted(str(path) for path in (out / f"Split-{split}").iterdir())
    return [
        {
            key: getattr(value, "numpy", lambda: None)()
            for key, value in tf.io.parse_single_example(record, KEYS).items()
        }
        for record in tf.data.TFRecordDataset(files)
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_picture_comes_back_with_the_reference_s_keys(class_folders, tmp_path):
    ingest(str(class_folders), str(tmp_path / "out"), pictures_per_shard=10)
    examples = read(tmp_path / "out", "train")
    assert len(examples) == 24
    for example in examples:
        name = example[imagenet.FILENAME].decode()
        label = {"ant": 1, "bee_fly": 2, "cow": 3}[name.rpartition("_")[0]]
        folder = ["ant", "bee_fly", "cow"][label - 1]
        assert example[imagenet.ENCODED] == (class_folders / "train" / folder / name).read_bytes()
        assert example[imagenet.LABEL] == label
        assert example[imagenet.SYNSET].decode() == folder
        assert example[imagenet.TEXT].decode() == folder.replace("_", " ")
        assert [example[key] for key in (imagenet.HEIGHT, imagenet.WIDTH, imagenet.CHANNELS)] == [16, 16, 3]
        assert (example[imagenet.COLORSPACE], example[imagenet.FORMAT]) == (b"RGB", b"JPEG")


def test_labels_and_report_lie_at_the_root_beside_the_shards(class_folders, tmp_path):
    out = tmp_path / "out"
    report = ingest(str(class_folders), str(out), pictures_per_shard=10)
    assert {path.name for path in out.iterdir()} == FINISHED
    assert (out / "labels.txt").read_text() == "background\nant\nbee_fly\ncow\n"
    assert json.loads((out / "ingestion_report.json").read_text()) == {"format": 1, **report}
    assert sorted(path.name for path in (out / "Split-train").iterdir()) == [
        f"data_tfrecord-0000{index}-of-00003" for index in range(3)
    ]
    assert report["classes"] == 3
    assert report["bytes"] == sum(path.stat().st_size for path in out.glob("Split-*/*"))
    assert report["splits"]["eval"] | {"per_class": None} == {
        "bytes": sum(path.stat().st_size for path in out.glob("Split-eval/*")),
        "pictures": 12, "taken": 12, "converted": 0, "refused": 0, "grey": 0, "oriented": 0,
        "converted_by_reason": {}, "refused_by_reason": {}, "per_class": None,
        "imbalance": {"largest": "ant", "smallest": "ant", "ratio": 1.0},
    }  # fmt: skip
    assert report["splits"]["eval"]["per_class"] == {"ant": 4, "bee_fly": 4, "cow": 4}


def test_odd_pictures_are_taken_converted_or_refused_by_name_and_reason(class_folders, tmp_path, picture_bytes):
    ant = class_folders / "train" / "ant"
    odd = {
        "text.jpg": b"not a picture at all",
        "truncated.jpg": picture_bytes(1)[:-200],
        "empty.JPEG": b"",
        "cmyk.jpg": picture_bytes(2, mode="CMYK"),
        "png_named.jpg": picture_bytes(3, kind="PNG"),
        "grey.jpg": picture_bytes(4, mode="L"),
        "one_pixel.jpg": picture_bytes(5, size=1),
    }
    for name, data in odd.items():
        (ant / name).write_bytes(data)
    (ant / "gone.jpg").symlink_to(ant / "nothing.jpg")
    os.mkfifo(ant / "pipe.jpg")
    report = ingest(str(class_folders), str(tmp_path / "out"), rules=Rules(max_refused=0.2))
    assert report["refused"] == [
        {"name": "train/ant/empty.JPEG", "reason": "empty file"},
        {"name": "train/ant/gone.jpg", "reason": "cannot be read: No such file or directory"},
        {"name": "train/ant/pipe.jpg", "reason": "not a file"},
        {"name": "train/ant/text.jpg", "reason": report["refused"][3]["reason"]},
        {"name": "train/ant/truncated.jpg", "reason": "truncated JPEG: it ends before its first scan"},
    ]
    assert report["refused"][3]["reason"].startswith("not a picture: starts with b'not a pictur'")
    assert report["converted"] == [
        {"name": "train/ant/cmyk.jpg", "reason": "CMYK to RGB"},
        {"name": "train/ant/png_named.jpg", "reason": "PNG to JPEG"},
    ]
    train = report["splits"]["train"]
    assert [train[key] for key in ("pictures", "taken", "converted", "refused", "grey")] == [28, 26, 2, 5, 1]
    assert train["refused_by_reason"] == {
        "cannot be read": 1, "empty file": 1, "not a file": 1, "not a picture": 1, "truncated JPEG": 1,
    }  # fmt: skip
    written = {example[imagenet.FILENAME].decode(): example for example in read(tmp_path / "out", "train")}
    assert set(odd) & set(written) == {"cmyk.jpg", "png_named.jpg", "grey.jpg", "one_pixel.jpg"}
    assert written["grey.jpg"][imagenet.ENCODED] == odd["grey.jpg"]
    assert written["one_pixel.jpg"][imagenet.HEIGHT] == 1
    pixels = np.asarray(Image.open(io.BytesIO(odd["png_named.jpg"])).convert("RGB")).astype(int)
    assert np.abs(np.asarray(Image.open(io.BytesIO(written["png_named.jpg"][imagenet.ENCODED]))) - pixels).mean() < 1


def test_too_many_refusals_fail_naming_the_first_and_leave_nothing_and_the_next_run_works(class_folders, tmp_path):
    bad = [class_folders / "train" / "ant" / f"bad_{index}.jpg" for index in range(2)]
    for path in bad:
        path.write_text("x")
    message = (
        r"2 of 38 files are no usable pictures; at most 1 may be refused. The first: train/ant/bad_0.jpg: not a pic"
    )
    with pytest.raises(DataError, match=message):
        ingest(str(class_folders), str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []
    bad[0].unlink()
    assert ingest(str(class_folders), str(tmp_path / "out"))["splits"]["train"]["refused"] == 1


def test_a_class_of_which_nothing_is_left_fails(class_folders, tmp_path):
    for path in (class_folders / "eval" / "cow").iterdir():
        path.write_text("x")
    with pytest.raises(
        DataError, match=r"no usable picture is left in eval/cow. Refused: eval/cow/cow_0.jpg: not a pic"
    ):
        ingest(str(class_folders), str(tmp_path / "out"), rules=Rules(max_refused=0.5))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("files", "share", "allowed"),
    [(12, 0.001, 1), (100, 0.001, 5), (2_500, 0.001, 10), (70_000, 0.001, 70), (1_331_167, 0.001, 1331), (1000, 0, 0)],
)
def test_a_few_refusals_are_allowed_in_a_small_set_and_none_where_none_are_asked_for(files, share, allowed):
    assert allowed_refusals(files, max_refused=share) == allowed


def test_a_share_over_one_is_an_error(class_folders, tmp_path):
    with pytest.raises(DataError, match=r"--max-refused is 5, wanted a fraction from 0 to 1"):
        ingest(str(class_folders), str(tmp_path / "out"), rules=Rules(max_refused=5))


def test_a_name_that_is_not_utf8_is_refused(class_folders, tmp_path):
    shutil.copy(class_folders / "train/ant/ant_0.jpg", os.fsencode(class_folders / "train" / "ant") + b"/caf\xe9.jpg")
    report = ingest(str(class_folders), str(tmp_path / "out"))
    assert report["refused"] == [{"name": "train/ant/caf\\udce9.jpg", "reason": "the file's name is not UTF-8"}]


def test_the_same_pictures_give_the_same_bytes_wherever_they_lie(class_folders, tmp_path):
    shutil.copytree(class_folders, tmp_path / "elsewhere")
    ingest(str(class_folders), str(tmp_path / "one"), pictures_per_shard=10)
    ingest(str(tmp_path / "elsewhere"), str(tmp_path / "two"), pictures_per_shard=10)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.e2e
def test_two_worker_processes_give_the_same_bytes_as_one(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    ingest(str(class_folders), str(tmp_path / "one"), pictures_per_shard=6)
    ingest(
        str(class_folders),
        str(tmp_path / "two"),
        pictures_per_shard=6,
        make_pipeline=lambda: beam.Pipeline(argv=options),
    )
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_file_system_without_room_is_an_error_that_names_the_folder_and_the_room(
    class_folders, tmp_path, picture_bytes
):
    for index in range(40):
        (class_folders / "train" / "ant" / f"large_{index}.jpg").write_bytes(picture_bytes(index, size=256))
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount; the next test injects the error")
    try:
        with pytest.raises(DataError, match=rf"{small}.*No space left on device \(.* MB free\).*Free some space"):
            ingest(str(class_folders), str(small / "out"))
        assert list((small / "out").iterdir()) == []
        (class_folders / "train" / "ant").rename(tmp_path / "large")
        shutil.copytree(class_folders / "train" / "cow", class_folders / "train" / "ant")
        assert ingest(str(class_folders), str(small / "out"))["splits"]["train"]["pictures"] == 24
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_full_disk_in_the_middle_of_a_shard_leaves_nothing(class_folders, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shards.tfrecord, "framed", full)
        with pytest.raises(DataError, match=r"Cannot write data_tfrecord-.*: No space left on device \(.* MB free\)"):
            ingest(str(class_folders), str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []
    ingest(str(class_folders), str(tmp_path / "out"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == FINISHED


def test_a_target_that_cannot_be_written_is_an_error_before_any_work(class_folders, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"Cannot write to .*file/out: Not a directory. Give a folder"):
        ingest(str(class_folders), str(tmp_path / "file" / "out"))


def test_a_read_only_target_is_an_error_before_any_work(class_folders, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(target)], capture_output=True).returncode:
        target.chmod(0o500)
        if os.access(target, os.W_OK):
            pytest.skip("root without the right to mount: nothing is read-only")
    try:
        with pytest.raises(DataError, match=r"Cannot write to .*target/out: (Read-only file system|Permission denied)"):
            ingest(str(class_folders), str(target / "out"))
    finally:
        subprocess.run(["umount", str(target)], capture_output=True)


def test_a_finished_ingestion_is_not_overwritten(class_folders, tmp_path):
    ingest(str(class_folders), str(tmp_path / "out"))
    before = contents(tmp_path / "out")
    with pytest.raises(DataError, match=r"already holds a finished ingestion"):
        ingest(str(class_folders), str(tmp_path / "out"))
    assert contents(tmp_path / "out") == before


def test_shards_moved_by_a_run_that_was_killed_before_its_report_are_replaced(class_folders, tmp_path):
    left = tmp_path / "out" / "Split-train"
    left.mkdir(parents=True)
    (left / "data_tfrecord-00007-of-00009").write_bytes(b"half")
    ingest(str(class_folders), str(tmp_path / "out"))
    assert [path.name for path in left.iterdir()] == ["data_tfrecord-00000-of-00001"]


def test_what_is_told_of_an_ingestion_changes_no_byte_of_it(class_folders, tmp_path, monkeypatch):
    """`source.CHANGES_NO_ARTIFACT` says so of components.ingestion.progress."""
    ingest(str(class_folders), str(tmp_path / "told"), pictures_per_shard=10)
    monkeypatch.setattr(ingestion, "report_progress", lambda *_, **__: contextlib.nullcontext())
    ingest(str(class_folders), str(tmp_path / "silent"), pictures_per_shard=10)
    assert contents(tmp_path / "told") == contents(tmp_path / "silent")


def test_progress_counts_files_up_to_all_of_them(class_folders, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="mobilenet.progress"):
        ingest(str(class_folders), str(tmp_path / "out"))
    last = caplog.records[-1].progress
    assert {key: last[key] for key in ("task", "done", "total", "refused")} == {
        "task": "ingest", "done": 36, "total": 36, "refused": 0,
    }  # fmt: skip
    assert last["bytes"] == sum(path.stat().st_size for path in (tmp_path / "out").glob("Split-*/*"))
    assert last["seconds"] > 0
