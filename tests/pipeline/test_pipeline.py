"""The DAG: what may feed what, and what belongs to a node's cache key."""

import dataclasses
import json
from pathlib import Path

import pytest
from tfx.dsl.compiler import compiler

from pipeline.branch import Branch, Start
from pipeline.pipeline import create_pipeline
from pipeline.run import local_run
from pipeline.settings import environment
from pipeline.settings.local import Settings
from trainer.network.variant import Variant
from trainer.recipes import tiny

BRANCH = Branch(Variant(0.25, 32), tiny.FLOAT, tiny.QAT)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=tmp_path / "data", workdir=tmp_path / "runs")


def _nodes(settings: Settings, *branches: Branch) -> dict:
    return {node.id: node for node in create_pipeline(settings, branches).components}


def _producer(node, key: str) -> str:
    return node.inputs[key].producer_component_id


def test_only_a_blessed_bundle_can_be_pushed(settings):
    pusher = _nodes(settings, BRANCH)["Pusher-w025-r32"]
    assert _producer(pusher, "model") == "BundleBuilder-w025-r32"
    assert _producer(pusher, "model_blessing") == "AccuracyGate-w025-r32"


def test_the_file_that_ships_is_measured_against_the_float_model(settings):
    evaluator = _nodes(settings, BRANCH)["Evaluator-w025-r32"]
    assert _producer(evaluator, "model") == "TFLiteConverter-w025-r32"
    assert _producer(evaluator, "baseline_model") == "FloatTrainer-w025-r32"
    assert _producer(evaluator, "examples") == "ImageNetExampleGen"


def test_the_gate_sees_the_file_its_models_and_where_releases_are_pushed_to(settings):
    gate = _nodes(settings, BRANCH)["AccuracyGate-w025-r32"]
    assert _producer(gate, "tflite") == "TFLiteConverter-w025-r32"
    assert _producer(gate, "float_model") == "FloatTrainer-w025-r32"
    assert _producer(gate, "qat_model") == "QatTrainer-w025-r32"
    assert gate.exec_properties["destination"] == str(settings.models)


def test_nothing_trains_on_data_that_the_gate_has_not_passed(settings):
    nodes = _nodes(settings, BRANCH)
    for trainer in ("FloatTrainer-w025-r32", "QatTrainer-w025-r32"):
        assert _producer(nodes[trainer], "schema") == "DataGate"


def test_fine_tuning_starts_from_the_float_model_and_from_scratch_does_not(settings):
    fine_tuned = _nodes(settings, BRANCH)["QatTrainer-w025-r32"]
    assert _producer(fine_tuned, "base_model") == "FloatTrainer-w025-r32"
    anew = dataclasses.replace(BRANCH, qat_recipe=tiny.FROM_SCRATCH, from_scratch=True)
    nodes = _nodes(settings, anew)
    assert "base_model" not in nodes["QatTrainer-w025-r32"].inputs
    assert _producer(nodes["Evaluator-w025-r32"], "baseline_model") == "FloatTrainer-w025-r32"


def test_a_checkpoint_stands_where_the_float_trainer_stood(settings):
    start = Start(Path("/models/model.ckpt"), digest="d1")
    nodes = _nodes(settings, dataclasses.replace(BRANCH, start=start))
    importer = nodes["CheckpointImporter-w025-r32"]
    assert "FloatTrainer-w025-r32" not in nodes
    assert importer.exec_properties["uri"] == "/models/model.ckpt"
    assert importer.exec_properties["digest"] == "d1"
    assert importer.exec_properties["central_fraction"] == tiny.QAT.central_fraction
    assert not importer.exec_properties["only_a_start"]
    for node, key in (("QatTrainer", "base_model"), ("Evaluator", "baseline_model"), ("BundleBuilder", "float_model")):
        assert _producer(nodes[f"{node}-w025-r32"], key) == "CheckpointImporter-w025-r32"


def test_or_the_float_trainer_goes_on_from_it(settings):
    start = Start(Path("/models/model.ckpt"), digest="d1", trained_on=True)
    nodes = _nodes(settings, dataclasses.replace(BRANCH, start=start))
    assert nodes["CheckpointImporter-w025-r32"].exec_properties["only_a_start"]
    assert _producer(nodes["FloatTrainer-w025-r32"], "base_model") == "CheckpointImporter-w025-r32"
    assert _producer(nodes["QatTrainer-w025-r32"], "base_model") == "FloatTrainer-w025-r32"


def test_two_variants_share_one_ingestion(settings):
    other = dataclasses.replace(BRANCH, variant=Variant(0.5, 64))
    nodes = _nodes(settings, BRANCH, other)
    assert len(nodes) == 6 + 8 + 8 + 1
    for variant in ("w025-r32", "w050-r64"):
        assert _producer(nodes[f"FloatTrainer-{variant}"], "examples") == "ImageNetExampleGen"


def test_the_zoos_report_comes_last_and_takes_no_branchs_channel(settings):
    other = dataclasses.replace(BRANCH, variant=Variant(0.5, 64))
    *_, zoo = create_pipeline(settings, [BRANCH, other]).components
    assert zoo.id == "ZooReport"
    assert {node.id for node in zoo.upstream_nodes} == {"Pusher-w025-r32", "Pusher-w050-r64"}
    assert not zoo.inputs
    assert zoo.exec_properties["destination"] == str(settings.models)


def test_a_trainers_cache_key_holds_recipe_and_source(settings):
    config = json.loads(_nodes(settings, BRANCH)["FloatTrainer-w025-r32"].exec_properties["custom_config"])
    assert config["recipe"] == tiny.FLOAT.as_dict()
    assert config["variant"] == "0.25_32"
    assert len(config["code"]) == 64


def test_every_node_of_ours_has_its_source_in_its_cache_key(settings):
    stock = {"StatisticsGen", "ExampleValidator"}
    for name, node in _nodes(settings, BRANCH).items():
        if name not in stock:
            assert "code" in str(node.exec_properties), name


def test_neither_workers_nor_their_mode_are_in_a_cache_key(settings, monkeypatch):
    for name in (environment.BEAM_MODE, environment.BEAM_WORKERS):
        monkeypatch.setenv(name, "")
    environment.set_beam_workers(7)
    compiled = compiler.Compiler().compile(local_run.local_pipeline(settings, [BRANCH])).SerializeToString()
    assert compiled.count(b"--direct_num_workers=") == compiled.count(environment.BEAM_WORKERS.encode()) == 3
    assert b"multi_processing" not in compiled
    assert b"--direct_num_workers=7" not in compiled
