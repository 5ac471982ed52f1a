"""`mobilenet check`: the real file passes, and each fault is found by one rule, which the loaders do not have."""

import copy

import pytest

from pipeline import check, kubeflow, placement
from pipeline.branch import Branch
from pipeline.checks import parsed
from pipeline.cluster_settings import KubeflowSettings, VertexSettings
from pipeline.compiled_file import Compiled
from tests.pipeline.broken_placements import PLACED
from tests.pipeline.broken_specs import SPECS, Broken
from trainer.recipes import sample
from trainer.variant import Variant

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


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    return kubeflow.compile_pipeline(kubeflow.DEFAULTS, [Branch(Variant(0.25, 64), sample.FLOAT, sample.QAT)])


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


@pytest.mark.parametrize("case", [*SPECS, *PLACED], ids=lambda case: case.name)
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


@pytest.mark.parametrize(
    "case", [case for case in [*SPECS, *PLACED] if case.target != "both"], ids=lambda case: case.name
)
def test_what_only_one_backend_refuses_is_not_held_against_the_other(good, case):
    other = "kubeflow" if case.target == "vertex" else "vertex"
    try:
        broken = _broken(good, case, other)
    except (KeyError, TypeError):
        return
    print(case.name, check.check(broken, other))
