"""The page of the zoo: the table and the charts of all that was pushed, in one HTML file that needs no network."""

from __future__ import annotations

from markupsafe import Markup

from components.report import page
from components.zoo import tables, zoo_charts
from components.zoo.models import Model, Zoo

TITLE = "MobileNetV1: the zoo"
_SCRIPTS = ("elements.js", "charts.js", "browse.js", "zoo.js")  # Each uses those before it.
_BUDGETS = {
    "bytes": ("at most", "bytes"), "macs": ("at most", "million MACs"), "latency_ms": ("at most", "ms"),
    "top1": ("top-1 at least", "%"),
}  # fmt: skip
_COSTS = {"macs": "multiply-adds", "bytes": "bytes", "latency_ms": "latency"}


def render(zoo: Zoo) -> str:
    """The whole file. What bundles and measurements say comes from outside: the template escapes all of it."""
    content = {"charts": zoo_charts.all_of(zoo), "models": [_figures(model) for model in zoo.models]}
    scripts = [page.library(), page.script(_SCRIPTS)]
    return (
        page.environment()
        .get_template("zoo.html")
        .render(
            title=TITLE,
            heads=tables.HEADS,
            rows=[(model, tables.row(model)) for model in zoo.models],
            notes=tables.notes(zoo),
            faults=zoo.faults,
            costs=_COSTS,
            few=sum(model.compared for model in zoo.models) <= zoo_charts.FEW,
            budgets=_BUDGETS,
            content=content,
            style=page.style(),
            data=Markup(page.as_json(content)),
            scripts=[Markup(script) for script in scripts],
            policy=page.policy(scripts),
        )
    )


def _figures(model: Model) -> list[str | float | None]:
    """What each of the table's columns is sorted by; the columns of `browse.js` are these."""
    return [
        model.name, model.macs / 1e6, model.parameters / 1e6, model.bytes, 100 * model.top1, 100 * model.top5,
        model.latency_ms, len(model.front),
    ]  # fmt: skip
