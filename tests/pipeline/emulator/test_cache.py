"""The runner's cache: what a second run is spared, what makes a task run again, and going on after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.compiled import compiled_file
from tests.pipeline.emulator.specs import COPY, Spec, chain, constant, run, states, text

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("backend", ["vertex", "kubeflow"])
DRIVER = """
import json, sys
call = json.loads(sys.argv[1])
seen = open(call["inputs"]["parameterValues"]["text"]).read()
said = {"parameterValues": {"input_fingerprint": seen}}
open(call["outputs"]["outputFile"], "w").write(json.dumps(said))
"""


@BOTH
def test_the_second_run_is_served_from_the_cache_and_a_parameter_runs_what_it_reaches(tmp_path, backend):
    spec = chain()
    spec.copy("c", text=constant("cow"))
    run(spec, tmp_path, backend=backend)
    second = run(spec, tmp_path, backend=backend)
    assert set(states(second).values()) == {"cached"}
    assert text(second, "b") == "antbee"
    third = run(spec, tmp_path, backend=backend, parameters={"word": "wasp"})
    assert states(third) == {"a": "done", "b": "done", "c": "cached"}
    assert set(states(run(spec, tmp_path, backend=backend, cache=False)).values()) == {"done"}


@BOTH
def test_an_output_that_is_gone_or_cut_short_is_made_again(tmp_path, backend):
    first = run(chain(), tmp_path, backend=backend)
    (first["a"].folders["made"] / "made.txt").write_text("an")
    again = run(chain(), tmp_path, backend=backend)
    assert again["a"].state == "done"
    (again["a"].folders["made"] / "made.txt").unlink()
    assert run(chain(), tmp_path, backend=backend)["a"].state == "done"


def test_a_task_without_caching_runs_every_time(tmp_path):
    spec = chain()
    del spec.tasks["a"]["cachingOptions"]
    run(spec, tmp_path)
    assert run(spec, tmp_path)["a"].state == "done"


def test_the_driver_looks_at_the_input_before_the_cache_on_vertex_and_never_on_kubeflow(tmp_path):
    data = tmp_path / "data.txt"
    spec = Spec()
    spec.copy("a", text=constant(str(data)))
    lifecycle = {"preCacheCheck": {"command": ["python", "-c", DRIVER], "args": ["{{$}}"]}}
    spec.spec["deploymentSpec"]["executors"]["a_executor"]["container"]["lifecycle"] = lifecycle
    seen = []
    for content in ("old", "old", "new"):
        data.write_text(content)
        seen.append([run(spec, tmp_path / "work", backend=each)["a"].state for each in ("vertex", "kubeflow")])
    assert seen == [["done", "done"], ["cached", "cached"], ["done", "cached"]]


@BOTH
def test_killed_and_started_again_it_goes_on_from_the_cache(tmp_path, backend):
    wait = (
        "import time, pathlib, os\npathlib.Path(os.environ['GO'] + '.awaited').touch()\n"
        "while not pathlib.Path(os.environ['GO']).exists(): time.sleep(0.05)\n"
    )
    spec = chain()
    spec.copy("b", "a", text=constant("bee"), script=wait + COPY)
    go = {"name": "GO", "value": str(tmp_path / "go")}
    spec.spec["deploymentSpec"]["executors"]["b_executor"]["container"]["env"] = [go]
    compiled_file.write(tmp_path / "pipeline.yaml", spec.compiled())
    code = (
        "import sys; from pathlib import Path; from pipeline.compiled import compiled_file\n"
        "from pipeline.emulator import runner as ir_runner\n"
        "here = Path(sys.argv[1])\n"
        "ir_runner.run(compiled_file.read(here / 'pipeline.yaml'), parameters={}, workdir=here / 'work',"
        " backend=sys.argv[2])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path, backend], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "go.awaited").exists():  # Between fork and exec b would hold the run's lock as well.
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / "go").touch()
    result = run(spec, tmp_path / "work", backend=backend)
    assert states(result) == {"a": "cached", "b": "done"}
    assert text(result, "b") == "antbee"
    assert not list((tmp_path / "work").glob("pods/*"))


def test_the_container_s_environment_is_in_the_key_of_vertex_alone_and_the_pipeline_s_name_in_kubeflow_s(tmp_path):
    def changed(*, name: str, value: str) -> Spec:
        spec = chain()
        spec.spec["pipelineInfo"]["name"] = name
        spec.spec["deploymentSpec"]["executors"]["a_executor"]["container"]["env"] = [{"name": "X", "value": value}]
        return spec

    seen = {}
    for backend in ("vertex", "kubeflow"):
        run(changed(name="small", value="1"), tmp_path, backend=backend)
        again = [changed(name="small", value="2"), changed(name="other", value="1")]
        seen[backend] = [run(spec, tmp_path, backend=backend)["a"].state for spec in again]
    assert seen == {"vertex": ["done", "cached"], "kubeflow": ["cached", "done"]}
