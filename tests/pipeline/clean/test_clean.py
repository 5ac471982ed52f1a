"""What `clean` finds and deletes, in work directories whose metadata is written here."""

import fcntl
import itertools
import sqlite3
import subprocess
from pathlib import Path

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from typer.testing import CliRunner

from pipeline import lineage
from pipeline.clean import clean
from pipeline.cli import app


class Workdir:
    """Runs of Maker → Pusher, written as TFX writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, folder / "metadata.sqlite"
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.database)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = metadata_store.MetadataStore(config)
        names = ("pipeline", "pipeline_run", "node", "node_of_run", "execution_cache")
        self.kinds = {name: self.store.put_context_type(mlmd.ContextType(name=name)) for name in names}
        self.execution_type = self.store.put_execution_type(mlmd.ExecutionType(name="Node"))
        self.types = {n: self.store.put_artifact_type(mlmd.ArtifactType(name=n)) for n in ("Examples", "PushedModel")}
        self.numbers = itertools.count(1)

    def context(self, kind: str, name: str) -> mlmd.Context:
        found = self.store.get_context_by_type_and_name(kind, name)
        if found is None:
            made = mlmd.Context(type_id=self.kinds[kind], name=name)
            made.id = self.store.put_contexts([made])[0]
            return made
        return found

    def failed_run(self, name: str) -> None:
        """Its first node failed."""
        run = self.context("pipeline_run", name)
        execution = mlmd.Execution(type_id=self.execution_type, last_known_state=mlmd.Execution.FAILED)
        self.store.put_execution(execution, [], [run])

    def run(self, name: str, *, data: str, pushed_to: Path | None = None) -> None:
        """Takes from the cache what was made of the same data."""
        examples = self._node(name, "Maker", data, [], "Examples")
        self._node(name, "Pusher", data, [examples], "PushedModel", pushed_to)

    def _node(self, run, node, data, inputs, kind, pushed_to=None) -> mlmd.Artifact:
        cache = self.context("execution_cache", f"{node}-{data}")
        contexts = [
            self.context("pipeline", "x"), self.context("pipeline_run", run), self.context("node", f"x.{node}"),
            self.context("node_of_run", f"{run}.{node}"), cache,
        ]  # fmt: skip
        cached = self.store.get_artifacts_by_context(cache.id)
        made = [each for each in cached if each.type == kind]
        state = mlmd.Execution.CACHED if made else mlmd.Execution.COMPLETE
        execution = mlmd.Execution(type_id=self.execution_type, last_known_state=state)
        execution.properties.clear()
        execution.custom_properties["data"].string_value = data
        [output] = made or [self._artifact(node, kind, pushed_to)]
        events = [(each, self._event(mlmd.Event.INPUT, "in")) for each in inputs]
        _, ids, _ = self.store.put_execution(
            execution, [*events, (output, self._event(mlmd.Event.OUTPUT, "out"))], contexts
        )
        return self.store.get_artifacts_by_id([ids[-1]])[0]

    def _artifact(self, node: str, kind: str, pushed_to: Path | None) -> mlmd.Artifact:
        folder = self.folder / "artifacts" / node / "out" / str(next(self.numbers))
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(bytes(1000))
        artifact = mlmd.Artifact(type_id=self.types[kind], uri=str(folder), state=mlmd.Artifact.LIVE)
        if pushed_to:
            artifact.custom_properties["pushed_destination"].string_value = str(pushed_to)
        return artifact

    def _event(self, kind, key: str) -> mlmd.Event:
        event = mlmd.Event(type=kind)
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
        return event

    @property
    def folders(self) -> list[str]:
        return sorted(str(each.relative_to(self.folder / "artifacts")) for each in self.folder.glob("artifacts/*/*/*"))


@pytest.fixture
def workdir(tmp_path) -> Workdir:
    """Four runs: of a release that is there, of one that is gone, and two of new data, the second from the cache."""
    made = Workdir(tmp_path)
    release = tmp_path / "models" / "0.25_32" / "1"
    release.mkdir(parents=True)
    made.run("1", data="released", pushed_to=release)
    made.run("2", data="withdrawn", pushed_to=release.with_name("2"))
    made.run("3", data="new")
    made.run("4", data="new")
    return made


def mobilenet(*arguments: object, code: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["clean", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_without_delete_it_says_how_much_and_changes_nothing(workdir):
    before = workdir.folders, workdir.database.read_bytes()
    said = mobilenet(workdir.folder, "--keep", 1)
    assert said.startswith("--delete would delete what 1 run of 4 left, with 2 folders of 0.0 MB.")
    assert (workdir.folders, workdir.database.read_bytes()) == before


def test_the_newest_run_and_the_releases_stay_with_what_they_were_made_from(workdir):
    assert workdir.folders == [
        "Maker/out/1",
        "Maker/out/3",
        "Maker/out/5",
        "Pusher/out/2",
        "Pusher/out/4",
        "Pusher/out/6",
    ]
    said = mobilenet(workdir.folder, "--keep", 1, "--delete")
    assert said.startswith("Deleted what 1 run of 4 left, with 2 folders of 0.0 MB; the metadata shrank from ")
    assert workdir.folders == ["Maker/out/1", "Maker/out/5", "Pusher/out/2", "Pusher/out/6"]
    uris = {str(Path(each.uri).relative_to(workdir.folder / "artifacts")) for each in workdir.store.get_artifacts()}
    assert uris == set(workdir.folders)
    assert (workdir.folder / "models" / "0.25_32" / "1").is_dir()


def test_the_next_run_takes_all_from_the_cache_and_clean_finds_nothing_more(workdir):
    mobilenet(workdir.folder, "--keep", 1, "--delete")
    workdir.run("5", data="new")
    states = {name: node.state for name, node in lineage.last_run(workdir.database).items()}
    assert states == {"Maker": "cached", "Pusher": "cached"}
    assert mobilenet(workdir.folder, "--keep", 5).startswith(
        "--delete would delete what 0 runs of 4 left, with 0 folders"
    )


def test_runs_that_failed_take_the_place_of_no_whole_one(workdir):
    for number in range(5, 9):
        workdir.failed_run(str(number))
    mobilenet(workdir.folder, "--keep", 1, "--delete")
    assert [run for run, *_ in sqlite3.connect(workdir.database).execute(
        "select name from Context where type_id in (select id from Type where name = 'pipeline_run') order by id"
    )] == ["1", "3", "4", "5", "6", "7", "8"]  # 3 made what 4 took from the cache, and 1 the release.  # fmt: skip


def test_a_destination_that_is_not_mounted_costs_no_release(workdir):
    before = workdir.folders
    (workdir.folder / "models").rename(workdir.folder / "elsewhere")
    mobilenet(workdir.folder, "--keep", 4, "--delete")
    assert workdir.folders == before


def test_what_is_no_database_is_one_sentence_and_nothing_is_deleted(workdir):
    workdir.database.write_bytes(b"SQLite format 3\0" + bytes(4096))
    before = workdir.folders
    assert "cannot be read or changed" in mobilenet(workdir.folder, "--delete", code=1)
    assert workdir.folders == before


def test_of_what_went_no_row_is_left_in_any_table(workdir):
    mobilenet(workdir.folder, "--keep", 1, "--delete")
    executions = {each.id for each in workdir.store.get_executions()}
    assert {each.name for each in workdir.store.get_contexts_by_type("execution_cache")} == {
        "Maker-released", "Pusher-released", "Maker-new", "Pusher-new",
    }  # fmt: skip
    with clean._opened(workdir.database) as store:
        for table, column, owner in (
            ("Event", "execution_id", "Execution"), ("Event", "artifact_id", "Artifact"),
            ("EventPath", "event_id", "Event"), ("Association", "execution_id", "Execution"),
            ("Association", "context_id", "Context"), ("Attribution", "context_id", "Context"),
            ("Attribution", "artifact_id", "Artifact"), ("ExecutionProperty", "execution_id", "Execution"),
            ("ArtifactProperty", "artifact_id", "Artifact"),
        ):  # fmt: skip
            orphans = f"select count(*) from {table} where {column} not in (select id from {owner})"
            assert store.execute(orphans).fetchone() == (0,), (table, column)
    assert len(executions) == 6  # Two nodes each: the release's, the makers of what run 4 took, and run 4.


def test_what_a_killed_clean_left_is_found_by_the_next(workdir):
    stray = workdir.folder / "artifacts" / "Maker" / "out" / "99"
    system = workdir.folder / "artifacts" / "Maker" / ".system" / "executor_execution" / "99"
    resume = workdir.folder / "artifacts" / "Maker" / "resume" / "77"
    for folder in (stray, system, resume):
        folder.mkdir(parents=True)
    mobilenet(workdir.folder, "--keep", 9, "--delete")
    assert (stray.exists(), system.exists(), resume.exists()) == (False, False, True)


def test_a_copy_of_a_work_directory_is_cleaned_as_its_original_would_be_which_stays(workdir, tmp_path):
    copy = tmp_path.with_name(f"{tmp_path.name}-copy")
    subprocess.run(["cp", "-r", str(tmp_path), str(copy)], check=True)
    mobilenet(copy, "--keep", 1, "--delete")
    left = sorted(str(each.relative_to(copy / "artifacts")) for each in copy.glob("artifacts/*/*/*"))
    assert left == ["Maker/out/1", "Maker/out/5", "Pusher/out/2", "Pusher/out/6"]
    assert len(workdir.folders) == 6


def test_a_folder_of_anything_else_is_refused_and_nothing_is_written_to_it(tmp_path):
    (tmp_path / "mine").touch()
    assert "holds no metadata.sqlite: wanted the --workdir of mobilenet runs." in mobilenet(tmp_path, code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_while_a_run_is_at_work_nothing_is_deleted(workdir):
    with (workdir.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run is at work in" in mobilenet(workdir.folder, "--delete", code=1)
    assert len(workdir.folders) == 6
