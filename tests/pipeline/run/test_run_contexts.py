"""A node's inputs come from its own run, found without reading what other runs have done."""

import shutil
from pathlib import Path

import pytest
from ml_metadata import metadata_store
from rich.console import Console
from tfx.dsl.compiler import compiler, constants
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Examples

from pipeline import lineage
from pipeline.run.sections import Sections
from pipeline.terminal.progress import Follower

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated:DeprecationWarning"),  # TFX 1.21 with its protobuf.
]

RUNS, FILE = 4, "metadata.sqlite"


@component
def Maker(examples: OutputArtifact[Examples]) -> None:
    """Makes."""
    examples.set_string_custom_property("made", "yes")


@component
def Taker(examples: InputArtifact[Examples], taken: OutputArtifact[Examples]) -> None:
    """Takes."""
    taken.set_string_custom_property("of", examples.uri)


def _dag(folder: Path, database: Path) -> Pipeline:
    maker = Maker()
    return Pipeline(
        pipeline_name="x",
        pipeline_root=str(folder / "artifacts"),
        components=[maker, Taker(examples=maker.outputs["examples"])],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(database)),
        enable_cache=True,
    )


@pytest.fixture(scope="module", params=["local", "beam"])
def database(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("runs")
    for _ in range(RUNS):
        sections = Sections(
            compiler.Compiler().compile(_dag(folder, folder / FILE)), request.param, Follower(Console(quiet=True))
        )
        sections.run(lambda node: node == "Maker")
        sections.run(lambda node: node == "Taker")
    return folder / FILE


@pytest.fixture
def store(database):
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(database))) as handle:
        yield handle.store


def test_all_runs_but_the_first_come_from_the_cache(database):
    states = [{node: run.state for node, run in nodes.items()} for nodes in lineage.runs(database)]
    assert states == [{"Maker": "cached", "Taker": "cached"}] * (RUNS - 1) + [{"Maker": "done", "Taker": "done"}]


def test_a_run_asks_for_no_execution_but_its_own(database, tmp_path, monkeypatch):
    read = []
    asking = metadata_store.MetadataStore.get_executions_by_context

    def recorded(self, context, *arguments, **named):
        found = asking(self, context, *arguments, **named)
        [name] = [each.type for each in self.get_contexts_by_id([context])]
        read.append((name, len(found)))
        return found

    monkeypatch.setattr(metadata_store.MetadataStore, "get_executions_by_context", recorded)
    shutil.copy(database, tmp_path / FILE)
    again = compiler.Compiler().compile(_dag(database.parent, tmp_path / FILE))
    Sections(again, "local", Follower(Console(quiet=True))).run(lambda node: True)
    assert {name for name, _ in read} <= {"pipeline_run", lineage.NODE_OF_RUN, "execution_cache"}
    assert max(count for name, count in read if name != "execution_cache") == 1  # The one that made what a node takes.


@pytest.mark.parametrize(
    ("kind", "name", "executions"),
    [
        (constants.PIPELINE_CONTEXT_TYPE_NAME, "x", 2 * RUNS),
        (constants.NODE_CONTEXT_TYPE_NAME, "x.Maker", RUNS),
        (constants.NODE_CONTEXT_TYPE_NAME, "x.Taker", RUNS),
    ],
)
def test_tfxs_own_contexts_hold_what_they_would_hold_without_us(store, kind, name, executions):
    context = store.get_context_by_type_and_name(kind, name)
    assert len(store.get_executions_by_context(context.id)) == executions
    assert {each.state for each in store.get_artifacts_by_context(context.id)} == {2}  # LIVE.


def test_a_run_is_a_child_of_its_pipeline(store):
    runs = store.get_contexts_by_type(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME)
    assert {parent.name for run in runs for parent in store.get_parent_contexts_by_context(run.id)} == {"x"}
