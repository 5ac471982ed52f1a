"""The validation labels: from a list, from the development kit, and never from numbers alone."""

import contextlib
import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from components.data_error import DataError
from components.sources.imagenet import devkit, ground_truth
from tests.components.sources import small_ilsvrc
from tests.components.sources.tars import pack

KIT = "ILSVRC2012_devkit_t12"


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def wanted(folders) -> list[str]:
    return small_ilsvrc.truth(folders)


@pytest.mark.parametrize("name", [f"{KIT}.tar.gz", KIT])
def test_the_kits_numbers_become_wnids_by_its_meta_mat_and_not_by_the_order_of_wnids(folders, wanted, tmp_path, name):
    kit = small_ilsvrc.kit(folders, tmp_path / name)
    assert list(ground_truth.read(kit).wnids) == wanted
    in_order_of_wnids = [sorted(small_ilsvrc.WNIDS)[small_ilsvrc.IDS[wnid] - 1] for wnid in wanted]
    assert in_order_of_wnids != wanted


def test_the_kit_is_found_by_its_data_folder_and_by_its_list_of_numbers_too(folders, wanted, tmp_path):
    kit = small_ilsvrc.kit(folders, tmp_path / "kit")
    for path in (kit / "data", kit / "data" / devkit.NUMBERS):
        assert list(ground_truth.read(path).wnids) == wanted


def test_a_list_of_wnids_is_taken_as_it_is_whatever_ends_its_lines(folders, wanted, tmp_path):
    path = small_ilsvrc.write_list(folders, tmp_path / "labels.txt")
    assert list(ground_truth.read(path).wnids) == wanted
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(wanted).encode())
    assert list(ground_truth.read(path).wnids) == wanted


def test_the_digest_is_of_the_labels_and_not_of_the_file_that_told_them(folders, tmp_path):
    kit = ground_truth.read(small_ilsvrc.kit(folders, tmp_path / KIT))
    path = small_ilsvrc.write_list(folders, tmp_path / "labels.txt")
    assert ground_truth.read(path).digest == kit.digest
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[1:] + lines[:1]))
    assert ground_truth.read(path).digest != kit.digest


@pytest.mark.parametrize("compressed", [True, False])
def test_meta_mat_is_read_as_scipy_writes_it_and_the_words_above_the_classes_are_left_out(compressed):
    read = devkit.read_meta(small_ilsvrc.meta(small_ilsvrc.IDS, compressed=compressed), name="kit")
    assert read == {number: wnid for wnid, number in small_ilsvrc.IDS.items()}


LIST = "n01440764\nn01443537\n"
FAULTS = {
    "numbers alone": ("truth.txt", b"490\n361\n171\n", r"has numbers. They could be ILSVRC2012_IDs, whose order"),
    "the kit's numbers without meta.mat": (devkit.NUMBERS, b"490\n361\n", r"no meta.mat. Both are needed: the numbers"),
    "nothing": ("truth.txt", b"", r"truth.txt is empty. Wanted imagenet_2012_validation_synset_labels.txt"),
    "no text": ("truth.txt", b"\xff\xfe\x00", r"is no text"),
    "a line that is no wnid": ("truth.txt", f"{LIST}tench\n".encode(), r"line 3 is 'tench', which is no wnid such as"),
    "an empty line": ("truth.txt", f"{LIST}\n{LIST}".encode(), r"line 3 is '', which is no wnid"),
    "a header": ("truth.txt", b"label\n490\n", r"line 1 is 'label', which is neither a wnid such as n01440764 nor a n"),
    "huge numbers": ("truth.txt", b"12345678901234567890\n", r"line 1 is '12345678901234567890', which is neither"),
    "a kit that is no tar": (f"{KIT}.tar.gz", gzip.compress(b"x" * 1024), r"devkit_t12.tar.gz, byte 0: no tar header"),
    "a kit that is cut off": (f"{KIT}.tar.gz", gzip.compress(b"x" * 1024)[:-9], r"cannot be read: .*Copy or download"),
    "a kit without meta.mat": (
        f"{KIT}.tar.gz", gzip.compress(pack([(f"data/{devkit.NUMBERS}", b"1\n")])), r"wanted one meta.mat in it",
    ),
    "a kit with two": (
        f"{KIT}.tar.gz", gzip.compress(pack([(f"{n}/{f}", b"1") for n in "ab" for f in (devkit.NUMBERS, devkit.META)])),
        r"wanted one ILSVRC2012_validation_ground_truth.txt and one meta.mat in it",
    ),
    "a kit that is a bomb": (f"{KIT}.tar.gz", gzip.compress(bytes(65 << 20)), r"more than 67,108,864 bytes written"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), FAULTS.values(), ids=FAULTS)
def test_what_does_not_say_which_picture_is_what_is_refused_with_what_was_wanted(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        ground_truth.read(tmp_path / name)


def written(table: object) -> bytes:
    out = io.BytesIO()
    scipy.io.savemat(out, {"synsets": table})
    return out.getvalue()


def test_a_meta_mat_that_is_none_is_refused(folders, tmp_path):
    short = {wnid: number for wnid, number in small_ilsvrc.IDS.items() if number != 4}
    bomb = small_ilsvrc.meta(small_ilsvrc.IDS)[:128] + struct.pack("<II", 15, 10**6) + zlib.compress(bytes(65 << 20))
    named = small_ilsvrc.meta({"tench": 1, "n01443537": 2})
    faulty = {
        b"x": "meta.mat cannot be read: it is no MATLAB 5 file",
        small_ilsvrc.meta(small_ilsvrc.IDS)[:300]: "meta.mat cannot be read",
        written(np.zeros(3)): "meta.mat cannot be read",
        small_ilsvrc.meta(short): "meta.mat has 4 classes; wanted the IDs 1 to N, a wnid each",
        named: "meta.mat has 2 classes; wanted the IDs 1 to N, a wnid each",
        bomb: "more than 67,108,864 bytes written out",
    }
    kit = small_ilsvrc.kit(folders, tmp_path / "kit")
    for data, message in faulty.items():
        (kit / "data" / "meta.mat").write_bytes(data)
        with pytest.raises(DataError, match=message):
            ground_truth.read(kit)


def test_a_number_of_no_class_is_refused(folders, tmp_path):
    kit = small_ilsvrc.kit(folders, tmp_path / "kit")
    (kit / "data" / devkit.NUMBERS).write_text("1\n6\n")
    with pytest.raises(DataError, match=r"has the number 6; meta.mat has the classes 1 to 5"):
        ground_truth.read(kit)


def test_of_several_that_lie_beside_the_tars_all_must_agree_and_a_given_one_stands_over_them(folders, wanted, tmp_path):
    small_ilsvrc.kit(folders, tmp_path / f"{KIT}.tar.gz")
    path = small_ilsvrc.write_list(folders, tmp_path / ground_truth.WNID_LIST)
    assert list(ground_truth.find(tmp_path).wnids) == wanted
    other = next(wnid for wnid in small_ilsvrc.WNIDS if wnid != wanted[2])
    path.write_text("\n".join([*wanted[:2], other, *wanted[3:]]))
    with pytest.raises(DataError, match=rf"differ: picture 3 is {other} in one and {wanted[2]} in the other"):
        ground_truth.find(tmp_path)
    path.write_text("\n".join(wanted[:-1]))
    with pytest.raises(DataError, match="differ: 19 and 20 labels"):
        ground_truth.find(tmp_path)
    assert list(ground_truth.find(tmp_path, str(tmp_path / f"{KIT}.tar.gz")).wnids) == wanted


def test_where_there_is_none_the_error_says_what_may_be_given(tmp_path):
    with pytest.raises(
        DataError, match=r"nothing says what the validation pictures show. Wanted imagenet_2012.*--ground"
    ):
        ground_truth.find(tmp_path)
    with pytest.raises(DataError, match=r"the ground truth .*gone.txt does not exist"):
        ground_truth.find(tmp_path, str(tmp_path / "gone.txt"))


def test_a_meta_mat_with_a_changed_byte_is_refused_and_ends_no_process(tmp_path):
    """scipy's reader died of this one."""
    meta = (Path(__file__).parents[3] / "data" / "strangers" / "meta.mat").read_bytes()
    with pytest.raises(DataError, match=r"kit: meta.mat"):
        devkit.read_meta(meta, name="kit")


@pytest.mark.parametrize("compressed", [True, False])
def test_every_changed_byte_of_a_meta_mat_gives_an_error_or_a_table(compressed):
    meta = bytearray(small_ilsvrc.meta(small_ilsvrc.IDS, compressed=compressed))
    for place in range(124, len(meta), 3):
        for change in (1, 0x80, 0xFF):
            meta[place] ^= change
            with contextlib.suppress(DataError):
                read = devkit.read_meta(bytes(meta), name="kit")
                assert sorted(read) == list(range(1, len(read) + 1))
            meta[place] ^= change


def test_a_thousand_ids_must_be_those_of_ilsvrc2012():
    wnids = {f"n{number:08d}": number for number in range(1, 1001)}
    with pytest.raises(DataError, match=r"other wnids than they have: it was changed"):
        devkit.read_meta(small_ilsvrc.meta(wnids), name="kit")
