"""What the Dockerfile says, and which engine `make image` takes; proof/test_image.py builds it."""

import re
import shutil
import subprocess
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TARGETS = ("cpu", "gpu", "beam")
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
INSTRUCTIONS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]


def _stages() -> dict[str, list[tuple[str, str]]]:
    """Every stage by its name, with the instructions of those under it before its own."""
    stages: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for instruction, rest in INSTRUCTIONS:
        if instruction == "FROM":
            below, _, name = rest.partition(" AS ")
            stages[name or "default"] = list(stages.get(below, []))
            name = name or "default"
        elif name:
            stages[name].append((instruction, rest))
    return stages


def _last(target: str, instruction: str) -> str:
    return [rest for given, rest in _stages()[target] if given == instruction][-1]


def _argument(name: str) -> str:
    return next(rest for given, rest in INSTRUCTIONS if given == "ARG" and rest.startswith(name)).partition("=")[2]


def _locked(package: str) -> str:
    """Its version on the current stack, which the image is on."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if re.match(rf"{re.escape(package)}(\[.*\])?==", line) and "< '3.11'" not in line]
    assert len(pins) == 1, pins
    return pins[0].partition("==")[2].split()[0]


def test_without_a_target_it_is_the_cpu_image():
    assert (_stages()["default"], INSTRUCTIONS[-1]) == (_stages()["cpu"], ["FROM", "cpu"])


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_runs_as_a_number_that_is_not_root_with_our_sources_and_their_revision(target):
    assert _last(target, "USER") == "1000"
    assert _last(target, "COPY") == "--from=sources / /opt/mobilenet"
    assert _last(target, "LABEL") == 'org.opencontainers.image.revision="${REVISION}"'


def test_a_home_a_name_and_folders_for_artifacts_are_there_for_whichever_user_the_cluster_gives():
    environment = _last("cpu", "ENV")
    assert "HOME=/home/mobilenet" in environment and "USER=mobilenet" in environment
    assert ("RUN", "mkdir -m 1777 /home/mobilenet /gcs /minio /s3") in _stages()["cpu"]


def test_of_the_repository_only_what_is_copied_is_let_through():
    copied = [rest.split()[0] for given, rest in INSTRUCTIONS if given == "COPY" and not rest.startswith("--from")]
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert set(copied) == set(let_through)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sources = [rest.split()[0] for given, rest in _stages()["sources"] if given == "COPY"]
    assert sources == ["LICENSE", "trainer", "components", "pipeline"]


def test_nothing_is_installed_but_by_hash_or_from_what_was():
    commands = [part for given, rest in INSTRUCTIONS if given == "RUN" for part in rest.split("&&")]
    installs = [part for part in commands if re.search(r"\bpip (install|wheel|download)\b", part)]
    assert len(installs) == 3
    assert [part for part in installs if "--require-hashes" not in part and "--no-index" not in part] == []


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "requirements-gpu.lock"])
def test_it_names_no_address_and_no_frontend_to_fetch(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text and not re.search(r"^#\s*syntax\s*=", text, re.MULTILINE)


def test_beams_boot_is_of_the_locked_beam_and_of_the_python_that_the_images_debian_has():
    assert _argument("BASE_IMAGE") == "debian:trixie-slim"  # Whose Python is 3.13.
    assert _argument("BEAM_IMAGE") == f"apache/beam_python3.13_sdk:{_locked('apache-beam')}"


def test_a_compiler_is_in_the_stage_that_builds_and_in_no_target():
    stages = _stages()
    compilers = [name for name in stages if any("g++" in rest for given, rest in stages[name] if given == "RUN")]
    assert compilers == ["packages"]


def test_the_cuda_libraries_are_those_that_the_locked_tensorflow_names():
    if version("tensorflow") != _locked("tensorflow"):
        pytest.skip(f"the image's TensorFlow is {_locked('tensorflow')} and this one is {version('tensorflow')}")
    named = [Requirement(line) for line in requires("tensorflow") or () if "and-cuda" in line]
    pins = re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements-gpu.lock").read_text(), re.MULTILINE)
    assert len(pins) > 5
    assert {name for name, _ in pins} == {each.name for each in named}
    assert [name for name, pin in pins for each in named if each.name == name and pin not in each.specifier] == []


@pytest.mark.skipif(not shutil.which("make"), reason="make is not there")
class TestMakeImage:
    @pytest.fixture
    def programs(self, tmp_path):
        for tool in ("make", "sh"):
            (tmp_path / tool).symlink_to(str(shutil.which(tool)))
        (tmp_path / "git").write_text("#!/bin/sh\necho c0ffee-dirty\n")
        (tmp_path / "git").chmod(0o755)
        return tmp_path

    @pytest.mark.parametrize("engine", ["docker", "podman", "buildah"])
    def test_it_takes_the_first_engine_that_works(self, programs, engine):
        for name in ("docker", "podman", "buildah"):
            works = name == engine or name == "buildah"
            (programs / name).write_text(
                f'#!/bin/sh\n[ "$1" != build ] || echo {name} "$@"\n{"true" if works else "false"}\n'
            )
            (programs / name).chmod(0o755)
        done = _make(programs, "TARGET=gpu", "BASE_IMAGE=mine")
        wanted = "build --target gpu --build-arg BASE_IMAGE=mine --build-arg REVISION=c0ffee-dirty"
        assert done.stdout.split() == [engine, *wanted.split(), "-t", "mobilenet-pipeline:gpu", "."]

    def test_without_an_engine_it_says_what_to_do(self, programs):
        done = _make(programs)
        assert done.returncode != 0
        assert (
            "found no docker, podman or buildah that works here: install one, or start docker's daemon." in done.stderr
        )


def _make(programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "image", *arguments],
        cwd=ROOT,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
    )
