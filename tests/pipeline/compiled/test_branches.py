"""All variants as one component behind which ZooReport waits alone, whatever they are and wherever they run."""

import dataclasses
from pathlib import Path

import pytest

from pipeline.branch import Branch, Start
from pipeline.checks import check
from pipeline.compiled import compiler, placement
from tests.pipeline.cluster import submissions

SMALL, LARGE, LARGER = (Branch.of(each, "sample") for each in ("0.25_64", "0.5_64", "0.25_128"))


@pytest.fixture(scope="module")
def three():
    return compiler.compile_pipeline(compiler.DEFAULTS, [SMALL, LARGE, LARGER])


def exits(compiled) -> dict[str, list[str]]:
    """What runs however others ended → those others."""
    return {
        node.path: node.task["dependentTasks"]
        for node in compiled.nodes.values()
        if node.task.get("triggerPolicy") == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    }


def test_the_zoos_report_waits_for_one_task_however_many_variants_there_are(three):
    assert exits(three) == exits(submissions.compiled()) == {"ZooReport": ["branches"]}
    assert set(three.spec["components"]["branches"]["dag"]["tasks"]) == {
        "Variant-w025-r64", "Variant-w050-r64", "Variant-w025-r128",
    }  # fmt: skip


def test_variants_share_every_component_and_keep_their_recipes(three):
    assert three.spec["components"].keys() == submissions.compiled().spec["components"].keys()
    assert three.spec["deploymentSpec"] == submissions.compiled().spec["deploymentSpec"]
    assert three.spec["components"]["Variant"] == submissions.compiled().spec["components"]["Variant"]
    calls = three.spec["components"]["branches"]["dag"]["tasks"]
    recipes = {call: task["inputs"]["parameters"]["FloatTrainer_custom_config"] for call, task in calls.items()}
    assert recipes == {
        f"Variant-{each}": {"componentInputParameter": f"float_recipe_{each.replace('-', '_')}"}
        for each in ("w025-r64", "w050-r64", "w025-r128")
    }
    assert len(three.nodes) == 7 + 3 * 8


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_a_variant_with_settings_of_its_own_has_components_of_its_own_and_the_others_share_theirs(three, target):
    nodes = {"QatTrainer": {"cpu": 2}, "QatTrainer-w050-r64": {"cpu": 9}}
    settings = (
        submissions.vertex_settings(nodes=nodes)
        if target == "vertex"
        else submissions.kubeflow_settings("http://kubeflow.example", nodes=nodes)
    )
    placed = placement.place(three, settings)
    cores = {node: each["resources"]["cpuLimit"] for node, each in placement.containers(placed) if "QatT" in node}
    assert cores == {"QatTrainer-w025-r64": 2, "QatTrainer-w025-r128": 2, "QatTrainer-w050-r64": 9}
    calls = placed.spec["components"]["branches"]["dag"]["tasks"]
    assert {name: call["componentRef"]["name"] for name, call in calls.items()} == {
        "Variant-w025-r64": "Variant", "Variant-w025-r128": "Variant", "Variant-w050-r64": "Variant-w050-r64",
    }  # fmt: skip
    assert placement.place(placed, settings) == placed
    assert check.check(placed, target) == []


def test_an_imported_model_beside_a_trained_one_has_a_component_of_its_own():
    imported = dataclasses.replace(LARGE, start=Start(Path("/mnt/checkpoint"), digest="0" * 64))
    other = dataclasses.replace(LARGER, start=Start(Path("/mnt/other"), digest="1" * 64))
    compiled = compiler.compile_pipeline(compiler.DEFAULTS, [SMALL, imported, other])
    calls = compiled.spec["components"]["branches"]["dag"]["tasks"]
    given = {call: (task["componentRef"]["name"], task["inputs"]["parameters"]) for call, task in calls.items()}
    assert given["Variant-w025-r64"][0] == "Variant"
    assert given["Variant-w050-r64"][0] == given["Variant-w025-r128"][0] == "Variant-w050-r64"
    paths = [given[each][1]["CheckpointImporter_uri"] for each in ("Variant-w050-r64", "Variant-w025-r128")]
    assert paths == [{"runtimeValue": {"constant": "/mnt/checkpoint"}}, {"runtimeValue": {"constant": "/mnt/other"}}]
    assert "FloatTrainer-w025-r64" in compiled.nodes
    assert {"CheckpointImporter-w050-r64", "CheckpointImporter-w025-r128"} <= compiled.nodes.keys()
    placed = placement.place(compiled, submissions.kubeflow_settings("http://kubeflow.example"))
    assert check.check(placed, "kubeflow") == []
