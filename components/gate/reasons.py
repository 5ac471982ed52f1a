"""What AccuracyGate says of the counts, in plain sentences."""

from __future__ import annotations

from typing import Any

from trainer.listing import first_of

Numbers = dict[str, Any]  # As accuracy.judge() puts them into verdict.json.

_NAMED_CLASSES = 5  # In the reason; verdict.json has them all.


def faults(numbers: Numbers) -> list[str]:
    """One sentence for each thing that speaks against a blessing; none is a blessing."""
    return [*_too_few(numbers), *_drop(numbers), *_classes(numbers), *_release(numbers), *_floor(numbers)]


def praise(numbers: Numbers) -> str:
    """One sentence for a verdict without faults."""
    margin, bound = points(numbers["rule"]["margin"]), points(numbers["drop_lower_bound"])
    if numbers["pictures"] < numbers["pictures_needed"]:
        return (
            f"Not shown to be as good as the float model: {_few(numbers)} It was accepted all the same: "
            f"{_compared(numbers)}; {_lost(numbers)}{_kept(numbers)}, and {_against_the_release(numbers)}."
        )
    return (
        f"{_compared(numbers)}, which does not show a drop of more than {margin} (lower bound {bound}); "
        f"{_lost(numbers)}{_kept(numbers)}, and {_against_the_release(numbers)}."
    )


def _lost(numbers: Numbers) -> str:
    lost = len(numbers["lost_classes"])
    return f"{lost} of {numbers['classes']} classes are lost, which may be" if lost else "no class is lost"


def _kept(numbers: Numbers) -> str:
    floor = numbers["rule"]["floor"]
    return f", the floor of {percent(floor)} is kept" if floor else ""


def _too_few(numbers: Numbers) -> list[str]:
    if numbers["pictures"] >= numbers["pictures_needed"] or numbers["rule"]["accept_small"]:
        return []
    return [_few(numbers)]


def _few(numbers: Numbers) -> str:
    return (
        f"{numbers['pictures']} pictures are too few to see a drop of {points(numbers['rule']['visible_drop'])}: "
        f"{numbers['pictures_needed']} are needed."
    )


def _drop(numbers: Numbers) -> list[str]:
    if numbers["drop_lower_bound"] <= numbers["rule"]["margin"]:
        return []
    margin, bound = points(numbers["rule"]["margin"]), points(numbers["drop_lower_bound"])
    return [
        f"The int8 file is worse than the float model by more than {margin}: {_compared(numbers)}, and with "
        f"{percent(1 - numbers['rule']['alpha'])} confidence the drop is at least {bound}."
    ]


def _classes(numbers: Numbers) -> list[str]:
    lost, rule = numbers["lost_classes"], numbers["rule"]
    if len(lost) <= rule["max_lost"] * numbers["classes"]:
        return []
    told = [
        f"class {c['index']} ({c['name']}): {c['candidate_right']} of {c['pictures']} right, the float model "
        f"{c['baseline_right']}, p = {c['p_value']:.1g}"
        for c in lost
    ]
    named = first_of(told, _NAMED_CLASSES, separator="; ")
    count = "One class loses" if len(lost) == 1 else f"{len(lost)} classes lose"
    return [
        f"{count} more than {points(rule['class_margin'])}, beyond chance: {named}. Fine-tune for longer or at a "
        "lower rate; --class-margin and --max-lost say how much of a class, and how many classes, may be lost."
    ]


def _release(numbers: Numbers) -> list[str]:
    release, rule = numbers["release"], numbers["rule"]
    if "not_compared" in release or release["drop_lower_bound"] <= rule["margin"]:
        return []
    return [
        f"The int8 file is worse than release {release['version']} by more than {points(rule['margin'])}: top-1 "
        f"{percent(numbers['candidate_top1'])} against {percent(release['top1'])}, and with "
        f"{percent(1 - rule['alpha'])} confidence the drop is at least {points(release['drop_lower_bound'])}."
    ]


def _against_the_release(numbers: Numbers) -> str:
    release = numbers["release"]
    if "not_compared" in release:
        return release["not_compared"]
    return (
        f"no drop of more than {points(numbers['rule']['margin'])} from the {percent(release['top1'])} of release "
        f"{release['version']} is shown (lower bound {points(release['drop_lower_bound'])})"
    )


def _floor(numbers: Numbers) -> list[str]:
    if numbers["candidate_top1"] >= numbers["rule"]["floor"]:
        return []
    top1 = percent(numbers["candidate_top1"])
    return [f"The int8 file's top-1 of {top1} is under the floor of {percent(numbers['rule']['floor'])}."]


def _compared(numbers: Numbers) -> str:
    return (
        f"top-1 {percent(numbers['candidate_top1'])} against the float model's {percent(numbers['baseline_top1'])} "
        f"on {numbers['pictures']} pictures ({numbers['only_baseline']} lost, {numbers['only_candidate']} gained)"
    )


def percent(fraction: float) -> str:
    """As the reasons write a share."""
    return f"{100 * fraction:.4g} %"


def points(fraction: float) -> str:
    """As the reasons write a difference of two shares."""
    return f"{100 * fraction:.2f} points"
