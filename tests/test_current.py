"""Where `make test-current` runs: tests/current.sh with made-up programs on the path. Nothing is made."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = (
    "cat",
    "cp",
    "cut",
    "dirname",
    "find",
    "flock",
    "git",
    "head",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sh",
    "sort",
    "tail",
    "tar",
    "true",
    "xargs",
)
PYTHON = "#!/bin/sh\necho VERSION\n"
# Writes down where it was called, with which Python, and how.
MAKE = '#!/bin/sh\necho "$PWD: ${PYTHON:-} $*" >>"${0%/*}/calls"\n'
SETUP, TEST = "--no-print-directory setup", "--no-print-directory test ARGS="
# Makes the folder that it is given last, unless there is a file "fail".
DEBOOTSTRAP = """#!/bin/sh
echo "debootstrap $*" >>"${0%/*}/calls"
for folder in "$@"; do :; done
mkdir -p "$folder/etc"
[ ! -e "${0%/*}/fail" ] || { echo "E: no such mirror"; exit 1; }
"""
# Needs no leave, and has nobody alone.
UNSHARE = '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n'
# Installs debootstrap, if there is a file "debootstrap.to-come".
APT_GET = """#!/bin/sh
echo "apt-get $*" >>"${0%/*}/calls"
case "$*" in
*install*) [ ! -e "${0%/*}/debootstrap.to-come" ] || mv "${0%/*}/debootstrap.to-come" "${0%/*}/debootstrap" ;;
esac
"""
CHROOT = '#!/bin/sh\necho "chroot $*" >>"${0%/*}/calls"\n'


class Machine:
    """A git checkout and a path of its own; glibc is 2.36, the user root."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.programs = folder / "checkout", folder / "bin"
        (self.checkout / "tests").mkdir(parents=True)
        self.programs.mkdir()
        for tool in TOOLS:
            (self.programs / tool).symlink_to(str(shutil.which(tool)))
        self.says("getconf", "glibc 2.36")
        self.says("id", "0")
        self.add("make", MAKE)
        self.add("mount", "#!/bin/sh\n")
        for name in ("setup.sh", "tests/apt.sh", "tests/current.sh", ".gitignore"):
            shutil.copy(ROOT / name, self.checkout / name)
        subprocess.run(["git", "init", "--quiet"], cwd=self.checkout, check=True)
        self.folder = self.checkout / ".current"

    def add(self, name: str, script: str) -> Path:
        program = self.programs / name
        program.write_text(script)
        program.chmod(0o755)
        return program

    def says(self, name: str, line: str) -> None:
        self.add(name, f"#!/bin/sh\necho {line}\n")

    def can_make_debian(self) -> None:
        for name, script in (("debootstrap", DEBOOTSTRAP), ("unshare", UNSHARE), ("chroot", CHROOT)):
            self.add(name, script)

    def test(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(self.checkout / "tests" / "current.sh"), *command],
            env={"PATH": str(self.programs), "HOME": str(self.programs), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[str]:
        """What was called since the last time."""
        log = self.programs / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_venv_that_is_on_the_current_stack_is_used_in_place(machine):
    (machine.checkout / ".venv/bin").mkdir(parents=True)
    shutil.move(machine.add("python", PYTHON.replace("VERSION", "3.12")), machine.checkout / ".venv/bin/python")
    assert machine.test(ARGS="tests/trainer").returncode == 0
    assert machine.calls() == [f"{machine.checkout}:  {call}" for call in (SETUP, f"{TEST}tests/trainer")]
    assert not machine.folder.exists()


def test_where_there_is_no_venv_yet_and_it_would_be_on_the_current_stack_it_is_made_in_place(machine):
    machine.says("getconf", "glibc 2.39")
    machine.says("python3.11", "3.11")
    assert machine.test().returncode == 0
    assert machine.calls() == [f"{machine.checkout}:  {call}" for call in (SETUP, TEST)]


@pytest.fixture
def older(machine):
    """A machine for the current stack, on which .venv is of another."""
    machine.says("getconf", "glibc 2.41")
    machine.says("python3.13", "3.13")
    (machine.checkout / ".venv").mkdir()
    return machine


def test_where_glibc_allows_a_copy_with_a_venv_of_its_own_is_tested(older):
    result = older.test(ARGS="-k 'a or b'")
    assert result.returncode == 0
    assert f"on this machine, with {older.programs / 'python3.13'}" in result.stderr
    copy = older.folder / "checkout"
    python = older.programs / "python3.13"
    assert older.calls() == [f"{copy}: {python} {call}" for call in (SETUP, f"{TEST}-k 'a or b'")]
    assert sorted(os.listdir(copy)) == [".gitignore", "setup.sh", "tests"]


def test_a_copy_is_what_lies_in_the_working_tree_now_and_keeps_its_venv(older):
    (older.checkout / "with space.py").write_text("1")
    subprocess.run(["git", "add", "."], cwd=older.checkout, check=True)
    older.test()
    copy = older.folder / "checkout"
    assert (copy / "with space.py").read_text() == "1"
    (copy / ".venv").mkdir()
    (older.checkout / "with space.py").unlink()
    (older.checkout / "new.py").touch()
    assert older.test().returncode == 0
    assert sorted(os.listdir(copy)) == [".gitignore", ".venv", "new.py", "setup.sh", "tests"]


def test_root_gets_a_debian_once_and_the_tests_run_in_it(machine):
    machine.can_make_debian()
    first = machine.test(ARGS="tests/trainer", CI="true", SECRET="x")
    assert first.returncode == 0, first.stderr
    assert "in a Debian 13, as this machine has glibc 2.36" in first.stderr
    made, tested = machine.calls()
    assert made.startswith("debootstrap --variant=minbase --include=") and " trixie " in made
    assert f"chroot {machine.folder / 'debian'} /usr/bin/env -i" in tested
    assert tested.endswith(f" sh /checkout make {TEST}tests/trainer")
    assert " CI=true " in tested and "SECRET" not in tested
    assert (machine.folder / "debian/checkout/setup.sh").exists()
    machine.test(MIRROR="there")
    assert [call.split()[0] for call in machine.calls()] == ["chroot"]


def test_debootstrap_is_installed_where_it_is_missing_and_once(machine):
    machine.can_make_debian()
    machine.add("apt-get", APT_GET)
    (machine.programs / "debootstrap").rename(machine.programs / "debootstrap.to-come")
    first = machine.test()
    assert first.returncode == 0, first.stderr
    assert "test-current: installing debootstrap\n" in first.stderr
    update, install, made, _ = machine.calls()
    assert update.endswith(" update")
    assert install.endswith(" install --no-install-recommends debootstrap debian-archive-keyring")
    assert made.startswith("debootstrap --variant=minbase ")
    assert "installing" not in machine.test().stderr


def test_another_command_runs_in_it_as_it_was_given_and_sees_the_folder_that_is_shared(machine, tmp_path):
    machine.can_make_debian()
    machine.add("mount", MAKE.replace("${PYTHON:-}", "mount"))
    shared = tmp_path / "with space"
    shared.mkdir()
    assert machine.test("mobilenet", "predict", "a b.jpg", SHARED=str(shared)).returncode == 0
    calls = machine.calls()
    assert calls[-1].endswith(" sh /checkout mobilenet predict a b.jpg")
    assert f"{machine.checkout}: mount --bind {shared} {machine.folder}/debian{shared}" in calls


def test_a_debian_that_could_not_be_made_leaves_none_and_its_last_words_are_said(machine):
    machine.can_make_debian()
    (machine.programs / "fail").touch()
    failed = machine.test()
    assert failed.returncode == 1
    assert "debootstrap failed: E: no such mirror (" in failed.stderr
    assert not (machine.folder / "debian").exists()
    (machine.programs / "fail").unlink()
    assert machine.test().returncode == 0


def test_packages_come_from_where_pip_has_them_on_this_machine_and_no_longer_when_it_forgets(machine):
    machine.can_make_debian()
    named = machine.programs / ".config/pip/pip.conf"
    named.parent.mkdir(parents=True)
    named.write_text("[global]\nindex-url = somewhere\n")
    named.chmod(0o600)
    machine.test()
    known = machine.folder / "debian/root/.config/pip/pip.conf"
    assert (known.read_text(), known.stat().st_mode & 0o777) == (named.read_text(), 0o600)
    named.unlink()
    machine.test()
    assert not known.exists()


@pytest.mark.parametrize(
    ("user", "debian", "reason"),
    [
        ("1000", True, "only root can"),
        ("0", False, "debootstrap could not be installed (apt-get install debootstrap says why)"),
        ("0", None, "this root may not mount (in a container: give it CAP_SYS_ADMIN)"),
    ],
)
def test_where_neither_is_possible_one_sentence_says_why(machine, user, debian, reason):
    machine.says("id", user)
    machine.can_make_debian()
    if debian is False:
        (machine.programs / "debootstrap").unlink()
    if debian is None:
        machine.add("unshare", "#!/bin/sh\nexit 1\n")
    refused = machine.test()
    assert refused.returncode == 1
    said = [line for line in refused.stderr.splitlines() if line != "test-current: installing debootstrap"]
    assert (len(said), machine.calls(), machine.folder.exists()) == (1, [], False)
    assert "needs glibc 2.39 and a Python 3.11 to 3.13 (here: glibc 2.36)" in refused.stderr
    assert refused.stderr.endswith(f"{reason}.\n")


def test_two_at_once_do_not_share_a_folder(older):
    older.folder.mkdir()
    lock = older.folder / "lock"
    holder = subprocess.Popen(["flock", str(lock), "sh", "-c", "echo held; read _"], stdin=-1, stdout=-1, text=True)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    refused = older.test()
    holder.communicate("\n", timeout=60)
    assert (refused.returncode, older.calls()) == (1, [])
    assert "another make test-current is at work" in refused.stderr
