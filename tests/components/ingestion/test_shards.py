import hashlib

from components.ingestion.shards import deal
from components.sources.source import Entry


def entries(count: int) -> list[Entry]:
    return [Entry(f"train/ant/{index}.jpg", f"/x/{index}.jpg", 1) for index in range(count)]


def test_every_picture_is_dealt_once_and_evenly():
    dealt = deal(entries(2000), shards=4)
    assert sorted(entry for shard in dealt for entry in shard) == sorted(entries(2000))
    assert all(420 < len(shard) < 580 for shard in dealt)


def test_the_shard_and_the_place_in_it_do_not_depend_on_the_order_of_the_files():
    assert deal(entries(100), shards=3) == deal(entries(100)[::-1], shards=3)


def test_within_a_shard_the_order_is_that_of_the_hash_of_class_and_file():
    (shard,) = deal(entries(50), shards=1)
    digests = [hashlib.sha256(entry.name.removeprefix("train/").encode()).digest() for entry in shard]
    assert digests == sorted(digests)


def test_a_picture_more_does_not_move_the_others():
    before, after = deal(entries(50), shards=3), deal(entries(51), shards=3)
    assert [[entry for entry in shard if entry != entries(51)[50]] for shard in after] == before
