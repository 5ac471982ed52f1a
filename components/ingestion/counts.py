"""ingestion_report.json: what was taken, converted and refused, by name and reason; and when that is too much."""

import hashlib
import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

from components.data_error import DataError
from components.ingestion import duplicates, shards
from components.ingestion.rules import Rules
from components.sources.source import Source
from trainer.imagenet import REPORT_FORMAT

COUNTS = ("pictures", "taken", "converted", "refused", "grey", "oriented")  # Of a split.
_FEW = 10  # So many refused files do not fail a run...
_FEW_SHARE = 0.05  # ...unless they are more than this share of a small set.


def collect(source: Source, staging: Path, plans: list[str]) -> dict[str, Any]:
    """The report over all shards, from their result files.

    Per split, `pictures` are those written: `taken` byte for byte plus `converted`. `grey` counts one-component JPEGs
    among them, `oriented` those that EXIF wants turned and that stay as they are. `digest` is the SHA-256 over digests
    of the shards in order, train before eval (shards.py): it changes with any byte of any shard, and the workers can
    compute it as they write.
    """
    results = {plan: _result(staging, plan) for plan in sorted(plans)}
    totals = {split: Counter() for split in source.splits}
    classes = {split: Counter() for split in source.splits}
    sizes = Counter()
    for plan, result in results.items():
        split = _split_of(plan, source)
        totals[split].update(result["counts"])
        classes[split].update(result["per_class"])
        sizes[split] += result["bytes"]
    ordered = [results[plan] for plan in plans]
    return {
        "digest": hashlib.sha256(b"".join(bytes.fromhex(result["sha256"]) for result in ordered)).hexdigest(),
        "classes": len(source.categories),
        "bytes": sizes.total(),
        "ignored": source.ignored,
        **_decided(source),
        "boxes": dict(source.boxes),
        "splits": {
            split: {"bytes": sizes[split], **_split_report(source, split, totals[split], classes[split])}
            for split in source.splits
        },
        **duplicates.compare([_shard(source, staging, plan) for plan in plans]),
        "converted": _named(ordered, "converted"),
        "refused": _named(ordered, "refused"),
    }


def _decided(source: Source) -> dict[str, Any]:
    """What a source that is laid out as ImageNet is has none of."""
    suffixes = Counter(os.path.splitext(name)[1].lower() or "no suffix" for name in source.lost)
    lost = {"files": len(source.lost), "by_suffix": dict(suffixes.most_common()), "first": list(source.lost[:_FEW])}
    return ({"lost": lost} if source.lost else {}) | ({"notes": list(source.notes)} if source.notes else {})


def _result(staging: Path, plan: str) -> dict[str, Any]:
    path = _result_path(staging, plan)
    if not path.exists():
        raise RuntimeError(f"Beam finished but {path.name} was not written: the workers do not see {staging}.")
    return json.loads(path.read_text())


def _split_of(plan: str, source: Source) -> str:
    return next(split for split in source.splits if Path(plan).name.startswith(f"Split-{split}-"))


def _split_report(source: Source, split: str, counts: Counter, per_class: Counter) -> dict[str, Any]:
    report: dict[str, Any] = {name: counts[name] for name in COUNTS}
    for what in ("converted", "refused"):
        kinds = {key.removeprefix(f"{what}: "): n for key, n in sorted(counts.items()) if key.startswith(f"{what}: ")}
        report[f"{what}_by_reason"] = kinds
    found = {entry.label for entry in source.splits[split]}  # All classes, but where a model is evaluated on a few.
    categories = [category for label, category in enumerate(source.categories, start=1) if label in found]
    report["per_class"] = {category.name: per_class[category.name] for category in categories}
    report["imbalance"] = _imbalance(report["per_class"])
    return report


def _imbalance(per_class: dict[str, int]) -> dict[str, Any]:
    """The largest and the smallest class, and how many times larger that one is."""
    smallest, largest = (choose(per_class, key=lambda name: per_class[name]) for choose in (min, max))
    ratio = per_class[largest] / max(1, per_class[smallest])
    return {"largest": largest, "smallest": smallest, "ratio": round(ratio, 3)}


def _shard(source: Source, staging: Path, plan: str) -> duplicates.Shard:
    return duplicates.Shard(_split_of(plan, source), Path(plan), shards.contents_path(_result_path(staging, plan)))


def _result_path(staging: Path, plan: str) -> Path:
    return staging / "result" / Path(plan).name


def _named(results: list[dict[str, Any]], what: str) -> list[dict[str, str]]:
    return sorted((item for result in results for item in result[what]), key=lambda item: item["name"])[: shards.NAMED]


def allowed_refusals(files: int, *, max_refused: float) -> int:
    """How many files may be refused before the run fails.

    The share asked for; but ten never fail a run, nor one file of a small set, as long as they are at most 5 % of it:
    at 0.1 % a folder of 900 pictures would fail on its first. With max_refused=0 none is allowed.
    """
    if max_refused == 0:
        return 0
    few = max(1, min(_FEW, math.floor(files * _FEW_SHARE)))
    return max(few, math.floor(files * max_refused))


def check(report: dict[str, Any], *, root: str, rules: Rules) -> None:
    """Fails on too many refused files, on a class of which nothing is left, and on eval's pictures in train.

    Raises:
        DataError: naming the first of them.
    """
    _check_refused(report, root, rules.max_refused)
    _check_leaked(report, root, rules.max_leaked)


def _check_refused(report: dict[str, Any], root: str, max_refused: float) -> None:
    refused = sum(split["refused"] for split in report["splits"].values())
    files = refused + sum(split["pictures"] for split in report["splits"].values())
    allowed = allowed_refusals(files, max_refused=max_refused)
    first = "; ".join(f"{item['name']}: {item['reason']}" for item in report["refused"][:10])
    if refused > allowed:
        ways = _ways_out(report["refused"])
        raise DataError(
            f"{root}: {refused:,} of {files:,} files are no usable pictures; at most {allowed:,} may be refused. "
            f"The first: {first}. Repair or remove them, or allow more with --max-refused{ways}."
        )
    empty = [f"{name}/{c}" for name, split in report["splits"].items() for c, n in split["per_class"].items() if not n]
    if empty:
        raise DataError(f"{root}: no usable picture is left in {', '.join(empty[:20])}. Refused: {first}.")


def _ways_out(refused: list[dict[str, str]]) -> str:
    """The options that would take some of these files as they are."""
    options = {
        ", larger ones with --max-pixels": "--max-pixels",
        ", damaged JPEGs with --no-decode-check": " JPEG: ",
    }
    return "".join(way for way, sign in options.items() if any(sign in item["reason"] for item in refused))


def check_lost(source: Source, *, root: str, rules: Rules) -> None:
    """Pictures of a kind that is not read are as lost as refused ones, which shows before any work.

    Raises:
        DataError: naming the first of them, and their suffixes.
    """
    files = len(source.lost) + sum(map(len, source.splits.values()))
    if len(source.lost) > (allowed := allowed_refusals(files, max_refused=rules.max_refused)):
        lost = _decided(source)["lost"]
        kinds = ", ".join(f"{count:,} of {suffix}" for suffix, count in lost["by_suffix"].items())
        raise DataError(
            f"{root}: {lost['files']:,} of {files:,} files are left out, as they begin like no JPEG, PNG, GIF, BMP or "
            f"WebP ({kinds}); at most {allowed:,} may be. The first: {', '.join(lost['first'])}. Convert, move or "
            "remove them, or allow more with --max-refused."
        )


def _check_leaked(report: dict[str, Any], root: str, max_leaked: float) -> None:
    """A score on pictures that were trained on is none."""
    for split, found in report["in_train"].items():
        leaked, pictures = found["pictures"], report["splits"][split]["pictures"]
        if leaked > max_leaked * pictures:
            first = "; ".join(" = ".join(names) for names in found["first"][:5])
            raise DataError(
                f"{root}: {leaked:,} of the {pictures:,} pictures of {split} are in train too, byte for byte; at most "
                f"{max_leaked:.2%} may be. The first: {first}. Remove them from one split, or allow more with "
                "--max-leaked."
            )


def write(report: dict[str, Any], path: Path) -> None:
    """As indented JSON."""
    path.write_text(json.dumps(REPORT_FORMAT.stamped(report), indent=2) + "\n", encoding="utf-8")
