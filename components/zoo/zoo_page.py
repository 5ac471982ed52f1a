"""The page of the zoo: the table and the charts of all that was pushed, in one HTML file that needs no network."""

from __future__ import annotations

from markupsafe import Markup

from components.report import page
from components.zoo import tables, zoo_charts
from components.zoo.models import Zoo

TITLE = "MobileNetV1: the zoo"
_SCRIPTS = ("elements.js", "charts.js", "zoo.js")  # Each uses those before it.
_COSTS = {"macs": "multiply-adds", "bytes": "bytes", "latency_ms": "latency"}


def render(zoo: Zoo) -> str:
    """The whole file. What bundles and measurements say comes from outside: the template escapes all of it."""
    content = {"charts": zoo_charts.all_of(zoo)}
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
            content=content,
            style=page.style(),
            data=Markup(page.as_json(content)),
            scripts=[Markup(script) for script in scripts],
            policy=page.policy(scripts),
        )
    )
