"""What the page shows, as plain data. What is None or empty was not measured or not reached, and the page says so."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.evaluation.scores import Evaluation

Curves = Mapping[str, Sequence[tuple[int, float]]]  # Tag → (step, value), as trainer.training.curves.read gives them.
Picture = tuple[int, str]  # Label and `image/filename`: names alone may be alike in two classes.

FLOAT = "float"  # What the page calls the two models.
INT8 = "int8"
QUANTIZED = "quantized"  # The training with fake int8, of which the int8 file is made.


@dataclass(frozen=True)
class Made:
    """An artifact: what a node made."""

    name: str
    type: str
    uri: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A node of the DAG in one run, as ML Metadata has it."""

    name: str
    state: str  # done, cached, failed, killed.
    started: float  # Seconds after the run began.
    seconds: float
    after: tuple[str, ...] = ()  # The nodes whose artifacts it took.
    settings: Mapping[str, str] = field(default_factory=dict)
    made: tuple[Made, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Of one variant in one run."""

    title: str
    when: str = ""  # The run began.
    labels: Sequence[str] = ()  # Line i of labels.txt.
    evaluation: Evaluation | None = None
    verdict: Mapping[str, Any] | None = None  # verdict.json.
    conversion: Mapping[str, Any] | None = None  # conversion.json.
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # FLOAT, QUANTIZED → model.json.
    curves: Mapping[str, Curves] = field(default_factory=dict)  # FLOAT, QUANTIZED.
    ingestion: Mapping[str, Any] | None = None  # ingestion_report.json.
    thumbnails: Mapping[Picture, str] = field(default_factory=dict)  # Data URIs.
    nodes: Sequence[Node] = ()
    pushed_to: str = ""
    faults: Sequence[str] = ()  # What could not be read, a sentence each.

    def name_of(self, label: int) -> str:
        """The class's name, with its number where another has the same; its number alone where there are no names."""
        if label >= len(self.labels):
            return str(label)
        name = self.labels[label]
        return name if self._counted[name] == 1 else f"{name} ({label})"

    @functools.cached_property
    def _counted(self) -> Counter[str]:
        return Counter(self.labels)
