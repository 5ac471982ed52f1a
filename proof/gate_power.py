"""How often AccuracyGate's rule blocks, by simulation: honest files (false alarms) and worse ones (power).

    python -m proof.gate_power > proof/gate_power.md

Every row draws `--runs` evaluations and asks components.gate.accuracy.judge itself. Of each class's pictures, `gains`
are right with the int8 file only and `gains + drop` with the float model only; the floor is out of the way. The second
table does the same for the last release, of which only the counts are known (unpaired_statistics.py). The last says
which loss of one class is seen at all. What fitness does is in proof/fitness_power.py.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass

import numpy as np

from components.evaluation import unpaired_statistics
from components.evaluation.scores import PairedCounts
from components.gate.accuracy import judge
from components.gate.rule import Rule

SETS = {500: 10, 10_000: 10, 50_000: 1000}  # Pictures → classes: bundled, Fashion-MNIST, ImageNet.
RULE = Rule(floor=0.0)


@dataclass(frozen=True)
class Case:
    """One row of the table; shares of all pictures."""

    drop: float
    gains: float
    uneven: float = 0.0  # Half the classes drop by this much more, half by as much less.
    dead_class: bool = False
    right: float = 0.8  # Of the float model. It counts only where a whole class is lost.


CASES = [
    *(Case(drop, gains) for drop, gains in itertools.product((0.0, 0.01), (0.01, 0.03))),
    Case(0.0, 0.03, uneven=0.03),
    *(Case(drop, gains) for drop, gains in itertools.product((0.02, 0.03, 0.05), (0.01, 0.03))),
    *(Case(0.0, 0.01, dead_class=True, right=right) for right in (0.8, 0.6, 0.45)),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    print(f"Blocked of {arguments.runs} simulated evaluations: in all (by the drop's bound, by a class). Written by")
    print(f"`python -m proof.gate_power --runs {arguments.runs} --seed {arguments.seed} > proof/gate_power.md`.\n")
    print("| true drop | gains | case | " + " | ".join(f"{n} pictures" for n in SETS) + " |")
    print("| --- | --- | --- | " + " | ".join("---" for _ in SETS) + " |")
    for case in CASES:
        cells = [_blocked(case, n, classes, arguments.runs, generator) for n, classes in SETS.items()]
        print(f"| {case.drop:.0%} | {case.gains:.0%} | {_name(case)} | " + " | ".join(cells) + " |", flush=True)
    _print_releases(arguments.runs, generator)
    _print_smallest_losses()


def _print_smallest_losses() -> None:
    """Not drawn: of one class's 50 pictures so many are lost, none is gained, and the other classes stay."""
    print("\nThe fewest of a class's 50 pictures whose loss is seen; nothing is gained, and no other class differs.\n")
    print("| classes | lost of 50 | points of the class | by |")
    print("| --- | --- | --- | --- |")
    for classes in (10, 100, 1000):
        lost = next(lost for lost in range(51) if not judge(_one_loss(classes, lost), RULE).passed)
        found = judge(_one_loss(classes, lost), RULE).facts
        by = "the class" if found["lost_classes"] else "the drop of all"
        print(f"| {classes} | {lost} | {lost / 50:.0%} | {by} |")


def _one_loss(classes: int, lost: int) -> PairedCounts:
    both, only_float = np.full(classes, 50), np.zeros(classes, np.int64)
    both[0] -= lost
    only_float[0] = lost
    return PairedCounts(both, only_float, np.zeros(classes, np.int64), np.zeros(classes, np.int64))


def _print_releases(runs: int, generator: np.random.Generator) -> None:
    """Two trainings of one recipe differ on more pictures than a float model and its int8 file."""
    print("\nBlocked by the last release, of which only the counts are known; its top-1 is 80 %.\n")
    print("| true drop | gains | " + " | ".join(f"{n} pictures" for n in SETS) + " |")
    print("| --- | --- | " + " | ".join("---" for _ in SETS) + " |")
    for drop, gains in itertools.product((0.0, 0.01, 0.02, 0.03, 0.05, 0.1), (0.01, 0.05)):
        shares = [_blocked_by_release(drop, gains, n, runs, generator) for n in SETS]
        print(f"| {drop:.0%} | {gains:.0%} | " + " | ".join(f"{share:.2%}" for share in shares) + " |", flush=True)


def _blocked_by_release(drop: float, gains: float, pictures: int, runs: int, generator: np.random.Generator) -> float:
    both, lost = 0.8 - gains - drop, gains + drop
    drawn = generator.multinomial(pictures, [both, lost, gains, 1 - both - lost - gains], size=runs)
    blocked = 0
    for right, before, now, _ in drawn.tolist():
        bound = unpaired_statistics.drop_lower_bound(
            before=(right + before, pictures), now=(right + now, pictures), alpha=RULE.alpha
        )
        blocked += bound > RULE.margin
    return blocked / runs


def _blocked(case: Case, pictures: int, classes: int, runs: int, generator: np.random.Generator) -> str:
    verdicts = [judge(_draw(case, pictures, classes, generator), RULE) for _ in range(runs)]
    by_drop = sum(verdict.facts["drop_lower_bound"] > RULE.margin for verdict in verdicts) / runs
    by_class = sum(bool(verdict.facts["lost_classes"]) for verdict in verdicts) / runs
    return f"{sum(not verdict.passed for verdict in verdicts) / runs:.2%} ({by_drop:.2%}, {by_class:.2%})"


def _draw(case: Case, pictures: int, classes: int, generator: np.random.Generator) -> PairedCounts:
    drops = np.where(np.arange(classes) % 2, case.drop - case.uneven, case.drop + case.uneven)
    if case.dead_class:
        drops[0] = case.right - case.gains
    gains = case.gains + np.maximum(-drops, 0)
    losses = case.gains + np.maximum(drops, 0)
    both = np.maximum(case.right - losses, 0)
    shares = np.stack([both, np.minimum(losses, 1 - gains), gains, np.zeros(classes)], axis=1)
    shares[:, 3] = np.maximum(1 - shares.sum(axis=1), 0)
    drawn = generator.multinomial(pictures // classes, shares / shares.sum(axis=1, keepdims=True))
    return PairedCounts(*drawn.T)


def _name(case: Case) -> str:
    if case.dead_class:
        return f"one dead class, {case.right:.0%} right in float"
    return f"classes ±{case.uneven:.0%}" if case.uneven else "all classes alike"


if __name__ == "__main__":
    main()
