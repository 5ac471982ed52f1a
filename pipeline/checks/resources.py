"""What a node is given: accelerators, processors, memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.checks import modules
from pipeline.checks.parsed import Parsed, Problem, Target, Task

_VERTEX = "google.cloud.aiplatform_v1.types.accelerator_type.AcceleratorType"
_UNSPECIFIED = "ACCELERATOR_TYPE_UNSPECIFIED"
_KUBERNETES = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kKMGTPE]i?)?|.*\{\{.*\}\}.*")  # Of Kubernetes, or a placeholder.
_PAIRS = ("cpu", "memory")


def vertex_accelerators() -> list[str]:
    """What Vertex AI knows, from the source of Google's client: importing it takes seconds."""
    return [name for name in modules.assigned(_VERTEX) if name != _UNSPECIFIED]


def wrong_accelerator(kind: str, target: Target) -> str:
    """What was wanted instead; empty if the backend knows the type."""
    if target == "kubeflow":
        return "" if _KUBERNETES.fullmatch(kind) else "a resource of Kubernetes such as nvidia.com/gpu"
    known = vertex_accelerators()
    return "" if kind in known else f"one of {', '.join(known)}"


def accelerators(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """A type that the backend knows, and at least one of it."""
    for task in pipeline.containers:
        accelerator = task.executor.container.resources.accelerator
        kind, count = _given(accelerator, "type"), _given(accelerator, "count")
        if not kind and not count:
            continue
        if not kind or not count or str(count).startswith("-") or count == "0":
            yield task.problem(
                f"It has {count or 0} accelerators of type {kind!r}, wanted a type and at least one of it.",
                "Give both under `gpu` in the settings file, or neither.",
            )
        elif "{{" not in kind and (wanted := wrong_accelerator(kind, target)):
            yield task.problem(
                f"Its accelerator is {kind!r}, wanted {wanted}.", "Give that as `gpu: {type: …}` in the settings file."
            )


def amounts(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Processors and memory: positive, in a form that is understood, no more asked for than allowed."""
    for task in pipeline.containers:
        resources = task.executor.container.resources
        for kind in _PAIRS:
            request, limit = (getattr(resources, f"{kind}_{bound}") for bound in ("request", "limit"))
            yield from _negative(task, kind, request, limit)
            if 0 < limit < request:
                yield task.problem(
                    f"It asks for {kind} {request:g} with a limit of {limit:g}.",
                    f"Give no more as {kind}Request than as {kind}Limit.",
                )
            yield from _malformed(task, resources, kind)


def _negative(task: Task, kind: str, *amounts: float) -> Iterator[Problem]:
    for amount in amounts:
        if not 0 <= amount < float("inf"):
            yield task.problem(
                f"It has {kind} {amount:g}, wanted more than 0.", f"Correct `{kind}` in the settings file."
            )


def _malformed(task: Task, resources: Any, kind: str) -> Iterator[Problem]:
    """The newer fields, texts as in Kubernetes; kfp's older messages have none."""
    for field in (f"resource_{kind}_request", f"resource_{kind}_limit"):
        text = getattr(resources, field, "")
        if text and not _QUANTITY.fullmatch(text):
            yield task.problem(
                f"Its {field} is {text!r}, wanted a number with a unit, such as 16G or 500m.",
                f"Correct `{kind}` in the settings file.",
            )


def _given(accelerator: Any, what: str) -> Any:
    """From the newer field, where kfp's messages have it and it is used, or the older."""
    return getattr(accelerator, f"resource_{what}", "") or getattr(accelerator, what)
