"""What lies in a folder is told by names; what is ambiguous is not guessed; what changed is seen."""

import os
import shutil
from pathlib import Path

import pytest

from components.data_error import DataError
from components.sources.detect import Wanted, detect, fingerprint, scan
from components.sources.imagenet import ground_truth
from tests.components.sources import small_ilsvrc


@pytest.fixture(scope="module")
def layouts(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("layouts")
    folders = small_ilsvrc.folders(root / "folders")
    ilsvrc = small_ilsvrc.ilsvrc_tars(folders, root / "ilsvrc")
    small_ilsvrc.write_list(folders, ilsvrc / ground_truth.WNID_LIST)
    return {"folders": folders, "tars": small_ilsvrc.class_tars(folders, root / "tars"), "ilsvrc": ilsvrc}


@pytest.fixture
def ilsvrc(layouts, tmp_path) -> Path:
    return Path(shutil.copytree(layouts["ilsvrc"], tmp_path / "ilsvrc"))


@pytest.mark.parametrize("kind", ["folders", "tars", "ilsvrc"])
def test_each_kind_is_told_by_its_names_and_gives_the_same_pictures_as_when_it_is_named(layouts, kind):
    assert detect(str(layouts[kind])) == kind
    found, named = scan(str(layouts[kind])), scan(str(layouts[kind]), Wanted(kind))
    assert found == named
    pictures = {split: {(entry.name, entry.label) for entry in found.splits[split]} for split in ("train", "eval")}
    of_folders = scan(str(layouts["folders"])).splits
    assert pictures == {split: {(entry.name, entry.label) for entry in of_folders[split]} for split in pictures}


def test_a_folder_with_two_kinds_is_an_error_that_names_both_and_is_solved_by_naming_one(layouts, ilsvrc):
    shutil.copytree(layouts["tars"], ilsvrc, dirs_exist_ok=True)
    shutil.copytree(layouts["folders"], ilsvrc, dirs_exist_ok=True)
    message = (
        r"several sources: folders \(train/, eval/\); tars \(train.tar, val.tar\); ilsvrc \(ILSVRC2012_img_train.t"
    )
    with pytest.raises(DataError, match=message) as refused:
        scan(str(ilsvrc))
    assert "--source folders or tars or ilsvrc" in str(refused.value)
    for kind in ("folders", "tars", "ilsvrc"):
        assert len(scan(str(ilsvrc), Wanted(kind)).splits["train"]) == 30


def test_an_empty_folder_is_an_error_that_names_every_layout(tmp_path):
    with pytest.raises(DataError, match=r"Wanted train/<class>.*train.tar and val.tar .*ILSVRC2012_img_train.tar and"):
        scan(str(tmp_path))


def test_an_unknown_kind_and_a_ground_truth_that_nothing_needs_are_errors(layouts):
    with pytest.raises(DataError, match=r"--source is 'zip', wanted one of auto, folders, tars, ilsvrc, slim, tfds"):
        scan(str(layouts["tars"]), Wanted("zip"))  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match=r"--ground-truth x.txt is for ILSVRC2012's own tars; .* taken for tars"):
        scan(str(layouts["tars"]), Wanted(ground_truth="x.txt"))


def shift_the_labels(root: Path) -> None:
    path = root / ground_truth.WNID_LIST
    lines = path.read_text().splitlines()
    status = path.stat()
    path.write_text("\n".join(lines[1:] + lines[:1]) + "\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # Nothing but the content tells.


def another_tar(root: Path) -> None:
    os.utime(root / "ILSVRC2012_img_train.tar", ns=(1, 1))


def a_longer_tar(root: Path) -> None:
    path = root / "ILSVRC2012_img_val.tar"
    status = path.stat()
    path.write_bytes(path.read_bytes() + bytes(512))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [shift_the_labels, another_tar, a_longer_tar])
def test_the_fingerprint_of_tars_sees(ilsvrc, change):
    before = fingerprint(str(ilsvrc))
    assert fingerprint(str(ilsvrc)) == before
    change(ilsvrc)
    assert fingerprint(str(ilsvrc)) != before


def test_the_fingerprint_of_class_folder_tars_sees_another_tar(layouts, tmp_path):
    root = shutil.copytree(layouts["tars"], tmp_path / "tars")
    before = fingerprint(str(root))
    os.utime(root / "val.tar", ns=(1, 1))
    assert fingerprint(str(root)) != before


def test_the_same_labels_from_another_file_are_no_change(layouts, ilsvrc):
    before = fingerprint(str(ilsvrc))
    (ilsvrc / ground_truth.WNID_LIST).unlink()
    kit = small_ilsvrc.kit(layouts["folders"], ilsvrc.parent / "ILSVRC2012_devkit_t12")
    with pytest.raises(DataError, match="nothing says what the validation pictures show"):
        fingerprint(str(ilsvrc))
    assert fingerprint(str(ilsvrc), Wanted(ground_truth=str(kit))) == before


def test_a_link_to_a_tar_that_is_not_there_is_an_error(ilsvrc):
    (ilsvrc / "ILSVRC2012_img_val.tar").unlink()
    (ilsvrc / "ILSVRC2012_img_val.tar").symlink_to("/nowhere/val.tar")
    for look in (scan, fingerprint):
        with pytest.raises(DataError, match=r"ILSVRC2012_img_val.tar cannot be read: No such file"):
            look(str(ilsvrc))
