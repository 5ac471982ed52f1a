"""The page: facts in, one HTML file out. All that it needs is in it, and its policy lets nothing be fetched."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from components.report import charts, classes, confusion, dag, data_report, score_charts, summary
from components.report.facts import Facts

_TEMPLATE = Path(__file__).parent / "template"
_SCRIPTS = ("elements.js", "charts.js", "tables.js", "confusion.js", "page.js")  # Each uses those before it.
_STATES = {"done": "done", "cached": "from cache", "failed": "failed", "killed": "not finished"}


def render(facts: Facts) -> str:
    """The whole file. Names of classes and files come from outside: the template escapes all of it."""
    rows = classes.rows(facts)
    content = {
        "charts": charts.all_of(facts, rows),
        "classes": {"columns": classes.COLUMNS, "rows": [[row[key] for key in classes.COLUMNS] for row in rows]},
        "confusion": confusion.content(facts),
    }
    scripts = [library(), script(_SCRIPTS)]
    return (
        environment()
        .get_template("page.html")
        .render(
            facts=facts,
            tiles=summary.tiles(facts),
            verdict=summary.verdict(facts),
            models=summary.rows(facts),
            content=content,
            slices=score_charts.slice_rows(facts.evaluation),
            gallery=confusion.gallery(facts),
            ingestion=data_report.ingestion(facts),
            drawing=dag.drawing(facts.nodes),
            box=(dag.WIDTH, dag.HEIGHT),
            states=_STATES,
            digests=data_report.digests(facts),
            recipes=data_report.recipes(facts),
            style=style(),
            data=Markup(as_json(content)),
            scripts=[Markup(script) for script in scripts],
            policy=policy(scripts),
        )
    )


def policy(scripts: list[str]) -> str:
    """The Content-Security-Policy: these very scripts run, pictures are inline, and nothing else is loaded.

    Vega would compile its expressions with `Function`; the page has it interpret them, so that no eval is allowed.
    Styles are inline: Vega's tooltips and the matrix colour by attribute.
    """
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in sums)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def as_json(content: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element, and no number is NaN."""
    text = json.dumps(_finite(content), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _finite(content: Any) -> Any:
    """NaN and infinity as null."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {key: _finite(each) for key, each in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(each) for each in content]
    return content


@functools.cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, as vl-convert carries them; putting it together takes 2 s."""
    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return library.replace("</script", "<\\/script").replace("<!--", "<\\!--")  # What would end its element.


def script(names: Sequence[str]) -> str:
    """A page's own scripts in a function: the library's names are many, and global.

    Args:
      names: files of template/, each after those that it uses.
    """
    files = [(_TEMPLATE / name).read_text(encoding="utf-8") for name in names]
    return '(() => {\n"use strict";\n' + "\n".join(files) + "})();\n"


def style() -> Markup:
    return Markup((_TEMPLATE / "page.css").read_text(encoding="utf-8"))


def environment() -> jinja2.Environment:
    """Of the templates: everything is escaped, and a name that is not known is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["points"] = summary.points
    made.filters["percent"] = summary.percent
    return made
