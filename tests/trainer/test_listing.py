"""Long lists in a sentence."""

import pytest

from trainer.listing import first_of


@pytest.mark.parametrize(
    ("count", "separator", "said"),
    [
        (0, ", ", ""),
        (2, ", ", "a0, a1"),
        (5, ", ", "a0, a1 and 3 more"),
        (5, "; ", "a0; a1; and 3 more"),
        (1234, "\n  ", "a0\n  a1\n  and 1,232 more"),
    ],
)
def test_the_first_two_are_named_and_the_others_counted(count, separator, said):
    assert first_of([f"a{i}" for i in range(count)], 2, separator=separator) == said
