"""`mobilenet check`: the real file passes, and each fault is found by one rule, which the loaders do not have."""

import ast
import copy
import functools
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import AcceleratorType
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.compiler_utils import TITLE_TO_CLASS_PATH

from pipeline.branch import Branch
from pipeline.checks import artifact_types, check, modules, parsed, resources
from pipeline.checks.training import training_jobs
from pipeline.checks.volumes import kubernetes
from pipeline.compiled import compiled_file, compiler, placement
from pipeline.compiled.compiled_file import Compiled
from pipeline.settings.cluster import KubeflowSettings, VertexSettings
from pipeline.settings.error import SettingsError
from pipeline.settings.local import ROOT
from tests.pipeline.checks.broken_placements import PLACED
from tests.pipeline.checks.broken_specs import SPECS, Broken
from trainer.network.variant import Variant
from trainer.recipes import sample

CASES = [*SPECS, *PLACED]
TARGETS = ("vertex", "kubeflow")
IMAGE = "europe-docker.pkg.dev/project/mobilenet/pipeline:4f2c1aa"
SETTINGS = {
    "vertex": VertexSettings(
        target="vertex", image=IMAGE, project="project", location="europe-west4", pipeline_root="gs://bucket/root",
        parameters={"data": "gs://bucket/pictures", "push_destination": "gs://bucket/models"},  # pyright: ignore
    ),
    "kubeflow": KubeflowSettings(
        target="kubeflow", image=IMAGE, host="https://kubeflow.example",
        volumes=[{"claim": "mobilenet", "mount": "/mnt"}],  # pyright: ignore
        parameters={"data": "/mnt/pictures", "push_destination": "/mnt/models"},  # pyright: ignore
    ),
}  # fmt: skip


def _name(case: Broken) -> str:
    return case.name


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    return compiler.compile_pipeline(compiler.DEFAULTS, [Branch(Variant(0.25, 64), sample.FLOAT, sample.QAT)])


@pytest.fixture(scope="session")
def good(compiled) -> dict[str, Compiled]:
    return {target: placement.place(compiled, SETTINGS[target]) for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_the_real_file_placed_has_nothing_that_either_backend_would_stumble_over(good, target):
    assert check.check(good[target], target) == []


def _broken(good: dict[str, Compiled], case: Broken, target: str) -> Compiled:
    spec = copy.deepcopy(good[target])
    case.edit(spec)
    return spec


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_broken_file_is_caught_by_its_rule_alone_with_task_and_mend(good, case):
    for target in TARGETS if case.target == "both" else (case.target,):
        broken = _broken(good, case, target)
        pipeline, misfits = parsed.parse(broken)
        assert not misfits
        assert [rule for rule in check.RULES if [*rule(pipeline, target)]] == [case.rule]
        problems = check.check(broken, target)
        assert {problem.task for problem in problems} == {case.task}
        assert case.fault in problems[0].fault
        assert case.mend in problems[0].mend


ONE_BACKENDS = [case for case in CASES if case.target != "both" and case.rule not in (training_jobs, kubernetes)]


@pytest.mark.parametrize("case", ONE_BACKENDS, ids=_name)
def test_what_one_backend_alone_refuses_is_not_held_against_the_other(good, case):
    other = "kubeflow" if case.target == "vertex" else "vertex"
    assert check.check(_broken(good, case, other), other) == []


# One of each file of rules.
@pytest.mark.parametrize("case", {case.rule.__module__: case for case in CASES}.values(), ids=_name)
def test_no_loader_sees_what_is_broken(good, case, tmp_path):
    broken = _broken(good, case, "vertex" if case.target == "both" else case.target)
    compiled_file.write(tmp_path / "broken.yaml", Compiled(broken.spec))
    message: Any = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(broken.spec, message)  # Strict.
    loaded = components.load_component_from_file(str(tmp_path / "broken.yaml"))
    assert loaded.pipeline_spec.pipeline_info.name == broken.spec["pipelineInfo"]["name"]
    job = aiplatform.PipelineJob(
        display_name="broken", template_path=str(tmp_path / "broken.yaml"), pipeline_root="gs://bucket/root",
        project="project", location="europe-west4", credentials=AnonymousCredentials(),
    )  # fmt: skip
    assert job.pipeline_spec["root"]["dag"]["tasks"].keys() == broken.tasks.keys()


@pytest.mark.parametrize(
    ("where", "task", "fault"),
    [
        (lambda c: c.tasks["DataGate"], "DataGate", 'PipelineTaskSpec" has no field named "speling"'),
        (lambda c: c.container("DataGate"), "DataGate", 'PipelineContainerSpec" has no field named "speling"'),
        (
            lambda c: c.platform["platforms"]["kubernetes"],
            "pipeline",
            'SinglePlatformSpec" has no field named "speling"',
        ),
    ],
    ids=["task", "executor, which Kubeflow reads past", "platform"],
)
def test_a_misspelt_field_is_named_with_its_place_and_nothing_else_is_said(good, where, task, fault):
    broken = copy.deepcopy(good["kubeflow"])
    where(broken)["speling"] = 1
    [problem] = check.check(broken, "kubeflow")
    assert (problem.task, fault in problem.fault) == (task, True)
    assert problem.mend.startswith("Correct it (known there: ")


def test_a_value_of_another_type_is_no_pipeline_spec(good):
    broken = copy.deepcopy(good["vertex"])
    broken.tasks["DataGate"]["cachingOptions"]["enableCache"] = "sometimes"
    [problem] = check.check(broken, "vertex")
    assert problem.task == "DataGate"
    assert "Expected true or false" in problem.fault


def test_what_the_rules_know_of_others_is_what_these_say():
    assert TITLE_TO_CLASS_PATH.keys() == artifact_types.TFX
    assert resources.vertex_accelerators() == [each.name for each in AcceleratorType if each.value]
    assert parsed.messages() is pipeline_spec_pb2


@pytest.mark.parametrize(
    ("dotted", "line"),
    [
        (
            "components.IngestionSummary",
            "class IngestionSummary(",
        ),  # By the package's __getattr__.
        ("components.ingestion.data_gate.DataGate_Executor", "@component"),  # Made by TFX's decorator.
        ("tfx.v1.components.Trainer", "class Trainer("),
        ("components.ingestion.data_gate.Gate_Executor", None),
        ("components.no_such.Executor", None),
        ("", None),
    ],
)
def test_a_dotted_name_is_found_without_an_import(dotted, line):
    found = modules.definition(dotted)
    assert (found and ast.unparse(found).splitlines()[0][: len(line or "")]) == line


@pytest.mark.parametrize("target", TARGETS)
def test_a_file_is_checked_as_the_example_settings_place_it(compiled, target, tmp_path):
    path = tmp_path / "pipeline.yaml"
    compiled_file.write(path, compiled)
    assert check.check_file(path, target) == []
    broken = copy.deepcopy(compiled)
    broken.tasks["DataGate"]["dependentTasks"].append("Tuner")
    compiled_file.write(path, broken)
    assert [problem.task for problem in check.check_file(path, target)] == ["DataGate"]


def test_settings_of_another_target_are_refused(compiled, tmp_path):
    compiled_file.write(tmp_path / "pipeline.yaml", compiled)
    with pytest.raises(SettingsError, match=r"vertex\.yaml is not for kubeflow\. Give --settings FILE"):
        check.check_file(tmp_path / "pipeline.yaml", "kubeflow", ROOT / "settings" / "vertex.yaml")


def test_a_check_imports_neither_tfx_nor_tensorflow_nor_kfp(compiled, tmp_path):
    compiled_file.write(tmp_path / "pipeline.yaml", compiled)
    code = (
        "import sys, pathlib; from pipeline.checks import check; "
        f"print(len(check.check_file(pathlib.Path({str(tmp_path / 'pipeline.yaml')!r}), 'kubeflow'))); "
        "print({'tfx', 'tensorflow', 'kfp', 'apache_beam', 'google.cloud.aiplatform'} & sys.modules.keys())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.split("\n")[:2] == ["0", "set()"]


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.just("{{$}}"), st.just("tfx.Model"), st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)  # fmt: skip


def _places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Of everything below a node."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from _places(value, (*path, key))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), target=st.sampled_from(TARGETS))
def test_no_damage_makes_the_check_raise(good, data, target):
    spec = copy.deepcopy(good[target].spec)
    for _ in range(data.draw(st.integers(1, 3))):
        *above, last = data.draw(st.sampled_from([*_places(spec)]))
        holder = functools.reduce(lambda node, key: node[key], above, spec)
        if data.draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = data.draw(JUNK)
    damaged = Compiled(spec, good[target].platform)
    for each in (damaged, check.placed(damaged, SETTINGS[target])):
        assert all(isinstance(problem, parsed.Problem) for problem in check.check(each, target))


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("vertex", {"project", "pipeline_root", "service_account", "network", "image", "parameters.data"}),
        ("kubeflow", {"host", "namespace", "pipeline_root", "image"}),
    ],
)
def test_settings_that_are_still_the_examples_are_told_field_by_field(target, fields):
    given = ROOT / "settings" / f"{target}.yaml"
    problems = check.check_file(ROOT / "pipeline.yaml", target, given)
    told = {problem.fault.split(" is ")[0] for problem in problems if problem.task == "settings"}
    assert fields <= told
    assert all(problem.mend == f"Give your own in {given}." for problem in problems if problem.task == "settings")
    assert not [each for each in check.check_file(ROOT / "pipeline.yaml", target) if each.task == "settings"]


def test_settings_that_somebody_filled_in_have_no_such_fault(tmp_path):
    text = (ROOT / "settings" / "vertex.yaml").read_text()
    text = text.replace("my-project", "pictures-eu").replace("my-bucket", "pictures").replace("my-network", "inner")
    (tmp_path / "mine.yaml").write_text(text.replace("projects/12345/", "projects/777/").replace(".example", ".test"))
    problems = check.check_file(ROOT / "pipeline.yaml", "vertex", tmp_path / "mine.yaml")
    assert [problem for problem in problems if problem.task == "settings"] == []
