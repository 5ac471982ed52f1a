"""Facts in, MODEL_CARD.md and MODEL_CARD.html out. Names of classes and slices come from outside: all is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

MARKDOWN = "MODEL_CARD.md"
HTML = "MODEL_CARD.html"
_TEMPLATE = Path(__file__).parent / "template"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render(facts: Mapping[str, Any]) -> dict[str, str]:
    """File name → text. No time and no chance is in it: the same facts give the same bytes."""
    return {MARKDOWN: _environment(autoescape=False).get_template(MARKDOWN).render(facts),
            HTML: _environment(autoescape=True).get_template(HTML).render(facts)}  # fmt: skip


def escaped(value: object) -> str:
    """One line of Markdown that shows the text as it is, in a table too."""
    text = "".join(each if each.isprintable() else " " for each in str(value))
    text = "".join(_ENTITIES.get(each, each) for each in text)
    return _MARKDOWN.sub(r"\\\1", text)


def _environment(*, autoescape: bool) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE), autoescape=autoescape, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters["text"] = escaped
    return made
