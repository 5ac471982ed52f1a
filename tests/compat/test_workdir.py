"""A work directory of 0.1.0 is shown and continued; one of a newer version is rejected whole."""

import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from tfx.dsl.compiler.compiler import Compiler

from components.evaluation import tfma_module
from pipeline import lineage, workdir
from pipeline.analysis import drift_inputs, tensorboard
from pipeline.branch import Branch
from pipeline.report import report
from pipeline.run import local_run
from pipeline.run.sections import Sections
from pipeline.settings.environment import set_beam_workers
from pipeline.settings.error import SettingsError
from pipeline.settings.local import Settings
from pipeline.terminal.progress import Follower
from tests.compat.recorded import DATA
from trainer.file_format import FormatError
from trainer.network.variant import Variant

VARIANT = "0.05_32"


@pytest.fixture
def old(files, tmp_path) -> Path:
    return Path(shutil.copytree(files / "runs", tmp_path / "runs"))


def test_its_run_is_read_back(files):
    run = lineage.last_run(files / "runs" / "metadata.sqlite")
    assert len(run) == 15 and {node.state for node in run.values()} == {"done"}
    assert run["AccuracyGate-w005-r32"].outputs["blessing"].properties["blessed"] == 1


def test_its_page_has_its_scores_verdict_data_and_conversion(files):
    facts = report.facts(files / "runs", variant=Variant.parse(VARIANT))
    assert facts.evaluation and facts.verdict and facts.conversion and facts.ingestion
    assert {name: round(scores.top1, 3) for name, scores in facts.evaluation.overall.scores.items()} == {
        "candidate": 0.754,
        "baseline": 0.756,
    }
    assert facts.verdict["blessed"] is True and facts.conversion["agreement"]["pictures"] == 500
    assert facts.ingestion["splits"]["train"]["pictures"] == 2000


def test_what_evaluate_wrote_is_read(files):
    read = tfma_module.read(str(files / "measured"))
    assert {name: scores.top1_count for name, scores in read.overall.scores.items()} == {"int8": 14, "float": 14}


def settings_for(old: Path, tmp_path: Path) -> Settings:
    for split in ("train", "eval"):
        shutil.copytree(DATA / "pictures", tmp_path / "pictures" / split)
    return Settings(data=tmp_path / "pictures", workdir=old, max_leaked=1.0)


def test_a_new_run_in_it_goes_on_in_its_metadata_and_takes_nothing_from_its_cache(old, tmp_path, monkeypatch):
    """The nodes' types and artifacts are registered beside those of 0.1.0: another type of a known name would fail."""
    monkeypatch.setenv("MOBILENET_BEAM_RUNNING_MODE", "")
    monkeypatch.setenv("MOBILENET_BEAM_WORKERS", "")
    set_beam_workers(1)
    settings = settings_for(old, tmp_path)
    compiled = Compiler().compile(local_run.local_pipeline(settings, [Branch.of(VARIANT, "sample")]))
    with local_run._alone(old):
        section = Sections(compiled, "local", Follower(Console(quiet=True)))
        section.run(lambda node: node in ("ImageNetExampleGen", "IngestionReport", "LabelSchema"))
    now, before = lineage.runs(old / "metadata.sqlite")
    assert {name: node.state for name, node in now.items()} == {
        "ImageNetExampleGen": "done",
        "IngestionReport": "done",
        "LabelSchema": "done",
    }
    assert len(before) == 15
    assert now["IngestionReport"].outputs["report"].type == before["IngestionReport"].outputs["report"].type
    assert json.loads((old / workdir.FILE).read_text()) == {"format": 1}


@pytest.fixture
def newer(old) -> Path:
    (old / workdir.FILE).write_text('{"format": 2}')
    return old


def test_a_run_in_a_newer_one_is_rejected_before_anything_is_touched(newer, tmp_path):
    database = (newer / "metadata.sqlite").read_bytes()
    with pytest.raises(SettingsError, match=r"workdir\.json of format 2, .* up to 1\..* another --workdir"):
        follower = Follower(Console(quiet=True))
        local_run.run(settings_for(newer, tmp_path), [Branch.of(VARIANT, "sample")], follower=follower)
    assert (newer / "metadata.sqlite").read_bytes() == database


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: report.facts(folder),
        lambda folder: lineage.last_run(folder / "metadata.sqlite"),
        lambda folder: drift_inputs.of_last_run(folder, None, []),
        lambda folder: tensorboard.of_last_run(folder),
    ],
    ids=["report", "lineage", "debug-quantization", "tensorboard"],
)
def test_no_command_reads_a_part_of_a_newer_one(newer, read):
    with pytest.raises(FormatError, match="reads formats up to 1"):
        read(newer)
