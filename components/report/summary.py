"""The first screen: the verdict, the numbers of both models side by side, and what lies between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.conversion import artifact
from components.evaluation.intervals import Interval, drop_interval, mean_interval
from components.evaluation.scores import BASELINE, CANDIDATE, Evaluation, Scores
from components.report.facts import FLOAT, INT8, Facts

NOT_MEASURED = "not measured"
_FILES = {FLOAT: artifact.FLOAT, INT8: artifact.INT8}
_NAMES = {BASELINE: FLOAT, CANDIDATE: INT8}


def model_name(name: str) -> str:
    """The pipeline's two models by the page's names; any other by its own."""
    return _NAMES.get(name, name)


def percent(share: float) -> str:
    """0.842 → 84.20 %."""
    return f"{share:.2%}".replace("%", " %")


def points(share: float, *, signed: bool = True) -> str:
    """0.002 → +0.20."""
    return f"{100 * share:{'+' if signed else ''}.2f}"


def tiles(facts: Facts) -> list[dict[str, str]]:
    """The few numbers that a person came for: label, value, note each."""
    found = [*_accuracy_tiles(facts.evaluation), *_size_tiles(facts), *_agreement_tiles(facts)]
    return [{"label": label, "value": value, "note": note} for label, value, note in found]


def rows(facts: Facts) -> list[dict[str, str]]:
    """The table of models, the baseline first."""
    if facts.evaluation is None:
        return []
    scores = facts.evaluation.overall.scores
    first = facts.evaluation.baseline_name
    ordered = sorted(scores, key=lambda name: name != first)
    return [_row(model_name(name), scores[name], _described(facts, model_name(name))) for name in ordered]


def verdict(facts: Facts) -> dict[str, Any] | None:
    """blessed, reason, and a list of evidence: kind, passed, sentence. Older verdicts have none."""
    if facts.verdict is None:
        return None
    return {
        "blessed": bool(facts.verdict.get("blessed")),
        "reason": str(facts.verdict.get("reason", "")),
        "evidence": [_evidence(each) for each in facts.verdict.get("evidence", ())],
    }


def _accuracy_tiles(evaluation: Evaluation | None) -> list[tuple[str, str, str]]:
    if evaluation is None or not {CANDIDATE, BASELINE} <= set(evaluation.overall.scores):
        return []
    int8, baseline = evaluation.candidate, evaluation.baseline
    return [
        ("int8 top-1", percent(int8.top1), _between(int8.top1_interval)),
        ("float top-1", percent(baseline.top1), _between(baseline.top1_interval)),
        ("int8 − float, points", points(int8.top1 - baseline.top1), _difference_note(evaluation)),
    ]


def _difference_note(evaluation: Evaluation) -> str:
    pairs = evaluation.overall.pairs.get(CANDIDATE)
    if pairs is None:
        return ""
    lost, gained = int(pairs.only_baseline.sum()), int(pairs.only_candidate.sum())
    low, high = drop_interval(only_baseline=lost, only_candidate=gained, pictures=pairs.pictures)
    return f"95 %: {points(-high)} to {points(-low)}; {lost:,} lost, {gained:,} gained"


def _size_tiles(facts: Facts) -> list[tuple[str, str, str]]:
    int8, baseline = (_described(facts, name).get("bytes") for name in (INT8, FLOAT))
    if not int8 or not baseline:
        return []
    return [("int8 file", f"{int8 / 1e6:.2f} MB", f"{baseline / int8:.1f} times smaller than float")]


def _agreement_tiles(facts: Facts) -> list[tuple[str, str, str]]:
    agreement = (facts.conversion or {}).get("agreement") or {}
    if "top1" not in agreement:
        return []
    note = f"on {agreement['pictures']:,} pictures; logits are {agreement['mean_steps']:.2f} steps off on average"
    return [("same class as in training", percent(agreement["top1"]), note)]


def _row(name: str, scores: Scores, file: Mapping[str, Any]) -> dict[str, str]:
    error = scores.cross_entropy_error
    nats = mean_interval(scores.cross_entropy, error) if error else None
    return {
        "model": name,
        "pictures": f"{scores.pictures:,}",
        "top1": percent(scores.top1),
        "top1_interval": _between(scores.top1_interval),
        "top5": percent(scores.top5),
        "top5_interval": _between(scores.top5_interval),
        "cross_entropy": f"{scores.cross_entropy:.4f}",
        "cross_entropy_interval": f"{nats.low:.3f} to {nats.high:.3f}" if nats else "",
        "ece": percent(scores.calibration.error) if scores.calibration else NOT_MEASURED,
        "bytes": f"{file['bytes']:,}" if "bytes" in file else "",
        "sha256": scores.sha256,
        "runtime": scores.runtime,
    }


def _described(facts: Facts, name: str) -> Mapping[str, Any]:
    return (facts.conversion or {}).get("files", {}).get(_FILES.get(name, ""), {})


def _evidence(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": str(said["kind"]).capitalize(), "passed": bool(said["passed"]), "sentence": str(said["sentence"])}


def _between(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
