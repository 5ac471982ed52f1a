"""The manifest finds every change to a bundle."""

import hashlib
import json
import os

import pytest

from components.release import bundle
from components.release.bundle import BundleError


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "bundle"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "labels.txt").write_text("background\ncat\n")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(bytes(range(256)))
    bundle.write_json(folder / "info.json", {"variant": "0.25_32"})
    bundle.write_manifest(folder)
    return folder


def test_a_bundle_as_written_has_no_faults(folder):
    assert bundle.verify(folder) == []


def test_the_manifest_lists_the_sums_of_every_other_file_sorted(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert list(manifest["sha256"]) == ["info.json", "labels.txt", "saved_model/variables/variables.index"]
    assert manifest["sha256"]["labels.txt"] == hashlib.sha256(b"background\ncat\n").hexdigest()


@pytest.mark.parametrize("position", [0, 100, 255])
def test_one_flipped_bit_is_found_and_named(folder, position):
    path = folder / "saved_model" / "variables" / "variables.index"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    (fault,) = bundle.verify(folder)
    assert fault.startswith("saved_model/variables/variables.index: changed: SHA-256 ")


def test_a_missing_and_an_added_file_are_both_named(folder):
    (folder / "labels.txt").unlink()
    (folder / "saved_model" / "extra").write_text("")
    assert bundle.verify(folder) == ["labels.txt: missing", "saved_model/extra: added, not in manifest.json"]


def test_a_file_replaced_by_a_link_to_the_same_bytes_is_a_fault(folder, tmp_path):
    (tmp_path / "outside").write_bytes((folder / "labels.txt").read_bytes())
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").symlink_to(tmp_path / "outside")
    assert bundle.verify(folder) == ["labels.txt: not a file but a link or a device"]


def test_a_linked_folder_is_an_added_file_and_is_not_followed(folder):
    (folder / "loop").symlink_to(folder)
    assert bundle.verify(folder) == ["loop: added, not in manifest.json"]


def test_a_pipe_in_place_of_a_file_is_a_fault_and_is_not_opened(folder):
    (folder / "labels.txt").unlink()
    os.mkfifo(folder / "labels.txt")
    assert bundle.verify(folder) == ["labels.txt: not a file but a link or a device"]


def test_no_manifest_means_no_bundle(folder):
    (folder / "manifest.json").unlink()
    (fault,) = bundle.verify(folder)
    assert "manifest.json is missing" in fault and "not a release bundle" in fault


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "[" * 100_000, "\ud800"),
        *('{"format": 1}', '{"format": 1, "sha256": {}}', '{"format": 2, "sha256": {"a": "b"}}'),
        *('{"format": 1, "sha256": {"labels.txt": 5}}', '{"format": 1, "sha256": {"labels.txt": "../etc"}}'),
    ],
)
def test_an_unreadable_manifest_is_one_fault_that_names_it(folder, text):
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    (fault,) = bundle.verify(folder)
    assert str(folder / "manifest.json") in fault


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/hostname", "a/../../outside", "a//b", "./a", "", "a\\..\\b", "a\0b"]
)
def test_a_path_that_leads_out_of_the_bundle_is_refused_unread(folder, name):
    bundle.write_json(folder / "manifest.json", {"format": 1, "sha256": {name: "0" * 64}})
    with pytest.raises(BundleError, match="leads out of the bundle"):
        bundle.read_manifest(folder)
    assert len(bundle.verify(folder)) == 1


def test_a_folder_that_is_none_is_one_fault(tmp_path):
    assert len(bundle.verify(tmp_path / "nowhere")) == 1


def test_info_of_what_is_no_bundle_says_so(tmp_path):
    with pytest.raises(BundleError, match=r"manifest\.json is missing: .* is not a release bundle"):
        bundle.read_info(tmp_path)


def test_info_is_read_only_as_it_was_written(folder):
    assert bundle.read_info(folder) == {"variant": "0.25_32"}
    bundle.write_json(folder / "info.json", {"variant": "0.25_64"})
    with pytest.raises(BundleError, match=r"info\.json: changed"):
        bundle.read_info(folder)
    (folder / "info.json").unlink()
    with pytest.raises(BundleError, match=r"info\.json is missing"):
        bundle.read_info(folder)


def test_one_file_is_read_only_as_it_was_written(folder):
    assert bundle.read_file(folder, "labels.txt") == b"background\ncat\n"
    (folder / "labels.txt").write_text("background\ndog\n")
    with pytest.raises(BundleError, match=r"labels\.txt: changed"):
        bundle.read_file(folder, "labels.txt")
    (folder / "labels.txt").unlink()
    with pytest.raises(BundleError, match=r"labels\.txt is missing"):
        bundle.read_file(folder, "labels.txt")
    with pytest.raises(BundleError, match=r"'\.\./secret' is not in"):
        bundle.read_file(folder, "../secret")


@pytest.mark.parametrize("name", [bundle.MANIFEST, bundle.INFO])
def test_a_pipe_in_a_files_place_is_refused_and_waited_for_by_nobody(tmp_path, name):
    (tmp_path / bundle.INFO).write_text('{"name": "x"}')
    bundle.write_manifest(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert any("pipe" in fault or "not a file" in fault for fault in bundle.verify(tmp_path))
    with pytest.raises(BundleError, match=r"a pipe|not a file"):
        bundle.read_info(tmp_path)


def test_a_folder_of_a_bundle_that_is_a_link_out_of_it_is_not_read(tmp_path):
    folder, outside = tmp_path / "bundle", tmp_path / "outside"
    for place in (folder / "model", outside):
        place.mkdir(parents=True)
        (place / "weights").write_bytes(b"1")
    bundle.write_manifest(folder)
    (folder / "model" / "weights").unlink()
    (folder / "model").rmdir()
    (folder / "model").symlink_to(outside)
    with pytest.raises(BundleError, match="not a file but a link or a device"):
        bundle.read_file(folder, "model/weights")
