"""The zoo: every model file that lies at a push destination, as plain data, and as the JSON of zoo.json.

A variant has two, its float file and its int8 file. Accuracies are shares of the pictures; models are compared only
where they were measured on the same data.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from components.evaluation.paired_statistics import INSUFFICIENT, SUFFICIENT
from trainer.file_format import FileFormat, FormatError

Kind = Literal["float", "int8"]
COSTS = ("macs", "bytes", "latency_ms")  # What an accuracy is bought with; a front for each.
FORMAT = FileFormat("zoo.json")
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "variant": str, "width": (int, float), "resolution": int, "classes": int, "macs": int, "parameters": int,
    "file": str, "bytes": int, "pictures": int, "data": str, "folder": str,
    "top1": (int, float), "top1_low": (int, float), "top1_high": (int, float),
    "top5": (int, float), "top5_low": (int, float), "top5_high": (int, float),
}  # fmt: skip
_SHARES = ("top1", "top1_low", "top1_high", "top5", "top5_low", "top5_high")


class ZooError(ValueError):
    """No zoo, or one that cannot be read."""


@dataclass(frozen=True)
class Latency:
    """One picture at a time, as `mobilenet benchmark` measured it."""

    median_ms: float
    machine: str
    runtime: str
    threads: int
    kernels: str


@dataclass(frozen=True)
class Model:
    """One file. The intervals are of 95 %; the float file's accuracies are its SavedModel's."""

    variant: str
    kind: Kind
    width: float
    resolution: int
    classes: int  # Outputs, the background included.
    macs: int
    parameters: int
    file: str
    bytes: int
    pictures: int
    top1: float
    top1_low: float
    top1_high: float
    top5: float
    top5_low: float
    top5_high: float
    data: str  # Digest of the examples that it was measured on.
    folder: str  # Of its bundle, from the destination on: `0.25_128/3`.
    latency: Latency | None = None
    evidence: str = SUFFICIENT  # What its pictures are, for being as good as its float model.
    compared: bool = True  # Measured on the data that most of the zoo was measured on.
    front: tuple[str, ...] = ()  # Of COSTS: where no other model is as right for less.

    @property
    def name(self) -> str:
        """Variant and kind: `0.25_128 int8`."""
        return f"{self.variant} {self.kind}"

    @property
    def latency_ms(self) -> float | None:
        return self.latency.median_ms if self.latency else None


@dataclass(frozen=True)
class Zoo:
    """Its models, by MACs; and what is wrong with bundles that are not among them."""

    models: tuple[Model, ...]
    faults: tuple[str, ...] = ()

    @property
    def data(self) -> str:
        """Digest of the data that the compared models were measured on; empty where there is none."""
        return next((model.data for model in self.models if model.compared), "")


def assembled(models: Sequence[Model], faults: Sequence[str] = ()) -> Zoo:
    """Ordered, with `compared` and `front` filled in."""
    data = _main_data(models)
    marked = [dataclasses.replace(model, compared=model.data == data) for model in models]
    fronts = {cost: _front([model for model in marked if model.compared], cost) for cost in COSTS}
    placed = [
        dataclasses.replace(model, front=tuple(cost for cost in COSTS if model.name in fronts[cost]))
        for model in marked
    ]
    return Zoo(tuple(sorted(placed, key=lambda model: (model.macs, model.kind))), tuple(faults))


def cost(model: Model, name: str) -> float | None:
    """One of COSTS; None where it was not measured."""
    return getattr(model, name)


def as_json(zoo: Zoo) -> dict[str, Any]:
    """What zoo.json holds; `latency_ms` stands beside the rest for those who read it as a table."""
    models = [{**dataclasses.asdict(model), "latency_ms": model.latency_ms} for model in zoo.models]
    return FORMAT.stamped({"data": zoo.data, "models": models, "faults": list(zoo.faults)})


def from_json(value: Any, *, where: str) -> Zoo:
    """Reads it back; the fronts are computed anew.

    Args:
      where: its file, for messages.

    Raises:
      ZooError: it is no zoo.json, or one of another format.
    """
    try:
        value = FORMAT.checked(value, where)
    except FormatError as error:
        raise ZooError(str(error)) from error
    if not isinstance(value.get("models"), list):
        raise ZooError(f"{where} is no zoo.json: it lists no models. Give the one that mobilenet zoo wrote.")
    models = [_model(entry, f"{where}: model {number}") for number, entry in enumerate(value["models"])]
    names = Counter(model.name for model in models)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ZooError(f"{where} has {twice[0]} twice, wanted every model once. Write it again with mobilenet zoo.")
    faults = value.get("faults", [])
    return assembled(models, [str(fault) for fault in faults] if isinstance(faults, list) else [])


def latency(value: Any) -> Latency | None:
    """A measurement as benchmark writes it; None where it is not one."""
    if not isinstance(value, Mapping):
        return None
    median, threads = value.get("median_ms"), value.get("threads")
    if not isinstance(median, (int, float)) or not 0 < median < float("inf") or type(threads) is not int:
        return None
    machine, runtime, kernels = (str(value.get(key, "not named")) for key in ("machine", "runtime", "kernels"))
    return Latency(float(median), machine, runtime, threads, kernels)


def _model(entry: Any, where: str) -> Model:
    if not isinstance(entry, Mapping) or entry.get("kind") not in get_args(Kind):
        raise ZooError(f"{where}: wanted an object whose kind is float or int8.")
    for name, wanted in _FIELDS.items():
        if not _is_a(entry.get(name), wanted):
            raise ZooError(f"{where}: {name} is {entry.get(name)!r}, wanted {_spelled(wanted)}.")
    for name in _SHARES:
        if not 0 <= entry[name] <= 1:
            raise ZooError(f"{where}: {name} is {entry[name]}, wanted a share from 0 to 1.")
    values = {name: entry[name] for name in _FIELDS}
    evidence = INSUFFICIENT if entry.get("evidence") == INSUFFICIENT else SUFFICIENT
    return Model(kind=entry["kind"], evidence=evidence, latency=latency(entry.get("latency")), **values)


def _is_a(value: Any, wanted: type | tuple[type, ...]) -> bool:
    return isinstance(value, wanted) and not isinstance(value, bool)


def _spelled(wanted: type | tuple[type, ...]) -> str:
    return {str: "a text", int: "a whole number"}.get(wanted, "a number") if isinstance(wanted, type) else "a number"


def _main_data(models: Sequence[Model]) -> str:
    """That of the most models; of equals, that of the most pictures."""
    counts = Counter(model.data for model in models)
    pictures = {model.data: model.pictures for model in models}
    return max(counts, key=lambda data: (counts[data], pictures[data], data), default="")


def _front(models: Sequence[Model], name: str) -> set[str]:
    """The names of those that no other beats: more right at no more cost, or as right for less."""
    points = [(model, float(paid)) for model in models if (paid := cost(model, name)) is not None]
    return {model.name for model, paid in points if not any(_beaten(model, paid, points))}


def _beaten(model: Model, paid: float, points: Sequence[tuple[Model, float]]) -> Iterator[bool]:
    for other, price in points:
        yield other.top1 >= model.top1 and price <= paid and (other.top1 > model.top1 or price < paid)
