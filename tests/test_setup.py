"""setup.sh with made-up programs on the path: when it works, when not, and what it says. Nothing is installed."""

import platform
import re
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
TOOLS = (
    "sh",
    "cat",
    "chmod",
    "cmp",
    "cut",
    "dirname",
    "getconf",
    "head",
    "mkdir",
    "mv",
    "rm",
    "sort",
    "touch",
    "uname",
)
# It knows its version by heart; it makes environments and fetches nothing.
PYTHON = """#!/bin/sh
case "$*" in
*sys.version_info*) echo VERSION ;;
*Python.h*) ;;
*) exit 1 ;;
esac
"""
# Writes down its calls, puts the named Python into .venv on `venv`, fails on `pip sync` if there is a file
# "fail", has no Python of its own.
UV = """#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/calls"
case "$*" in
venv*)
    for last in "$@"; do
        [ "${before:-}" != --python ] || python=$last
        before=$last
    done
    mkdir -p "$last/bin"
    cat "$python" >"$last/bin/python"
    chmod +x "$last/bin/python" ;;
python*) exit 1 ;;
"pip sync"*) [ ! -e "$here/fail" ] ;;
esac
"""


class Machine:
    """A checkout and a path of its own."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.programs = folder / "checkout", folder / "bin"
        self.checkout.mkdir()
        self.programs.mkdir()
        for tool in TOOLS:
            (self.programs / tool).symlink_to(str(shutil.which(tool)))
        self.has_glibc("2.36")
        self.add("g++", "")
        shutil.copy(ROOT / "setup.sh", self.checkout)
        for name in ("requirements.lock", "pyproject.toml"):
            (self.checkout / name).write_text(f"{name}\n")
        self.stamp = self.checkout / ".venv" / ".complete"

    def add(self, name: str, script: str) -> Path:
        program = self.programs / name
        program.write_text(script)
        program.chmod(0o755)
        return program

    def add_python(self, version: str) -> Path:
        return self.add(f"python{version}", PYTHON.replace("VERSION", version))

    def has_glibc(self, version: str) -> None:
        (self.programs / "getconf").unlink()
        self.add("getconf", f"#!/bin/sh\necho glibc {version}\n")

    def setup(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(self.checkout / "setup.sh")],
            env={"PATH": str(self.programs), "HOME": str(self.programs), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[str]:
        """What uv was asked for since the last time, two words each."""
        log = self.programs / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [" ".join(line.split()[:2]) for line in lines]


@pytest.fixture
def bare(tmp_path):
    """No Python, no uv."""
    return Machine(tmp_path)


@pytest.fixture
def machine(bare):
    """A Python 3.10 without pip, and uv."""
    bare.add_python("3.10")
    bare.add("uv", UV)
    return bare


def test_without_any_python_one_sentence_says_what_to_install(bare):
    result = bare.setup()
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "found no Python 3.10" in result.stderr and "install one" in result.stderr


def test_a_python_that_does_not_serve_is_not_taken_and_not_blamed_for_another(bare):
    bare.add_python("3.12")
    result = bare.setup(PYTHON="python3.12")
    assert (result.returncode, bare.stamp.exists()) == (1, False)
    assert "PYTHON=python3.12 does not serve: wanted a Python 3.10" in result.stderr


@pytest.mark.parametrize("newest", ["3.11", "3.12", "3.13"])
def test_where_glibc_allows_the_newest_python_of_the_current_stack_is_taken(machine, newest):
    machine.has_glibc("2.39")
    for version in ("3.11", "3.12", "3.13", "3.14"):
        if version <= newest or version == "3.14":
            machine.add_python(version)
    said = (
        f"tfx 1.21.0 on Python {newest}, the current stack, as glibc is 2.39 ({machine.programs / f'python{newest}'})"
    )
    result = machine.setup()
    assert (result.returncode, result.stderr.splitlines()[0]) == (0, f"setup: {said}")


@pytest.mark.parametrize(
    ("glibc", "also", "why"),
    [
        ("2.38", "3.13", "the current stack needs glibc 2.39 or newer, and this is 2.38"),
        ("2.100", "3.14", "there is no Python 3.11 to 3.13 for the current stack"),
    ],
)
def test_else_python_310_is_taken_and_it_says_why(machine, glibc, also, why):
    machine.has_glibc(glibc)
    machine.add_python(also)
    assert machine.setup().stderr.startswith(f"setup: tfx 1.16.0 on Python 3.10, as {why} (")


def test_a_python_that_is_named_is_taken_and_a_venv_of_another_is_made_anew(machine):
    machine.has_glibc("2.41")
    machine.add_python("3.13")
    assert machine.setup(PYTHON="python3.10").stderr.startswith(
        "setup: tfx 1.16.0 on Python 3.10, as PYTHON names it ("
    )
    assert machine.setup().stderr == ""
    (machine.checkout / ".venv/rest").touch()
    other = machine.setup(PYTHON="python3.13")
    assert "tfx 1.21.0 on Python 3.13, the current stack, as PYTHON names it" in other.stderr
    assert not (machine.checkout / ".venv/rest").exists()
    assert machine.setup(PYTHON="python3.13").stderr == ""


def test_a_name_that_does_not_serve_costs_no_venv(machine):
    machine.setup()
    machine.add_python("3.13")
    refused = machine.setup(PYTHON="python3.13")
    assert (refused.returncode, machine.stamp.exists()) == (1, True)
    assert "or 3.11 to 3.13 where glibc is 2.39 or newer (here: 2.36)" in refused.stderr


def test_the_pythons_that_set_up_takes_are_those_that_pyproject_allows():
    allowed = re.search(r'^requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)
    taken = re.search(r'^CURRENT="(.*)"', (ROOT / "setup.sh").read_text(), re.M)
    assert allowed and taken
    versions = [f"3.{minor}" for minor in range(20)]
    assert list(SpecifierSet(allowed[1]).filter(versions)) == ["3.10", *reversed(taken[1].split())]


def test_a_shim_that_leads_nowhere_is_passed_over_for_a_python_of_pyenv(bare):
    bare.add("uv", UV)
    bare.add("python3.10", "#!/bin/sh\nexit 127\n")
    version = bare.programs / ".pyenv/versions/3.10.13/bin"
    version.mkdir(parents=True)
    (version / "python3.10").write_text(PYTHON.replace("VERSION", "3.10"))
    (version / "python3.10").chmod(0o755)
    assert f" ({version / 'python3.10'})\n" in bare.setup().stderr


def test_without_uv_and_pip_one_sentence_says_so(bare):
    bare.add_python("3.10")
    result = bare.setup()
    assert result.returncode == 1
    assert "can make no virtual environment: install its venv package (python3.10-venv) or uv" in result.stderr
    assert not bare.stamp.exists()


def test_without_a_compiler_one_sentence_says_what_to_install(machine):
    (machine.programs / "g++").unlink()
    result = machine.setup()
    assert (result.returncode, machine.stamp.exists()) == (1, False)
    assert "apt install g++ python3.10-dev" in result.stderr
    machine.has_glibc("2.41")
    machine.add_python("3.13")
    assert "apt install g++ python3.13-dev" in machine.setup().stderr


@pytest.mark.parametrize("system", ["Darwin arm64", "Linux aarch64"])
def test_a_machine_without_wheels_is_told_before_anything_is_fetched(machine, system):
    (machine.programs / "uname").unlink()
    machine.add("uname", f"#!/bin/sh\necho {system}\n")
    result = machine.setup()
    assert (result.returncode, machine.calls()) == (1, [])
    assert f"x86-64 Linux only and this is {system}" in result.stderr


def test_it_installs_by_hash_from_the_lock_and_then_does_nothing(machine):
    assert machine.setup().returncode == 0
    log = (machine.programs / "calls").read_text()
    assert "--require-hashes" in log and "requirements.lock" in log and "--no-deps --no-build-isolation -e ." in log
    machine.calls()
    assert (machine.setup().stderr, machine.calls()) == ("", [])


def test_a_set_up_that_failed_half_way_is_made_anew(machine):
    (machine.programs / "fail").touch()
    assert machine.setup().returncode == 1
    (machine.programs / "fail").unlink()
    (machine.checkout / ".venv/rest").touch()
    assert ".venv is unfinished, was made elsewhere or with another Python: making it anew" in machine.setup().stderr
    assert (machine.stamp.exists(), (machine.checkout / ".venv/rest").exists()) == (True, False)


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_the_dependencies_is_brought_into_the_same_venv(machine, name):
    machine.setup()
    machine.calls()
    (machine.checkout / name).write_text("changed\n")
    (machine.checkout / ".venv/kept").touch()
    assert machine.setup().returncode == 0
    assert (machine.calls(), (machine.checkout / ".venv/kept").exists()) == (["pip sync", "pip install"], True)


def test_an_update_that_failed_leaves_no_stamp(machine):
    machine.setup()
    (machine.checkout / "requirements.lock").write_text("changed\n")
    (machine.programs / "fail").touch()
    assert (machine.setup().returncode, machine.stamp.exists()) == (1, False)


def test_a_folder_that_was_moved_gets_a_venv_of_its_own(machine):
    machine.setup()
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("moved"))
    machine.calls()
    assert machine.setup().returncode == 0
    assert machine.calls()[-3:] == ["venv --quiet", "pip sync", "pip install"]


@pytest.mark.parametrize("name", ["setup.sh", "requirements.lock", "pyproject.toml", "Makefile", "tests/current.sh"])
def test_no_address_is_written_down(name):
    """The lock must work behind any mirror: package indexes are the affair of the machine's own configuration."""
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_no_package_of_the_lock_refuses_this_python_which_pip_heeds_and_uv_does_not():
    packages = [each for each in distributions() if "Requires-Python" in each.metadata]
    refusing = [
        f"{each.name} {each.version}"
        for each in packages
        if not SpecifierSet(each.metadata["Requires-Python"]).contains(platform.python_version())
    ]
    assert len(packages) > 100
    assert refusing == []
