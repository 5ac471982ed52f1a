"""What ingestion made of the pictures, for the page; and where a run came from: digests, recipes, artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.evaluation.scores import CANDIDATE
from components.report.facts import Facts

_NAMED = 50  # Files, of each kind.
_SAME = 20  # Groups of the same picture, of each kind.
_COUNTS = ("pictures", "taken", "converted", "refused", "grey", "oriented")


def ingestion(facts: Facts) -> dict[str, Any] | None:
    """Counts by split, reasons, the spread of the classes, and the first files of each kind."""
    report = facts.ingestion
    if report is None:
        return None
    copies, leaks = report.get("duplicates", {}), report.get("in_train", {}).items()
    return {
        "classes": report["classes"],
        "megabytes": f"{report['bytes'] / 1e6:,.1f}",
        "ignored": report.get("ignored", 0),
        "digest": report["digest"],
        "splits": [_split(name, split) for name, split in report["splits"].items()],
        "files": [(kind, report[kind][:_NAMED], _total(report, kind)) for kind in ("refused", "converted")],
        "duplicates": [
            *(_same(f"copies of other pictures in {split}", found["copies"], found) for split, found in copies.items()),
            *(_same(f"pictures of {split} that are in train too", found["pictures"], found) for split, found in leaks),
        ],
    }


def _same(what: str, count: int, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "count": count,
        "text": f"{count:,} {what}, byte for byte; {found['of_other_class']:,} under another label",
        "groups": found["first"][:_SAME],
        "more": len(found["first"]) > _SAME,
    }


def _split(name: str, split: Mapping[str, Any]) -> dict[str, Any]:
    per_class = list(split.get("per_class", {}).values())
    reasons = [
        f"{count:,} {kind}: {reason}"
        for kind in ("refused", "converted")
        for reason, count in split.get(f"{kind}_by_reason", {}).items()
    ]
    ends = sorted({min(per_class), max(per_class)}) if per_class else []
    spread = " to ".join(f"{end:,}" for end in ends)
    imbalance = split.get("imbalance")
    if imbalance and imbalance["ratio"] > 1:
        reasons.append(f"{imbalance['largest']} is {imbalance['ratio']:,.4g} times as large as {imbalance['smallest']}")
    return {"name": name, **{key: f"{split.get(key, 0):,}" for key in _COUNTS}, "spread": spread, "reasons": reasons}


def _total(report: Mapping[str, Any], kind: str) -> int:
    return sum(split[kind] for split in report["splits"].values())


def digests(facts: Facts) -> list[tuple[str, str, str]]:
    """(of what, which, SHA-256): data, code and recipes, as the models and the files record them."""
    found: list[tuple[str, str, str]] = []
    if facts.ingestion:
        found.append(("data", "the examples' shards", str(facts.ingestion["digest"])))
    for model, described in facts.models.items():
        for what in ("data", "code", "recipe", "base_model"):
            digest = described.get("digests", {}).get(what)
            if digest:
                found.append((what.replace("_", " "), f"{model} model", str(digest)))
    if facts.evaluation and CANDIDATE in facts.evaluation.overall.scores and facts.evaluation.sha256:
        found.append(("file", "the int8 file that was evaluated", facts.evaluation.sha256))
    return found


def recipes(facts: Facts) -> list[dict[str, Any]]:
    """Each training's recipe, field by field."""
    return [
        {
            "model": model,
            "name": described["recipe"].get("name", ""),
            "steps": described.get("steps"),
            "fields": sorted((key, str(value)) for key, value in described["recipe"].items()),
        }
        for model, described in facts.models.items()
        if described.get("recipe")
    ]
