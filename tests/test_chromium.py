"""How the tests of pages get a Chromium: chromium.sh with made-up programs on the path, and what is said without."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import browser

ROOT = Path(__file__).parent.parent
# Writes down its calls; `install` leaves a chromium, if there is a file "works".
APT_GET = """#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/calls"
case "$*" in
*install*) [ ! -e "$here/works" ] || ln -s /bin/true "$here/chromium" ;;
esac
"""


@pytest.fixture
def programs(tmp_path) -> Path:
    """A path with `sh`, `ln`, and an `id` that says root."""
    for name in ("sh", "ln"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    program(tmp_path / "id", "#!/bin/sh\necho 0\n")
    return tmp_path


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def get(programs: Path, **environment: str) -> subprocess.CompletedProcess:
    command = [str(programs / "sh"), str(ROOT / "tests" / "chromium.sh")]
    return subprocess.run(command, env={"PATH": str(programs), **environment}, capture_output=True, text=True)


def test_root_gets_debians_and_a_second_time_nothing_happens(programs):
    program(programs / "apt-get", APT_GET)
    (programs / "works").touch()
    first = get(programs)
    assert (first.returncode, first.stderr) == (0, "chromium: installing Debian's, for the tests of pages\n")
    calls = (programs / "calls").read_text()
    assert calls.splitlines()[-1].endswith("install --no-install-recommends chromium")
    assert (get(programs).stderr, (programs / "calls").read_text()) == ("", calls)


def test_where_it_cannot_be_installed_the_tests_go_on_and_it_says_why(programs):
    program(programs / "apt-get", APT_GET)
    failed = get(programs)
    assert failed.returncode == 0
    assert "could not be installed" in failed.stderr
    program(programs / "id", "#!/bin/sh\necho 1000\n")
    nobody = get(programs)
    assert nobody.returncode == 0
    assert "only root with apt-get can install it" in nobody.stderr


def test_a_chromium_that_is_named_is_taken(programs, monkeypatch):
    assert get(programs, CHROMIUM="/opt/chrome").stderr == ""
    monkeypatch.setenv("CHROMIUM", "/opt/chrome")
    assert browser.require() == "/opt/chrome"


def test_without_one_tests_are_skipped_with_the_way_to_get_one_and_fail_in_ci(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="`make chromium` installs Debian's"):
        browser.require()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="`make chromium` installs Debian's"):
        browser.require()
