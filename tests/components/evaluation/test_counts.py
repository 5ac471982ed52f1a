"""Counting in parts and merging is counting once; two files are not one evaluation."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.counts import CountPictures, MixedFilesError
from components.evaluation.outcomes import Outcomes, Pictures

NAMES = ("candidate", "baseline")


# A picture: its label, and what each model predicts.
pictures = st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=30)


@given(pictures, st.integers(0, 30))
def test_counts_do_not_depend_on_where_the_pictures_are_split(pictures, where):
    combiner = CountPictures("key", NAMES, "baseline")
    names = [f"{number:02}" for number in range(len(pictures))]
    parts = [_counted(combiner, pictures[:where], names[:where]), _counted(combiner, pictures[where:], names[where:])]
    merged = combiner.merge_accumulators([pickle.loads(pickle.dumps(part)) for part in reversed(parts)])
    whole = _counted(combiner, pictures, names)
    assert (merged.pairs, merged.agreed) == (whole.pairs, whole.agreed)
    for name in NAMES:
        for field in ("pictures", "top1", "top5", "cross_entropy", "squares", "confusion", "names"):
            assert getattr(merged.models[name], field) == getattr(whole.models[name], field)
        np.testing.assert_array_equal(merged.models[name].bins, whole.models[name].bins)


def test_pairs_by_label():
    combiner = CountPictures("key", NAMES, "baseline")
    counts = _counted(combiner, [(1, 1, 1), (1, 2, 1), (1, 2, 1), (2, 2, 3), (3, 0, 0)], list("abcde"))
    table = counts.paired("candidate")
    np.testing.assert_array_equal(table, [[0, 0, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert table.dtype == np.int64
    assert counts.agreed["candidate"] == 2
    assert counts.models["candidate"].names == {(1, 2): ["b", "c"], (3, 0): ["e"]}


def test_a_confidence_on_an_edge_of_a_bin_belongs_to_the_lower_one():
    combiner = CountPictures("key", ("only",), None)
    sure = np.array([0.0, 0.2, np.nextafter(0.2, 1), 1.0])  # 0.2 is the edge between the third and the fourth.
    found = Outcomes(np.zeros(4, np.int32), np.zeros(4, np.int32), np.zeros(4), sure, 4)
    counts = combiner.add_input(combiner.create_accumulator(), Pictures(np.zeros(4, np.int64), (found,)))
    assert np.flatnonzero(counts.models["only"].bins[0]).tolist() == [0, 2, 3, 14]


def test_two_files_are_refused_by_name():
    combiner = CountPictures("key", NAMES, "baseline")
    counts = combiner.create_accumulator()
    for sha256 in "ab":
        counts = combiner.add_input(counts, _pictures([(1, 1, 1)], ["x"], sha256))
    with pytest.raises(MixedFilesError, match=r"2 pictures were run through 2 different files \(a, b\)"):
        counts.models["candidate"].only_file()


def _pictures(pictures: list[tuple[int, int, int]], names: list[str], sha256: str = "a") -> Pictures:
    table = np.array(pictures, np.int64).reshape(-1, 3)
    nats = table.sum(axis=1) / 10 + 0.1  # Floats whose sum depends on the order.
    outcomes = [
        Outcomes(
            p.astype(np.int32), abs(p - table[:, 0]).astype(np.int32), nats, (nats / 2).astype(np.float32), 4, sha256
        )
        for p in (table[:, 1], table[:, 2])
    ]
    return Pictures(table[:, 0], tuple(outcomes), np.array([name.encode() for name in names], object))


def _counted(combiner: CountPictures, pictures: list[tuple[int, int, int]], names: list[str]):
    return combiner.add_input(combiner.create_accumulator(), _pictures(pictures, names))
