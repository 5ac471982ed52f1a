"""`mobilenet benchmark`: numbers known beforehand come out as they are, and real files run in real processes."""

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from typer.testing import CliRunner

from components.release import bundle
from pipeline.benchmark import benchmark, operators, report
from pipeline.benchmark.benchmark import BenchmarkError, How, Timing
from pipeline.cli import app
from trainer import tflite
from trainer.network import mobilenet_v1
from trainer.tflite.graph import TFLiteError

pytestmark = pytest.mark.slow

QUICK = How(warmup=1, repeats=2 * benchmark.BLOCK, processes=2)
NAME = "mobilenet_v1_0.25_32"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("files") / "float.tflite"
    path.write_bytes(tflite.convert(mobilenet_v1.build(width=0.25, resolution=32, classes=3), edges="float"))
    return path


@pytest.fixture
def release(file, tmp_path) -> Path:
    """A destination's 0.25_32/1, with one file in it."""
    folder = tmp_path / "models" / "0.25_32" / "1"
    folder.mkdir(parents=True)
    (folder / f"{NAME}_float.tflite").write_bytes(file.read_bytes())
    bundle.write_json(folder / bundle.INFO, {"variant": "0.25_32", "name": NAME})
    bundle.write_manifest(folder)
    return folder


def timing(ms: float, *, spread: float = 0.0, seed: int = 0) -> Timing:
    """20 processes of 50 runs each; processes differ by `spread`."""
    chance = np.random.default_rng(seed)
    luck = 1 + spread * chance.standard_normal((20, 1))
    runs = ms * 1e6 * luck * (1 + 0.001 * chance.standard_normal((20, 50)))
    return Timing(Path("x.tflite"), runs.astype(np.int64), 1_000_000, 2_000_000)


def test_the_ratio_of_medians_is_what_it_was_made_with():
    found = benchmark.ratio(timing(3.3, spread=0.01), timing(3.0, spread=0.01, seed=1))
    assert found.ratio == pytest.approx(1.1, abs=0.01)
    assert found.low < 1.1 < found.high
    assert found.high - found.low < 0.03


def test_the_interval_of_equal_files_holds_1_about_as_often_as_it_says():
    held = 0
    for seed in range(100):
        found = benchmark.ratio(timing(3.0, spread=0.02, seed=2 * seed), timing(3.0, spread=0.02, seed=2 * seed + 1))
        held += found.low <= 1 <= found.high
    assert held >= 85  # 95 expected; percentile intervals of 20 processes are a little short.


def test_an_interval_by_runs_instead_of_processes_would_be_too_short():
    wide, narrow = (timing(3.0, spread=spread).median_interval_ms for spread in (0.02, 0.0))
    assert wide[1] - wide[0] > 10 * (narrow[1] - narrow[0])


def test_distributions_are_of_all_runs():
    ns = np.arange(1, 101, dtype=np.int64).reshape(4, 25) * 1_000_000
    one = Timing(Path("x"), ns, 0, 0)
    assert (one.ms(0), one.median_ms, one.ms(1)) == (1.0, 50.5, 100.0)
    assert one.ms(0.9) == pytest.approx(90.1)


def test_files_take_turns_in_processes_of_their_own(file, tmp_path):
    (tmp_path / "again.tflite").write_bytes(file.read_bytes())
    told = []
    timings = benchmark.measure([file, tmp_path / "again.tflite"], QUICK, follow=lambda *done: told.append(done))
    assert [timing.file.name for timing in timings] == ["float.tflite", "again.tflite"]
    assert told == [(1, 2), (2, 2)]
    for timing in timings:
        assert timing.ns.shape == (2, benchmark.BLOCK)
        assert timing.ns.min() > 0
        assert file.stat().st_size < timing.peak < 300 << 20  # The weights at least; TensorFlow would be more.


@pytest.mark.parametrize("xnnpack", [True, False])
def test_either_kernels_and_several_threads_run(file, xnnpack):
    [found] = benchmark.measure([file], How(threads=2, xnnpack=xnnpack, warmup=0, repeats=25, processes=1))
    assert found.ns.shape == (1, 25)


def test_what_is_no_model_is_named_with_what_the_runtime_says(tmp_path):
    (tmp_path / "text.tflite").write_text("hello")
    with pytest.raises(TFLiteError, match=r"text\.tflite cannot be run: .*[Ff]latbuffer"):
        benchmark.measure([tmp_path / "text.tflite"], QUICK)
    with pytest.raises(BenchmarkError, match=r"gone\.tflite is no file"):
        benchmark.measure([tmp_path / "gone.tflite"], QUICK)


@pytest.mark.parametrize(
    ("how", "message"),
    [(How(repeats=0), "--repeats is 0"), (How(threads=0), "got 0 threads"), (How(warmup=-1), "a warm-up of -1")],
)
def test_options_that_measure_nothing_are_refused(file, how, message):
    with pytest.raises(BenchmarkError, match=message):
        benchmark.measure([file], how)


def test_every_operator_is_profiled_in_order(file, monkeypatch):
    monkeypatch.setattr(operators, "_PROCESSES", 1)
    steps = operators.profile(file, How(warmup=0, repeats=25))
    assert [step.name for step in steps] == [operator.name for operator in tflite.operators(file.read_bytes())]
    assert steps[-1].name == "SOFTMAX" and steps[0].shape == (16, 16, 8)
    assert sum(step.ms for step in steps) > 0


def test_a_cut_file_computes_what_the_whole_one_does_up_there(file):
    content = file.read_bytes()
    images = np.random.default_rng(2).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    for place in (0, 13, 27):
        wanted = tflite.Runner(content).activations(images, [tflite.operators(content)[place].outputs[0]])[0]
        interpreter = Interpreter(model_content=operators._cut(content, place + 1))
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
        interpreter.invoke()
        got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_the_command_prints_json_and_writes_beside_the_variants_folder(release):
    options = ["--repeats", "25", "--warmup", "0", "--against", str(release / f"{NAME}_float.tflite")]
    done = CliRunner().invoke(app, ["benchmark", str(release), "--json", "--write", *options])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    [model, peer] = said["models"]
    assert (model["threads"], model["kernels"], model["runs"]) == (1, "XNNPACK", 250)
    assert model["against"]["peer"] == peer["path"] and 0.3 < model["against"]["ratio"] < 3
    written = json.loads((release.parents[1] / "latency" / "0.25_32.json").read_text())
    assert written["machine"] == said["machine"]
    assert written["files"][f"{NAME}_float.tflite"]["median_ms"] == model["median_ms"]
    assert bundle.verify(release) == []


def test_a_folder_at_no_destination_is_not_written_beside(release, tmp_path):
    moved = release.rename(tmp_path / "elsewhere")
    with pytest.raises(BenchmarkError, match=r"elsewhere is not 0\.25_32/VERSION of a push destination"):
        report.write(moved, {"models": []})
