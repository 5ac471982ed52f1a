"""The DAG as a drawing: boxes in layers, each under all that it waits for. Numbers for the template's SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.report.facts import Node

WIDTH, HEIGHT = 196, 44  # Of a box; all in the SVG's units.
_GAP_X, _GAP_Y, _MARGIN = 22, 30, 8


@dataclass(frozen=True)
class Box:
    """A node where it stands: its upper left corner."""

    node: Node
    x: float
    y: float


def drawing(nodes: Sequence[Node]) -> dict[str, Any] | None:
    """`width`, `height`, `boxes` and `edges` (SVG paths); None where there are no nodes."""
    if not nodes:
        return None
    after = _direct({node.name: _known(node, nodes) for node in nodes})
    rows = _rows(nodes, after)
    widest = max(map(len, rows))
    width = widest * WIDTH + (widest - 1) * _GAP_X + 2 * _MARGIN
    boxes = {box.node.name: box for level, row in enumerate(rows) for box in _placed(row, level, width)}
    edges = [_path(boxes[before], boxes[name]) for name, befores in after.items() for before in sorted(befores)]
    height = len(rows) * (HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN
    return {"width": width, "height": height, "boxes": list(boxes.values()), "edges": edges}


def _known(node: Node, nodes: Sequence[Node]) -> set[str]:
    """In ML Metadata a node only takes what ran before it, so that there are no circles; here that is made sure."""
    earlier = {each.name for each in nodes[: nodes.index(node)]}
    return set(node.after) & earlier


def _direct(after: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Without the edges that longer ways say already: everything takes the examples."""
    before: dict[str, set[str]] = {}  # All that stand anywhere before a node.
    for name, direct in after.items():
        before[name] = direct.union(*(before[each] for each in direct))
    return {
        name: {each for each in direct if not any(each in before[other] for other in direct)}
        for name, direct in after.items()
    }


def _rows(nodes: Sequence[Node], after: Mapping[str, set[str]]) -> list[list[Node]]:
    level: dict[str, int] = {}
    for node in nodes:
        level[node.name] = 1 + max((level[each] for each in after[node.name]), default=-1)
    rows = [[node for node in nodes if level[node.name] == wanted] for wanted in range(max(level.values()) + 1)]
    place: dict[str, float] = {}
    for row in rows:
        row.sort(key=lambda node: _middle([place[each] for each in after[node.name]]))  # So that fewer edges cross.
        place |= {node.name: index - (len(row) - 1) / 2 for index, node in enumerate(row)}
    return rows


def _middle(places: Sequence[float]) -> float:
    return sum(places) / len(places) if places else 0.0


def _placed(row: Sequence[Node], level: int, width: float) -> list[Box]:
    """Centred."""
    left = (width - len(row) * WIDTH - (len(row) - 1) * _GAP_X) / 2
    top = _MARGIN + level * (HEIGHT + _GAP_Y)
    return [Box(node, left + place * (WIDTH + _GAP_X), top) for place, node in enumerate(row)]


def _path(start: Box, end: Box) -> str:
    """From the middle of a lower edge to the middle of an upper one."""
    x, y, u, v = start.x + WIDTH / 2, start.y + HEIGHT, end.x + WIDTH / 2, end.y
    bend = min(_GAP_Y, (v - y) / 2)
    return f"M{x:g},{y:g} C{x:g},{y + bend:g} {u:g},{v - bend:g} {u:g},{v:g}"
