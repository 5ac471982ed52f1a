"""What one release of Kubeflow Pipelines takes and another does not; sizes are those of its own compiler."""

import copy
import functools

import pytest

from pipeline.branch import Branch
from pipeline.checks import check, releases, sizes
from pipeline.compiled import compiler, placement
from pipeline.compiled.compiled_file import Compiled
from pipeline.settings.cluster import KubeflowSettings
from pipeline.variants import parse
from tests.pipeline.emulator.specs import COPY, Spec, constant

SETTINGS = KubeflowSettings(
    target="kubeflow", image="registry.example/mobilenet-pipeline:1", host="http://localhost:8080",
    volumes=[{"claim": "mobilenet", "mount": "/mnt"}],  # pyright: ignore
    parameters={"data": "/mnt/pictures", "push_destination": "/mnt/models"},  # pyright: ignore
)  # fmt: skip


@functools.cache
def placed(variants: str) -> Compiled:
    branches = [Branch.of(each.name, "tiny") for each in parse(variants)]
    return placement.place(compiler.compile_pipeline(compiler.DEFAULTS, branches), SETTINGS)


@pytest.fixture(scope="module")
def three() -> Compiled:
    return placed("0.25_32,0.25_64,0.5_32")


def faults(compiled: Compiled, release: str) -> list[str]:
    return [problem.fault for problem in check.check(compiled, "kubeflow", releases.parse(release))]


@pytest.mark.parametrize("release", ["2.4", "2.5.0", "2.17", "next"])
def test_several_variants_run_from_2_4_on(three, release):
    assert faults(three, release) == []


@pytest.mark.parametrize("release", ["2.1", "2.3.0"])
def test_before_2_4_several_variants_would_write_to_one_address(three, release):
    assert faults(three, release) == [
        "It is called 3 times, and before Kubeflow Pipelines 2.4 all of them write to the same addresses."
    ]


def test_what_waits_for_several_is_a_hook_of_each_from_2_4_on():
    spec = Spec()
    for name in ("a", "b"):
        spec.copy(name, text=constant(name), script=f"{COPY}# {name}\n", taskInfo={"name": name})
    policy = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    spec.copy("last", dependentTasks=["a", "b"], triggerPolicy=policy, taskInfo={"name": "last"})
    [fault] = [each for each in faults(spec.compiled(), "2.4") if "however" in each]
    assert "waits for a, b: Kubeflow runs it 2 times" in fault
    assert not [each for each in faults(spec.compiled(), "2.3") if "however" in each]


def test_a_component_whose_container_is_anothers_to_the_byte_is_taken_for_it_from_2_4_on():
    spec = Spec()
    spec.copy("a", taskInfo={"name": "a"})
    spec.copy("b", text=constant("bee"), taskInfo={"name": "b"})
    [fault] = [each for each in faults(spec.compiled(), "2.4") if "to the byte" in each]
    assert fault == "Its container is that of a to the byte: Kubeflow would give it a's inputs and outputs."
    assert not [each for each in faults(spec.compiled(), "2.3") if "to the byte" in each]


def test_before_2_1_drivers_see_twenty_tasks():
    spec = Spec()
    for number in range(21):
        spec.copy(f"task-{number}", text=constant("x"), taskInfo={"name": f"task-{number}"})
    assert "It has 21 tasks, of which drivers before Kubeflow Pipelines 2.1 see 20." in faults(spec.compiled(), "2.0.5")
    assert not [each for each in faults(spec.compiled(), "2.1") if "drivers" in each]


def test_a_driver_gets_a_component_as_one_argument_which_has_a_limit_before_argo_4(three):
    large = copy.deepcopy(three)
    large.tasks["DataGate"]["inputs"]["parameters"]["code"] = {"runtimeValue": {"constant": "x" * 130_000}}
    assert faults(large, "2.17") == []
    [fault] = faults(large, "2.16")
    assert fault.startswith("It is 14") and fault.endswith("as one argument: wanted at most 131,071.")


@pytest.mark.parametrize(
    ("variants", "largest", "workflow"),
    [
        ("0.25_32", ("Variant", 11_266), 174_455),
        ("0.25_32,0.25_64,0.5_32", ("root", 13_004), 259_537),
        ("all", ("root", 37_213), 812_842),  # Argo 4.0.5 ended sixteen such variants at 793,013.
    ],
)
def test_the_largest_argument_is_what_kubeflows_compiler_writes_and_sixteen_variants_fit(variants, largest, workflow):
    found = sizes.Sizes.of(placed(variants).spec)
    name, size = max(found.arguments.items(), key=lambda item: item[1])
    assert (name, size) == (largest[0], pytest.approx(largest[1], rel=0.02))  # Nodes have got parameters since.
    assert found.workflow == pytest.approx(workflow, rel=0.02)
    assert found.workflow < sizes.WORKFLOW


def test_sixteen_variants_have_more_parameters_than_servers_before_2_16_take():
    [fault] = faults(placed("all"), "2.15")
    assert fault.startswith("Its parameters are 26,") and fault.endswith(
        "at most 10,000 before Kubeflow Pipelines 2.16."
    )


@pytest.mark.parametrize("text", ["", "2", "1.8", "latest", "2.17.0.1", "v2.17"])
def test_what_is_no_release_is_refused(text):
    with pytest.raises(releases.ReleaseError, match=r"wanted a release of Kubeflow Pipelines such as 2\.17, or next"):
        releases.parse(text)
