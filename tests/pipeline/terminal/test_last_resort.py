"""Whatever ends a command, one sentence says so; a traceback is for the file that it names."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def command(body: str, *, stdout: Any = subprocess.PIPE, **options: Any) -> subprocess.Popen:
    code = (
        f"import os, sys, time\nfrom pipeline.terminal import last_resort\ndef run():\n    {body}\nlast_resort.run(run)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "verify"], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize(
    ("body", "message", "exit_code"),
    [
        ("raise KeyError('nobody expected it')", "KeyError: 'nobody expected it'. This is a fault of mobilenet", 1),
        ("raise MemoryError", "there is too little memory for it", 1),
        ("open('/nowhere/at/all')", "/nowhere/at/all: No such file or directory.", 1),
        ("sys.exit(4)", "", 4),
        ("pass", "", 0),
    ],
)
def test_an_error_that_nobody_expected_is_a_sentence_and_its_traceback_a_file(body, message, exit_code):
    process = command(body)
    _, said = process.communicate()
    assert process.returncode == exit_code
    assert message in said
    assert "Traceback" not in said
    if match := re.search(r"The traceback is in (\S+)\.$", said.strip()):
        assert "Traceback" in Path(match[1]).read_text()
        Path(match[1]).unlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_told_by_its_name_and_what_is_open_is_closed(number):
    slow = "print('on', flush=True)\n        time.sleep(60)"
    process = command(f"try:\n        {slow}\n    finally:\n        print('closed', flush=True)")
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.send_signal(number)
    rest, said = process.communicate()
    assert (rest, process.returncode) == ("closed\n", 128 + number)
    assert said.startswith(f"mobilenet verify was stopped by {number.name}. ")


def test_a_full_output_is_an_error_and_no_traceback():
    with open("/dev/full", "w") as full:
        process = command("print('x' * 10)", stdout=full)
        _, said = process.communicate()
    assert process.returncode == 1
    assert "No space left on device." in said
    assert "Traceback (" not in said


def test_a_reader_that_has_seen_enough_hears_no_more_and_ctrl_c_is_told():
    program = (
        "import os, sys, signal, typer\nfrom rich.console import Console\n"
        "from pipeline.terminal import last_resort\nfrom pipeline.terminal.aliases import Commands\n"
        "from pipeline.terminal.console import failed\n"
        "app = typer.Typer(cls=Commands)\n"
        "@app.command()\ndef verify():\n"
        "    try:\n        [print('x' * 1000, flush=True) for _ in range(1000)]\n"
        "    except OSError as error:\n        raise failed(Console(), str(error)) from None\n"
        "@app.command()\ndef sign():\n    os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\nlast_resort.run(app)"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program, "verify"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.readline()
    reader.stdout.close()
    assert reader.stderr.read() == b""
    reader.stderr.close()
    reader.wait()
    done = subprocess.run([sys.executable, "-c", program, "sign"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "mobilenet sign was interrupted.\n")


def test_what_an_ascii_terminal_cannot_show_is_shown_in_escapes():
    process = command("print('é')", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, said = process.communicate()
    assert (out, said, process.returncode) == ("\\xe9\n", "", 0)


def test_closed_streams_are_empty_ones():
    body = "assert sys.stdin.buffer.read() == b''; print('x'); sys.exit(os.open('/dev/null', os.O_RDONLY))"
    process = command(body, preexec_fn=lambda: [os.close(number) for number in (0, 1)])
    process.communicate()
    assert process.returncode > 2
