"""A container's command: which Python, packages and environment; and what one in this process leaves behind."""

import logging
import sys
import warnings
from pathlib import Path

import pytest

from pipeline.emulator import process as ir_process
from pipeline.emulator.result import TaskError


def test_python_is_this_environment_s_our_packages_are_on_its_path_and_env_is_the_container_s(tmp_path):
    code = "import sys, os, components; print(sys.executable, components.__file__, os.environ['WORKERS'])"
    log = tmp_path / "log"
    ir_process.run(["sh", "-c", f'python -c "{code}"'], env=["WORKERS=a b"], log=log, in_process=True)
    executable, package, *value = log.read_text().split()
    assert Path(executable).parent == Path(sys.executable).parent
    assert Path(package) == Path(__file__).parents[3] / "components" / "__init__.py"
    assert value == ["a", "b"]


def test_a_command_that_is_not_there_or_fails_says_so(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(TaskError, match=r"exit code 127: .*no-such-command.*No such file"):
        ir_process.run(["no-such-command"], env=[], log=log, in_process=False)
    with pytest.raises(TaskError, match="exit code 3: worse"):
        ir_process.run(["sh", "-c", "echo bad; echo worse >&2; exit 3"], env=[], log=log, in_process=False)
    assert log.read_text().endswith("bad\nworse\n")


def test_what_runs_in_this_process_logs_to_its_file_and_leaves_nothing_behind(tmp_path, capfd):
    root = logging.getLogger()
    command = ["python", "-m", "components.node.entrypoint", "--executor_class_path", "x.Y"]
    argument = ["--json_serialized_invocation_args", "{}"]
    with pytest.raises(TaskError, match=r"SystemExit: 2"):  # argparse's: an argument is missing.
        ir_process.run(command, env=[], log=tmp_path / "usage", in_process=True)
    # What TFX is made of changes filters of its own when it is imported: that was before.
    before = (sys.argv, sys.stdout, root.level, list(root.handlers), list(warnings.filters))
    with pytest.raises(TaskError, match=r"ImportError: Could not import x.Y"):
        ir_process.run([*command, *argument], env=[], log=tmp_path / "log", in_process=True)
    assert (sys.argv, sys.stdout, root.level, list(root.handlers), list(warnings.filters)) == before
    assert "--json_serialized_invocation_args" in (tmp_path / "usage").read_text()
    assert "Traceback" in (tmp_path / "log").read_text()
    assert "usage" not in capfd.readouterr().err
