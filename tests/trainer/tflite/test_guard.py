"""A .tflite file of strangers: what it does to the process that runs it, it does to a child."""

import contextlib
import lzma
from pathlib import Path

import numpy as np
import pytest

from trainer import limited_process, tflite
from trainer.limited_process import LimitedProcess, ProcessError
from trainer.network import mobilenet_v1
from trainer.tflite import graph, guard

STRANGERS = Path(__file__).parents[2] / "data" / "strangers"
CRASHES = lzma.decompress((STRANGERS / "segv_209155.tflite.xz").read_bytes())


@pytest.fixture(scope="module")
def plain() -> bytes:
    return tflite.convert(mobilenet_v1.build(width=0.25, resolution=32, classes=3), edges="float")


def test_a_file_that_crashes_most_interpreters_ends_at_worst_as_an_error_that_names_the_signal():
    """It writes where it must not: what that does depends on where its memory lies."""
    for _ in range(3):
        with contextlib.suppress(guard.HarmfulFileError):
            assert tflite.Classifier(CRASHES).runner.graph.classes == 11
        found = guard.harm(CRASHES)
        assert not found or "SIG" in found


def test_the_child_gives_what_the_interpreter_gives_here_in_as_many_batches_as_it_takes(plain):
    images = np.random.default_rng(1).uniform(-1, 1, (70, 32, 32, 3)).astype(np.float32)
    runner = guard.GuardedRunner(plain)
    np.testing.assert_array_equal(runner.probabilities(images), tflite.Runner(plain).probabilities(images))
    assert guard.harm(plain) == ""


def test_an_operator_with_too_few_inputs_is_the_files_fault(plain):
    model = graph.parse(plain)
    step = next(step for step in model.subgraphs[0].operators if len(step.inputs) == 3)
    step.inputs = step.inputs[:1]
    with pytest.raises(tflite.TFLiteError, match="has 1 inputs and 1 outputs, wanted at least 2 and 1"):
        tflite.check_int8(graph.pack(model))


@pytest.mark.parametrize(
    ("fault", "message"),
    [("hang", "takes more than 1 s of CPU time"), ("crash", "SIGSEGV"), ("exit", "exit code 3")],
)
def test_a_planted_fault_ends_the_child_alone(fault, message):
    process = LimitedProcess("tests.trainer.tflite.faulty_child")
    with pytest.raises(ProcessError, match=message):
        process.ask({"do": fault}, seconds=0.5)
    process.close()  # Once more does no harm.


def test_a_planted_flood_of_memory_is_refused_and_the_child_goes_on():
    process = LimitedProcess("tests.trainer.tflite.faulty_child")
    assert process.ask({"do": "fill"}, seconds=5)[0] == {"error": "takes more memory than it may have", "bytes": 0}
    assert process.ask({"do": "nothing"}, seconds=5)[0]["did"] == "nothing"
    process.close()


def test_a_child_that_was_prepared_is_the_one_that_is_started():
    limited_process.prepare("tests.trainer.tflite.faulty_child")
    process = limited_process.start("tests.trainer.tflite.faulty_child")
    other = limited_process.start("tests.trainer.tflite.faulty_child")
    assert process is not other
    for each in (process, other):
        each.close()
