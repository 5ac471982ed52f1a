"""One at a time: another process's lock, and one whose process was killed."""

import subprocess
import sys

import pytest

from trainer import lock

HOLDS = "import sys, time; from pathlib import Path; from trainer import lock\nwith lock.held(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"  # noqa: E501


def test_a_lock_of_another_process_is_busy_and_goes_with_its_process(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), lock.held(tmp_path):
            pass
        other.kill()
    with lock.held(tmp_path):
        pass


def test_a_work_directory_is_made_and_what_is_raised_within_is_not_taken_for_a_lock(tmp_path):
    busy = RuntimeError("busy")
    with pytest.raises(OSError, match="within"), lock.alone(tmp_path / "runs", busy):
        with pytest.raises(RuntimeError, match="busy"), lock.alone(tmp_path / "runs", busy):
            pass
        raise OSError("within")
