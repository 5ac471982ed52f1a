"""A blessed bundle reaches its destination whole or not at all, once, and again when it is gone."""

import concurrent.futures
import errno
import json
import logging
import os
import shutil
import time
from pathlib import Path

import pytest
from tfx import types
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts

from components.release import bundle, pusher, versions
from components.release.versions import PushError

VARIANT = "0.25_32"


def make_bundle(folder: Path, text: str = "first") -> Path:
    """A whole bundle of two files: the Pusher knows no more of it."""
    (folder / "saved_model").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_text(text)
    bundle.write_json(folder / bundle.INFO, {"variant": VARIANT})
    bundle.write_manifest(folder)
    return folder


@pytest.fixture
def source(tmp_path):
    return make_bundle(tmp_path / "bundle" / "Format-Serving")


@pytest.fixture
def base(tmp_path):
    return tmp_path / "pushed"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_push_is_version_1_and_whole(source, base):
    pushed = pusher.deliver(source, str(base))
    assert pushed == base / VARIANT / "1"
    assert bundle.verify(pushed) == []
    assert names(base / VARIANT) == ["1", "latest"]


def test_the_same_bundle_is_not_copied_again(source, base):
    pushed = Path(str(pusher.deliver(source, str(base))))
    before = (pushed / bundle.MANIFEST).stat()
    assert pusher.deliver(source, str(base)) == pushed
    assert names(base / VARIANT) == ["1", "latest"]
    assert (pushed / bundle.MANIFEST).stat().st_mtime_ns == before.st_mtime_ns


def test_another_bundle_gets_the_next_number_and_leaves_the_first(source, base, tmp_path):
    pusher.deliver(source, str(base))
    second = pusher.deliver(make_bundle(tmp_path / "other", "second"), str(base))
    assert second.name == "2"
    assert (base / VARIANT / "1" / "saved_model" / "saved_model.pb").read_text() == "first"


def test_versions_are_ordered_as_numbers(source, base):
    (base / VARIANT / "9").mkdir(parents=True)
    (base / VARIANT / "10").mkdir()
    (base / VARIANT / "older").mkdir()
    (base / VARIANT / "011").mkdir()
    assert pusher.deliver(source, str(base)).name == "11"


def test_a_damaged_version_stays_and_the_bundle_comes_beside_it(source, base):
    first = pusher.deliver(source, str(base))
    (first / "saved_model" / "saved_model.pb").unlink()
    assert pusher.deliver(source, str(base)).name == "2"
    assert not (first / "saved_model" / "saved_model.pb").exists()


def test_a_damaged_bundle_is_refused_with_the_files_name(source, base):
    (source / "saved_model" / "saved_model.pb").write_text("changed")
    with pytest.raises(PushError, match=r"saved_model/saved_model\.pb: changed"):
        pusher.deliver(source, str(base))
    assert not base.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("fails", ["copyfile", "fsync"])
def test_a_full_or_read_only_disk_is_one_clear_error_and_the_next_run_works(source, base, monkeypatch, fails, code):
    def full(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(*{"copyfile": (shutil, "copyfile", full), "fsync": (os, "fsync", full)}[fails])
        with pytest.raises(PushError, match=rf"cannot be written: .*{os.strerror(code)}.*run again"):
            pusher.deliver(source, str(base))
    assert names(base / VARIANT) == []
    assert pusher.deliver(source, str(base)).name == "1"


def test_a_destination_that_is_a_file_is_one_clear_error(source, base):
    base.write_text("")
    with pytest.raises(PushError, match="cannot be written"):
        pusher.deliver(source, str(base))


def test_on_a_mounted_bucket_the_manifest_comes_last_and_pushers_at_once_do_not_mix(source, base, tmp_path, bucket):
    pushed = pusher.deliver(source, str(base))
    assert bucket[-1] == bundle.MANIFEST  # Of the version; `latest` is replaced and not renamed.
    assert bundle.verify(pushed) == []
    sources = [make_bundle(tmp_path / f"source-{i}", text=str(i)) for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda each: pusher.deliver(each, str(base)), sources))
    assert sorted(int(folder.name) for folder in folders) == list(range(2, 10))
    assert not any(bundle.verify(folder) for folder in folders)
    assert versions.latest(base / VARIANT) == base / VARIANT / "9"


def test_latest_names_the_newest_version_and_moves_when_that_is_whole(source, base, tmp_path, monkeypatch):
    pusher.deliver(source, str(base))
    assert (base / VARIANT / "latest").read_text() == "1\n"
    claim = versions._claim

    def watching(*arguments):
        assert (base / VARIANT / "latest").read_text() == "1\n"
        version = claim(*arguments)
        assert (base / VARIANT / "latest").read_text() == "1\n"
        return version

    monkeypatch.setattr(versions, "_claim", watching)
    second = pusher.deliver(make_bundle(tmp_path / "other", "second"), str(base))
    assert versions.resolve(base / VARIANT / "latest") == second
    assert pusher.deliver(source, str(base)).name == "1"  # There already: the newest stays the newest.
    assert versions.latest(base / VARIANT) == second


def test_a_latest_that_is_lost_or_names_nothing_is_written_again(source, base):
    pushed = pusher.deliver(source, str(base))
    for spoiled in (None, "", "7\n", "../..\n", "1" * 100):
        file = base / VARIANT / "latest"
        file.unlink()
        if spoiled is not None:
            file.write_text(spoiled)
        assert versions.latest(base / VARIANT) is None
        pusher.deliver(source, str(base))
        assert versions.latest(base / VARIANT) == pushed
    assert names(base / VARIANT) == ["1", "latest"]


def test_a_latest_that_cannot_be_written_is_one_clear_error_and_the_bundle_is_there(source, base):
    (base / VARIANT / "latest").mkdir(parents=True)
    with pytest.raises(PushError, match=r"the bundle is pushed, but .*latest cannot be written"):
        pusher.deliver(source, str(base))
    assert bundle.verify(base / VARIANT / "1") == []
    assert names(base / VARIANT) == ["1", "latest"]


def test_a_signed_bundle_is_pushed_with_its_signature(source, base):
    (source / bundle.SIGNATURE).write_text("signature")
    assert (pusher.deliver(source, str(base)) / bundle.SIGNATURE).read_text() == "signature"


@pytest.mark.parametrize("variant", ["../../etc", "", None, "0.25_32/..", 5])
def test_a_variant_that_is_no_folder_name_is_refused(tmp_path, base, variant):
    source = make_bundle(tmp_path / "bundle")
    bundle.write_json(source / bundle.INFO, {"variant": variant})
    bundle.write_manifest(source)
    with pytest.raises(PushError, match="variant is"):
        pusher.deliver(source, str(base))


def test_a_copy_that_came_out_wrong_is_not_given_a_number(source, base, monkeypatch):
    copy = shutil.copyfile

    def wrong(source, target):
        copy(source, target)
        if target.name == "saved_model.pb":
            target.write_text("frist")

    monkeypatch.setattr(shutil, "copyfile", wrong)
    with pytest.raises(PushError, match=r"is damaged: saved_model/saved_model\.pb: changed"):
        pusher.deliver(source, str(base))
    assert names(base / VARIANT) == []


def test_eight_pushers_at_once_get_eight_numbers_and_whole_bundles(tmp_path, base):
    sources = [make_bundle(tmp_path / str(i), f"bundle {i}") for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pushed = list(pool.map(lambda source: pusher.deliver(source, str(base)), sources))
    assert sorted(int(path.name) for path in pushed) == list(range(1, 9))
    for i, path in enumerate(pushed):
        assert bundle.verify(path) == []
        assert (path / "saved_model" / "saved_model.pb").read_text() == f"bundle {i}"


def test_what_a_killed_pusher_left_is_no_version_and_is_swept_later(source, base):
    left = base / VARIANT / ".writing-dead"
    left.mkdir(parents=True)
    an_hour_ago = time.time() - 3600
    os.utime(left, (an_hour_ago, an_hour_ago))
    assert pusher.deliver(source, str(base)).name == "1"
    assert names(base / VARIANT) == ["1", "latest"]


def test_a_pusher_at_work_is_not_swept(source, base):
    (base / VARIANT).mkdir(parents=True)
    with versions._beside(base / VARIANT) as beside:
        an_hour_ago = time.time() - 3600
        os.utime(beside, (an_hour_ago, an_hour_ago))
        pusher.deliver(source, str(base))
        assert beside.is_dir()


def artifact(kind: type[types.Artifact], uri: Path, **properties: int) -> types.Artifact:
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return made


def execute(source: Path, base: Path, *, blessed: int) -> types.Artifact:
    inputs = {
        "model": [artifact(standard_artifacts.Model, source.parent)],
        "model_blessing": [artifact(standard_artifacts.ModelBlessing, source.parent / "blessing", blessed=blessed)],
    }
    output = artifact(standard_artifacts.PushedModel, source.parent / "pushed_model")
    settings = {"push_destination": json.dumps({"filesystem": {"base_directory": str(base)}})}
    pusher.Executor().Do(inputs, {"pushed_model": [output]}, settings)
    return output


def test_blessed_is_pushed_and_the_artifact_says_where(source, base):
    pushed = execute(source, base, blessed=1)
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(base / VARIANT / "1") == pushed.uri
    assert pushed.get_string_custom_property("pushed_version") == "1"


def test_not_blessed_is_not_pushed_and_says_so(source, base, caplog):
    with caplog.at_level(logging.WARNING, logger="components.release.pusher"):
        pushed = execute(source, base, blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not base.exists()
    assert "Not blessed, so not pushed" in caplog.text


def test_is_pushed_only_while_the_bundle_lies_whole_at_its_destination(source, base):
    there = Path(str(pusher.deliver(source, str(base))))
    properties = {"pushed": 1, "pushed_destination": str(there), "pushed_version": "1"}
    assert pusher.is_pushed(properties)
    assert not pusher.is_pushed(properties | {"pushed": 0})
    assert not pusher.is_pushed({"pushed": 0})
    (there / "saved_model" / "saved_model.pb").write_text("changed")
    assert not pusher.is_pushed(properties)
    shutil.rmtree(there)
    assert not pusher.is_pushed(properties)


class Run:
    """The Pusher behind two importers, as a pipeline of its own."""

    def __init__(self, source: Path, base: Path | str, workdir: Path) -> None:
        self.source, self.base, self.workdir = source, base, workdir
        blessing = workdir / "blessing"
        blessing.mkdir(parents=True)
        self.connection = metadata.sqlite_metadata_connection_config(str(workdir / "metadata.sqlite"))

    def __call__(self) -> tuple[str, str]:
        """Runs it; gives the last execution's state (COMPLETE or CACHED) and its `pushed_destination`."""
        model = Importer(source_uri=str(self.source.parent), artifact_type=standard_artifacts.Model).with_id("Bundle")
        blessing = Importer(
            source_uri=str(self.workdir / "blessing"),
            artifact_type=standard_artifacts.ModelBlessing,
            custom_properties={"blessed": 1},
        ).with_id("Gate")
        node = pusher.Pusher(
            model=model.outputs["result"],
            model_blessing=blessing.outputs["result"],
            push_destination=pusher_pb2.PushDestination(
                filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(self.base))
            ),
            custom_config={"code": "0" * 64},
        ).with_id("Pusher-w025-r032")
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="push",
                pipeline_root=str(self.workdir / "root"),
                components=[model, blessing, node],
                enable_cache=True,
                metadata_connection_config=self.connection,
            )
        )
        return self.last()

    def last(self) -> tuple[str, str]:
        with metadata.Metadata(self.connection) as handle:
            execution = max(handle.store.get_executions_by_type("components.release.pusher.Pusher"), key=lambda e: e.id)
            (event,) = [
                e
                for e in handle.store.get_events_by_execution_ids([execution.id])
                if e.path.steps[0].key == "pushed_model"
            ]
            (found,) = handle.store.get_artifacts_by_id([event.artifact_id])
        state = type(execution).State.Name(execution.last_known_state)
        return state, found.custom_properties["pushed_destination"].string_value


def test_a_run_is_served_from_cache_until_the_bundle_is_deleted_or_damaged(source, base, tmp_path):
    run = Run(source, base, tmp_path / "work")
    first, second = str(base / VARIANT / "1"), str(base / VARIANT / "2")
    assert run() == ("COMPLETE", first)
    assert run() == ("CACHED", first)
    shutil.rmtree(first)
    assert run() == ("COMPLETE", first)
    assert run() == ("CACHED", first)
    (Path(first) / "saved_model" / "saved_model.pb").write_text("damaged")
    assert run() == ("COMPLETE", second)
    assert run() == ("CACHED", second)
    shutil.rmtree(base)
    assert run() == ("COMPLETE", first)
    assert bundle.verify(Path(first)) == []
