"""How often fitness blocks, by simulation: the tables that proof/gate_power.py ends with."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

import numpy as np

from components.evaluation.scores import BINS, Calibration, PairedCounts, Scores
from components.gate import fitness, training_sample
from components.gate.rule import Rule

SETS = {500: 10, 10_000: 10, 50_000: 1000}  # Pictures → classes, as in gate_power.
_OTHERS = 20  # Classes beside the largest, where that matters.
RULE = Rule(max_calibration_error=1.0)
CALIBRATED = Rule(max_lost=1.0)

_Draw = Callable[[int, int, np.random.Generator], bool]  # Pictures, classes → blocked.


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"\nFitness, of {arguments.runs} simulated evaluations each. Written by")
    print(f"`python -m proof.fitness_power --runs {arguments.runs} --seed {arguments.seed} >> proof/gate_power.md`.")
    _print_tables(arguments.runs, np.random.default_rng(arguments.seed))


def _print_tables(runs: int, generator: np.random.Generator) -> None:

    def table(title: str, rows: Iterable[tuple[str, _Draw]]) -> None:
        print(f"\n{title}\n\n| case | " + " | ".join(f"{n} pictures" for n in SETS) + " |")
        print("| --- | " + " | ".join("---" for _ in SETS) + " |")
        for name, draw in rows:
            shares = [sum(draw(n, c, generator) for _ in range(runs)) / runs for n, c in SETS.items()]
            print(f"| {name} | " + " | ".join(f"{share:.2%}" for share in shares) + " |", flush=True)

    table("Blocked as knowing no more than the largest class, 20 equal classes beside the largest.", _chance_rows())
    table("Blocked by classes that are never found; their own shares differ by the standard deviation.", _class_rows())
    table("Blocked by batch norm, on 512 training pictures; 1 % are right with the file only.", _batch_norm_rows())
    table("Blocked by calibration; confidence differs from picture to picture by 20 points.", _calibration_rows())
    table(f"Told, not blocked: eval under training by more than {fitness.OVERFIT:.0%}; training at 95 %.", _told_rows())


def _chance_rows() -> Iterable[tuple[str, _Draw]]:
    for largest, gain in ((0.1, 0.0), (0.1, 0.05), (0.1, 0.4), (0.5, 0.0), (0.5, 0.05), (0.5, 0.1), (0.9, 0.03)):

        def draw(pictures: int, classes: int, rng: np.random.Generator, largest=largest, gain=gain) -> bool:
            shares = [largest, *[(1 - largest) / _OTHERS] * _OTHERS]
            labels = rng.multinomial(pictures, shares)
            right = rng.binomial(labels, gain / (1 - largest))  # Of the others; else the largest class is the answer.
            right[0] = labels[0]
            confusion = np.diag(right)
            confusion[:, 0] += labels - right
            return _any(_scores(confusion), None, RULE, "not shown to know more")

        yield f"largest class {largest:.0%}, top-1 {largest + gain:.0%}", draw


def _class_rows() -> Iterable[tuple[str, _Draw]]:
    for top1, spread, dead in (
        (0.2, 0.1, 0), (0.4, 0.1, 0), (0.4, 0.2, 0), (0.7, 0.1, 0), (0.7, 0.2, 0), (0.9, 0.1, 0),
        (0.4, 0.1, 1), (0.4, 0.2, 1), (0.7, 0.1, 1), (0.7, 0.2, 1), (0.9, 0.1, 1),
    ):  # fmt: skip
        name = f"top-1 {top1:.0%}, classes ±{spread:.0%}" + (", one is never the answer" if dead else "")

        def draw(pictures: int, classes: int, rng: np.random.Generator, top1=top1, spread=spread, dead=dead) -> bool:
            scale = top1 * (1 - top1) / spread**2 - 1
            shares = rng.beta(top1 * scale, (1 - top1) * scale, classes)
            shares[:dead] = 0.0
            each = pictures // classes
            right = rng.binomial(each, shares)
            return _unfound(each, right, rng, dead)

        yield name, draw


def _unfound(each: int, right: np.ndarray, rng: np.random.Generator, dead: int) -> bool:
    """What is wrong goes to any other class but the dead ones."""
    classes = len(right)
    confusion = np.diag(right)
    labels = np.repeat(np.arange(classes), each - right)
    answers = rng.integers(dead, classes - 1, len(labels))
    np.add.at(confusion, (labels, answers + (answers >= labels)), 1)  # Any but its own.
    return _any(_scores(confusion), None, RULE, "never found")


def _batch_norm_rows() -> Iterable[tuple[str, _Draw]]:
    for drop in (0.0, 0.01, 0.02, 0.03, 0.05, 0.1):

        def draw(pictures: int, classes: int, rng: np.random.Generator, drop=drop) -> bool:
            del pictures, classes
            counts = rng.multinomial(training_sample.PICTURES, [0.88 - drop, drop + 0.01, 0.01, 0.10])
            sample = PairedCounts(*(np.array([count]) for count in counts))
            return _any(_scores(np.array([[300, 100], [100, 300]])), sample, RULE, "right in training mode")

        yield f"the file is {drop:.0%} under its network", draw


def _calibration_rows() -> Iterable[tuple[str, _Draw]]:
    for off in (0.0, 0.1, -0.1, 0.2, -0.2, 0.24, 0.3, -0.3):

        def draw(pictures: int, classes: int, rng: np.random.Generator, off=off) -> bool:
            del classes
            share = np.clip(rng.normal(0.6, 0.2, pictures), 0.02, 0.98)
            sure = np.clip(share + off, 0.0, 1.0)
            right = rng.random(pictures) < share
            where = np.minimum((sure * BINS).astype(int), BINS - 1)
            counted, hits, summed = (np.bincount(where, w, BINS) for w in (np.ones(pictures), right, sure))
            calibration = Calibration(counted.astype(int), hits.astype(int), summed)
            confusion = np.array([[right.sum(), 0], [(~right).sum(), 0]])
            return _any(_scores(confusion, calibration), None, CALIBRATED, "of its answers")

        yield f"confidence off by {off:+.0%}", draw


def _told_rows() -> Iterable[tuple[str, _Draw]]:
    for gap in (0.0, 0.05, 0.1, 0.2, 0.3):

        def draw(pictures: int, classes: int, rng: np.random.Generator, gap=gap) -> bool:
            del classes
            trained = rng.binomial(training_sample.PICTURES, 0.95)
            sample = PairedCounts(*(np.array([n]) for n in (trained, 0, 0, training_sample.PICTURES - trained)))
            right = rng.binomial(pictures, 0.95 - gap)
            confusion = np.array([[right // 2, pictures - right], [0, right - right // 2]])
            return bool(fitness.judge(_scores(confusion), sample, RULE).notes)

        yield f"eval {gap:.0%} under training", draw


def _any(file: Scores, sample: PairedCounts | None, rule: Rule, words: str) -> bool:
    return any(words in fault for fault in fitness.judge(file, sample, rule).faults)


def _scores(confusion: np.ndarray, calibration: Calibration | None = None) -> Scores:
    pictures, right = int(confusion.sum()), int(np.trace(confusion))
    return Scores(pictures, right, right, 0.0, confusion, calibration)


if __name__ == "__main__":
    main()
