"""A child process in which bytes of strangers meet native code: a crash, a hang or a flood of memory ends it alone.

Parent and child speak in a line of JSON and so many raw bytes; nothing that the child says is executed or unpickled.
Arrays go from the parent to the child through one piece of shared memory, which costs a copy and no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import mmap
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SHARED = 192 << 20  # Bytes of shared memory, taken as they are written: one picture of 4096 pixels a side, as floats.
_ROOT = Path(__file__).parents[1]
_LONGEST_LINE = 1 << 20
_MOST_BYTES = 1 << 30  # Of an answer.
_WALL_FACTOR, _WALL_SECONDS = 20, 60  # A child that waits uses no CPU time; a busy machine makes everything wait.

Answer = Callable[[dict[str, Any], bytes, memoryview], tuple[dict[str, Any], bytes]]


class ProcessError(RuntimeError):
    """The child ended or was ended; the message says how, as the end of a sentence about what it worked on."""


class LimitedProcess:
    """A child that runs `python -m MODULE`, which calls `serve`. It ends with the parent, or when it is closed."""

    def __init__(self, module: str) -> None:
        shared = os.memfd_create("pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(shared, SHARED)
            fcntl.fcntl(shared, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            self.shared = mmap.mmap(shared, SHARED)
            command = [sys.executable, "-m", module, str(shared)]
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                pass_fds=[shared], cwd=_ROOT, env=environment, bufsize=0,
            )  # fmt: skip
        finally:
            os.close(shared)

    def ask(self, question: dict[str, Any], content: bytes = b"", *, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The child's answer and its raw bytes.

        Args:
          seconds: of CPU time that the child may take.

        Raises:
          ProcessError: it died, or took longer.
        """
        message = json.dumps({**question, "seconds": seconds, "bytes": len(content)}).encode() + b"\n"
        until = time.monotonic() + _WALL_SECONDS + _WALL_FACTOR * seconds
        try:
            self._send(message + content)
            answer = json.loads(self._line(until))
            size = int(answer.get("bytes", 0))
            if not 0 <= size <= _MOST_BYTES:
                raise ValueError(f"an answer of {size:,} bytes")
            return answer, self._take(size, until)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            raise ProcessError(self._end(error, seconds)) from error

    def close(self) -> None:
        """Ends the child; it may have ended, or been closed before."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait()

    def _send(self, data: bytes) -> None:
        stdin = self._process.stdin
        view = memoryview(data)
        while stdin and view:
            view = view[stdin.write(view) or 0 :]

    def _line(self, until: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self._take(1, until)  # The shortest way: an answer's line has some tens of bytes.
            if len(line) > _LONGEST_LINE:
                raise ValueError("a line without an end")
        return line

    def _take(self, count: int, until: float) -> bytes:
        parts = []
        stdout = self._process.stdout
        while count and stdout:
            if not select.select([stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(stdout.fileno(), min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _end(self, error: BaseException, seconds: float) -> str:
        if isinstance(error, TimeoutError):
            self.close()
            return "gave no answer in time"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self.close()
        return ended(self._process.returncode, seconds=seconds)


def ended(code: int | None, *, seconds: float | None = None) -> str:
    """How a child ended, by its return code, as the end of a sentence that begins with what it ran."""
    if code == -signal.SIGXCPU and seconds is not None:
        return f"takes more than {math.ceil(seconds):,} s of CPU time"
    if code is not None and code < 0:
        return f"crashed the process that ran it ({signal.Signals(-code).name})"
    return f"ended the process that ran it (exit code {code})"


_prepared: dict[str, LimitedProcess] = {}


def prepare(module: str) -> None:
    """Starts a child that `opened` will take, so that it imports what it needs while this process does the same."""
    if module not in _prepared:
        _prepared[module] = LimitedProcess(module)


def start(module: str) -> LimitedProcess:
    """The one that was prepared, or a new one."""
    return _prepared.pop(module, None) or LimitedProcess(module)


def serve(shared: int, answer: Answer, *, memory: int) -> None:
    """In the child: answers until the parent's end of the pipe is closed.

    Args:
      shared: the file descriptor of the shared memory.
      answer: (question, raw bytes, shared memory) → (answer, raw bytes).
      memory: bytes beyond what the process has now; more raise MemoryError, or end it.
    """
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What libraries print is no answer.
    with mmap.mmap(shared, SHARED, prot=mmap.PROT_READ) as pictures:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit(resource.RLIMIT_AS, _virtual_memory() + memory)
        for question, content in _questions(stdin):
            said, raw = _answered(answer, question, content, memoryview(pictures))
            stdout.write(json.dumps({**said, "bytes": len(raw)}).encode() + b"\n" + raw)
            stdout.flush()


def _answered(
    answer: Answer, question: dict[str, Any], content: bytes, pictures: memoryview
) -> tuple[dict[str, Any], bytes]:
    _limit(resource.RLIMIT_CPU, int(time.process_time() + float(question["seconds"])) + 1)
    try:
        return answer(question, content, pictures)
    except MemoryError:
        return {"error": "takes more memory than it may have"}, b""
    except Exception as error:  # Whatever damaged bytes lead a parser to.
        return {"error": str(error) or type(error).__name__, "kind": type(error).__name__}, b""


def _questions(stdin: Any) -> Iterator[tuple[dict[str, Any], bytes]]:
    while line := stdin.readline():
        question = json.loads(line)
        yield question, stdin.read(question["bytes"])


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _virtual_memory() -> int:
    """Bytes; without /proc there is no way to tell, and a guess has to do."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 1 << 30
