"""Which release a new file is compared with, and what is known of it."""

from pathlib import Path

import pytest

from components.evaluation.unpaired_statistics import drop_lower_bound
from components.gate import last_release
from components.release import bundle

VARIANT, DATA, MINE = "0.25_32", "d" * 64, "0" * 64


def release(base: Path, version: int, *, sha256: str = "a" * 64, right: int = 430, data: str | None = DATA) -> Path:
    """A whole bundle of one file, whose info.json says what BundleBuilder's does."""
    folder = base / VARIANT / str(version)
    folder.mkdir(parents=True)
    info = {
        "files": {"mobilenet_v1_0.25_32_int8.tflite": {"sha256": sha256}},
        "results": {
            "pictures": 500,
            "int8": {"measured_on": "mobilenet_v1_0.25_32_int8.tflite", "top1_count": right},
        },
        "digests": {"float": {"data": None}, "quantized": {"data": data}},
    }
    bundle.write_json(folder / bundle.INFO, info)
    (folder / "labels.txt").write_text(f"{version}\n")
    bundle.write_manifest(folder)
    return folder


def newest(base: Path) -> str | None:
    found = last_release.search(str(base), VARIANT, sha256=MINE).release
    return found.version if found else None


def test_the_newest_whole_release_of_another_file_is_the_last_one(tmp_path):
    for version in (2, 9, 10):
        release(tmp_path, version)
    release(tmp_path, 11, sha256=MINE)
    assert newest(tmp_path) == "10"


def test_a_damaged_release_does_not_count_whatever_it_lost(tmp_path):
    for version in (1, 2, 3, 4):
        release(tmp_path, version)
    (tmp_path / VARIANT / "4" / "manifest.json").unlink()
    (tmp_path / VARIANT / "3" / "labels.txt").write_text("changed")
    (tmp_path / VARIANT / "2" / "info.json").write_text("{}")
    assert newest(tmp_path) == "1"
    told = last_release.search(str(tmp_path), VARIANT, sha256=MINE).passed_over
    assert [each.split(":")[0] for each in told] == [
        "Release 4 was passed over", "Release 3 was passed over, it is not whole", "Release 2 was passed over",
    ]  # fmt: skip


def test_a_release_on_too_few_pictures_is_the_last_one_only_where_that_is_asked_for(tmp_path):
    release(tmp_path, 1)
    small = release(tmp_path, 2)
    bundle.write_json(small / bundle.INFO, bundle.read_info(small) | {"evidence": "insufficient"})
    bundle.write_manifest(small)
    found = last_release.search(str(tmp_path), VARIANT, sha256=MINE)
    assert found.release is not None and found.release.version == "1"
    assert found.passed_over == ("Release 2 was passed over: its pictures were too few to show anything.",)
    asked = last_release.search(str(tmp_path), VARIANT, sha256=MINE, accept_small=True).release
    assert asked is not None and asked.version == "2"


def test_another_variants_releases_do_not_count(tmp_path):
    release(tmp_path / "x", 1)
    (tmp_path / "x" / VARIANT).rename(tmp_path / "x" / "0.50_32")
    assert newest(tmp_path / "x") is None


def test_without_a_destination_there_is_no_release():
    assert last_release.search("", VARIANT, sha256=MINE) == (None, ())
    assert last_release.compare(None, data=DATA, now=(400, 500), alpha=0.001) == {
        "not_compared": "there is no other release to compare with"
    }


def test_the_comparison_has_the_releases_top1_and_the_bound_of_the_drop_since(tmp_path):
    release(tmp_path, 3, right=430)
    found = last_release.search(str(tmp_path), VARIANT, sha256=MINE).release
    said = last_release.compare(found, data=DATA, now=(380, 500), alpha=0.001)
    bound = drop_lower_bound(before=(430, 500), now=(380, 500), alpha=0.001)
    assert said == {"version": "3", "pictures": 500, "top1": 0.86, "drop_lower_bound": bound}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"data": "e" * 64}, "release 3 was measured on other data"),
        ({"data": None}, "release 3 does not record its top-1 and its data"),
        ({"right": 501}, "release 3 does not record its top-1 and its data"),
    ],
    ids=["other data", "no data", "more right than pictures"],
)
def test_what_cannot_be_compared_is_named_and_not_compared(tmp_path, change, why):
    release(tmp_path, 3, **change)
    found = last_release.search(str(tmp_path), VARIANT, sha256=MINE).release
    said = last_release.compare(found, data=DATA, now=(1, 500), alpha=0.001)
    assert said == {"version": "3", "not_compared": why}


def test_the_fingerprint_changes_with_the_version_and_with_what_is_said_in_it(tmp_path):
    prints = set()
    for version, right in ((1, 430), (2, 430), (3, 431)):
        release(tmp_path, version, right=right)
        found = last_release.search(str(tmp_path), VARIANT, sha256=MINE).release
        prints.add(found.fingerprint if found else "")
    assert len(prints) == 3
    assert all(text.partition(":")[0] in "123" and len(text) == 66 for text in prints)
