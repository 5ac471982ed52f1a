"""Counting in parts and merging is counting once; two files are not one evaluation."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.picture_counts import CountPictures, MixedFilesError, Outcome, Picture

NAMES = ("candidate", "baseline")


def _picture(label: int, candidate: int, baseline: int, sha256: str = "a") -> Picture:
    return Picture(label, tuple(Outcome(p, abs(p - label), 0.5, 4, sha256) for p in (candidate, baseline)))


pictures = st.lists(st.builds(_picture, *[st.integers(0, 3)] * 3), max_size=30)


@given(pictures, st.integers(0, 30))
def test_counts_do_not_depend_on_where_the_pictures_are_split(pictures, where):
    combiner = CountPictures("key", NAMES, "baseline")
    parts = [_counted(combiner, pictures[:where]), _counted(combiner, pictures[where:])]
    merged = combiner.merge_accumulators([pickle.loads(pickle.dumps(part)) for part in parts])
    assert merged == _counted(combiner, pictures)


def test_pairs_by_label():
    combiner = CountPictures("key", NAMES, "baseline")
    seen = [_picture(1, 1, 1), _picture(1, 2, 1), _picture(1, 2, 1), _picture(2, 2, 3), _picture(3, 0, 0)]
    table = _counted(combiner, seen).paired("candidate")
    np.testing.assert_array_equal(table, [[0, 0, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert table.dtype == np.int64


def test_two_files_are_refused_by_name():
    combiner = CountPictures("key", NAMES, "baseline")
    counts = _counted(combiner, [_picture(1, 1, 1, "a"), _picture(1, 1, 1, "b")])
    with pytest.raises(MixedFilesError, match=r"2 pictures were run through 2 different files \(a, b\)"):
        counts.models["candidate"].only_file()


def _counted(combiner: CountPictures, pictures: list[Picture]):
    accumulator = combiner.create_accumulator()
    for picture in pictures:
        accumulator = combiner.add_input(accumulator, picture)
    return accumulator
