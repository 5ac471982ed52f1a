"""The best model under a budget: of those that were measured, or, where there is no zoo, of those that were published.

The rule is one function of plain data. Best is the highest top-1 of the int8 file; of equals the one of fewer bytes,
then of fewer multiply-adds, then of less latency, then the first by name.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.evaluation.paired_statistics import SUFFICIENT
from components.zoo import bundles
from components.zoo.models import Zoo, ZooError
from trainer.file_format import FileFormat
from trainer.network import model_size
from trainer.slim.reference_table import CLASSES, TABLE

_SIZES = Path(__file__).with_name("file_sizes.json")  # Of our files with 1001 classes, by proof/file_sizes.py.
_INT8 = "int8"
NO_LATENCY = "latency not measured"
FORMAT = FileFormat("mobilenet choose --json")


@dataclass(frozen=True)
class Budget:
    """None: whatever it costs."""

    max_latency_ms: float | None = None
    max_bytes: int | None = None
    max_macs: int | None = None
    min_top1: float | None = None  # A share from 0 to 1.
    accept_small: bool = False  # Files that too few pictures were there to show anything of.


@dataclass(frozen=True)
class Candidate:
    """An int8 file. What is None is not known, and keeps no limit."""

    variant: str
    top1: float  # A share.
    macs: int
    bytes: int | None
    latency_ms: float | None = None
    measured_with: str | None = None  # The latency: machine, threads, runtime.
    file: str | None = None  # In its bundle, from the push destination on.
    compared: bool = True  # Measured on the same pictures as the others.
    evidence: str = SUFFICIENT  # `insufficient`: not shown to be as good as its float model.


@dataclass(frozen=True)
class Fallen:
    """One that does not fit, and why: a sentence for each limit."""

    candidate: Candidate
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """`nearest` is there where nothing fits: the one that exceeds its worst limit by the least."""

    chosen: Candidate | None
    runners_up: tuple[Candidate, ...]
    fallen: tuple[Fallen, ...]
    nearest: Fallen | None
    by: str  # What the figures are.


def choose(candidates: Sequence[Candidate], budget: Budget, *, by: str = "") -> Choice:
    """The rule."""
    ordered = sorted(candidates, key=_rank)
    fallen = {each: tuple(_reasons(each, budget)) for each in ordered}
    fit = [each for each in ordered if not fallen[each]]
    out = tuple(Fallen(each, reasons) for each, reasons in fallen.items() if reasons)
    nearest = (
        None
        if fit
        else min(out, key=lambda each: (_excess(each.candidate, budget), _rank(each.candidate)), default=None)
    )
    return Choice(fit[0] if fit else None, tuple(fit[1:]), out, nearest, by)


def candidates(path: Path | None) -> tuple[list[Candidate], str]:
    """Those to choose from, and what their figures are.

    Args:
      path: where bundles were pushed, or a zoo.json; None for the published figures.

    Raises:
      ZooError: it is neither, or no bundle lies there.
    """
    if path is None:
        return published(), (
            "Nothing was measured here: top-1 as the reference published it for ImageNet, bytes of files with "
            f"{CLASSES} classes, multiply-adds by formula. No latency is known."
        )
    zoo = _zoo(path)
    found = list(_measured(zoo))
    if not found:
        raise ZooError(f"{path} holds no model: {' '.join(zoo.faults) or 'nothing has been pushed there.'}")
    pictures = next(model.pictures for model in zoo.models if model.compared)
    return found, f"Measured in {path}, on {pictures:,} pictures."


def published() -> list[Candidate]:
    """The reference's quantized models."""
    sizes = json.loads(_SIZES.read_text(encoding="utf-8"))["bytes"]
    return [
        Candidate(
            variant=variant.name,
            top1=row.quantized_top1 / 100,
            macs=model_size.macs(width=variant.width, resolution=variant.resolution, classes=CLASSES),
            bytes=sizes.get(variant.name, {}).get(_INT8),
        )
        for variant, row in TABLE.items()
    ]


def as_json(choice: Choice) -> str:
    """All of it; shares from 0 to 1."""
    return json.dumps(FORMAT.stamped(dataclasses.asdict(choice)), indent=2)


def _zoo(path: Path) -> Zoo:
    """A folder's bundles are read themselves: they may be newer than the last report of them."""
    if path.is_file():
        return bundles.load(path)
    if not path.is_dir():
        raise ZooError(f"{path} does not exist: wanted the folder that bundles were pushed to, or a zoo.json.")
    zoo = bundles.read(path)
    files = [file for file in (path / "zoo.json", path / "zoo" / "zoo.json") if file.is_file()]
    return bundles.load(files[0]) if files and not zoo.models else zoo


def _measured(zoo: Zoo) -> Iterator[Candidate]:
    for model in zoo.models:
        if model.kind != _INT8:
            continue
        how = model.latency
        yield Candidate(
            variant=model.variant,
            top1=model.top1,
            macs=model.macs,
            bytes=model.bytes,
            latency_ms=model.latency_ms,
            measured_with=how and f"{how.machine}, threads {how.threads}, {how.kernels}, {how.runtime}",
            file=f"{model.folder}/{model.file}",
            compared=model.compared,
            evidence=model.evidence,
        )


def _rank(each: Candidate) -> tuple[Any, ...]:
    infinite = math.inf
    latency = infinite if each.latency_ms is None else each.latency_ms
    return (-each.top1, infinite if each.bytes is None else each.bytes, each.macs, latency, each.variant)


def _limits(each: Candidate, budget: Budget) -> Iterator[tuple[str, float | None, float | None, str]]:
    """Name, what it costs, the most it may, and how both are written."""
    yield "latency", each.latency_ms, budget.max_latency_ms, "{:,.6g} ms"
    yield "size", each.bytes, budget.max_bytes, "{:,} bytes"
    yield "multiply-adds", each.macs, budget.max_macs, "{:,}"


def _reasons(each: Candidate, budget: Budget) -> Iterator[str]:
    if each.evidence != SUFFICIENT and not budget.accept_small:
        yield "not shown to be as good as its float model, on too few pictures: --accept-small takes it"
    if not each.compared:
        yield "measured on other pictures than the rest"
    for name, cost, most, spelled in _limits(each, budget):
        if most is not None and cost is None:
            yield NO_LATENCY if name == "latency" else f"{name} not measured"
        elif most is not None and cost is not None and cost > most:
            yield f"{name} {spelled.format(cost)}, wanted at most {spelled.format(most)}"
    if budget.min_top1 is not None and each.top1 < budget.min_top1:
        yield f"top-1 {each.top1:.2%}, wanted at least {budget.min_top1:.2%}"


def _excess(each: Candidate, budget: Budget) -> tuple[int, float]:
    """How many limits cannot be told, and how many times the worst of the others it takes."""
    ratios, unknown = [1.0], 0 if each.compared else 1
    for _, cost, most, _ in _limits(each, budget):
        if most is not None and cost is None:
            unknown += 1
        elif most is not None and cost is not None:
            ratios.append(cost / most)
    if budget.min_top1 is not None:
        ratios.append(budget.min_top1 / each.top1 if each.top1 else math.inf)
    return unknown, max(ratios)
