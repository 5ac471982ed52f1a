"""What a person should know of the pictures before hours of training: too few to show anything, or uneven classes."""

from __future__ import annotations

from collections.abc import Iterator

from components.gate.rule import ALPHA, VISIBLE_DROP
from pipeline.run.early import Seen
from pipeline.settings.local import Settings
from trainer.imagenet import EVAL

UNEVEN = 5  # Times the smallest class, from which on the largest is named.


def of(settings: Settings, seen: Seen | None) -> Iterator[str]:
    """Sentences, none of which stops the run; none where the pictures could not be listed in a moment."""
    if seen is None:
        return
    yield from _few(settings, seen.splits.get(EVAL, 0))
    yield from _uneven(seen)


def _few(settings: Settings, pictures: int) -> Iterator[str]:
    from components.evaluation.paired_statistics import pictures_needed

    needed = pictures_needed(margin=settings.margin, drop=VISIBLE_DROP, alpha=ALPHA)
    if pictures < needed:
        yield (
            f"Note: {pictures:,} evaluation pictures are too few to show that the int8 file is as good as the float "
            f"model: to see a drop of {100 * VISIBLE_DROP:g} points takes {needed:,}. {_what_follows(settings)}"
        )


def _what_follows(settings: Settings) -> str:
    if settings.accept_small:
        return "With --accept-small it is released all the same; its card, page and zoo say what is not shown."
    return (
        "The run measures and shows all, and releases nothing. Add evaluation pictures, hold out more of train with "
        "--holdout, or release it marked as not shown to be as good, with --accept-small."
    )


def _uneven(seen: Seen) -> Iterator[str]:
    largest, smallest = max(seen.train, key=seen.train.__getitem__), min(seen.train, key=seen.train.__getitem__)
    most, least = seen.train[largest], seen.train[smallest]
    if most >= UNEVEN * least:
        share = most / sum(seen.train.values())
        yield (
            f"Note: the classes are uneven: {most:,} training pictures of {largest}, {least:,} of {smallest}. Always "
            f"answering {largest} is right for {share:.1%} of them, so look at each class's recall on the page."
        )
