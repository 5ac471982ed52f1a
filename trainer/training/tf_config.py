"""Who trains together: the workers that TF_CONFIG names, and what is said when one of them is gone.

Vertex AI and Kubeflow's training operator set it: {"cluster": {"chief": [address], "worker": [address, …]}, "task":
{"type": "worker", "index": 0}}. Without a chief, worker 0 is. What else it holds (job, environment) is not ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

VARIABLE = "TF_CONFIG"
CONNECT_SECONDS = 3.0

_JOBS = ("chief", "worker")
_EXAMPLE = '{"cluster": {"chief": ["host:2222"], "worker": ["host:2222"]}, "task": {"type": "worker", "index": 0}}'
_REFUSED = {
    "ps": "parameter servers, which synchronous training does not have: leave the third worker pool out",
    "evaluator": "an evaluator, which is not needed since the chief evaluates: leave the fourth worker pool out",
}
# What TensorFlow raises in those who are left.
_LOST = (
    tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError, tf.errors.InternalError,
)  # fmt: skip


class ClusterError(ValueError):
    """A TF_CONFIG that does not hold together, or names tasks that have no work here."""


class WorkerLostError(RuntimeError):
    """Another worker is gone: none can go on alone."""


@dataclass(frozen=True)
class Cluster:
    """All the tasks, the chief first, and which of them this process is."""

    tasks: tuple[tuple[str, str], ...] = ()  # ("worker 0", "host:port"); none: TF_CONFIG names no cluster.
    index: int = 0

    @property
    def chief(self) -> bool:
        return self.index == 0

    @property
    def several(self) -> bool:
        return len(self.tasks) > 1

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Turns what TensorFlow raises when another worker is gone into one sentence.

        TensorFlow itself notices, in 2.16 and 2.21: its heartbeat breaks off what the others wait in after 10 s or so.
        """
        try:
            yield
        except _LOST as error:
            gone = self._gone()
            if not self.several or not (gone or isinstance(error, _LOST[:-2])):
                raise
            told = f"no answer from {', '.join(gone)}" if gone else "all addresses still answer, but not in time"
            raise WorkerLostError(
                f"{self.tasks[self.index][0]} cannot go on alone: {told}. That worker's own log says why. Start all "
                "workers again with the same command: they go on from the last checkpoint."
            ) from error

    def _gone(self) -> list[str]:
        others = [task for index, task in enumerate(self.tasks) if index != self.index]
        return [f"{name} at {address}" for name, address in others if not _answers(address)]


def from_environment() -> Cluster:
    """The cluster of TF_CONFIG, which tf.distribute reads from the environment too."""
    return parse(os.environ.get(VARIABLE, ""))


def parse(text: str) -> Cluster:
    """TF_CONFIG's text → the cluster; one of a single task, or none, means training alone."""
    if not text.strip():
        return Cluster()
    config = _json(text)
    tasks = _tasks(config.get("cluster") or {})
    if not tasks:
        return Cluster()
    index = _index(config.get("task"), list(tasks))
    names = (("chief" if job == "chief" else f"worker {number}") for job, number in tasks)
    return Cluster(tasks=tuple(zip(names, tasks.values(), strict=True)), index=index)


def _json(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _error(f"no JSON ({error})", text) from error
    if not isinstance(config, dict) or not isinstance(config.get("cluster") or {}, dict):
        raise _error("not an object with a cluster", text)
    return config


def _tasks(cluster: dict[str, Any]) -> dict[tuple[str, int], str]:
    """(job, index) → address, the chief's first."""
    for job, addresses in cluster.items():
        if addresses and job not in _JOBS:
            raise ClusterError(f"{VARIABLE} has {_REFUSED.get(job, f'tasks {job!r}, which are unknown here')}.")
        if not isinstance(addresses, list) or not all(isinstance(a, str) and _port(a) for a in addresses):
            raise _error(f"{job} is no list of host:port", addresses)
    found: dict[tuple[str, int], str] = {}
    for job in _JOBS:
        found |= {(job, index): address for index, address in enumerate(cluster.get(job) or [])}
    if ("chief", 1) in found or len(set(found.values())) < len(found):
        raise _error("more than one chief, or one address twice", cluster)
    return found


def _index(task: Any, tasks: list[tuple[str, int]]) -> int:
    """Which of the tasks this process is."""
    try:
        mine = (str(task["type"]), int(task["index"]))
    except (TypeError, KeyError, ValueError) as error:
        raise _error("task has no type and index", task) from error
    if mine not in tasks:
        raise _error(f"task {mine[0]} {mine[1]} is none of the cluster's", tasks)
    return tasks.index(mine)


def _error(fault: str, got: Any) -> ClusterError:
    return ClusterError(f"{VARIABLE}: {fault}. Got {str(got)[:500]!r}; wanted such as {_EXAMPLE}, or no {VARIABLE}.")


def _port(address: str) -> int | None:
    host, _, port = address.rpartition(":")
    return int(port) if host and port.isdecimal() else None


def _answers(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        with socket.create_connection((host, _port(address) or 0), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
