import os
import shutil

import pytest

from components.data_error import DataError
from components.sources.detect import fingerprint
from components.sources.folders import scan


def test_classes_sorted_by_name_get_the_labels_from_one(class_folders):
    source = scan(str(class_folders))
    assert [category.name for category in source.categories] == ["ant", "bee_fly", "cow"]
    assert [category.text for category in source.categories] == ["ant", "bee fly", "cow"]
    assert {(entry.name.split("/")[1], entry.label) for entry in source.splits["train"]} == {
        ("ant", 1),
        ("bee_fly", 2),
        ("cow", 3),
    }
    assert {split: len(entries) for split, entries in source.splits.items()} == {"train": 24, "eval": 12}


def test_wnids_are_the_synsets(tmp_path, picture_bytes):
    for split in ("train", "eval"):
        for wnid in ("n01443537", "n01440764"):
            (tmp_path / split / wnid).mkdir(parents=True)
            (tmp_path / split / wnid / "a.JPEG").write_bytes(picture_bytes(0))
    assert [category.synset for category in scan(str(tmp_path)).categories] == ["n01440764", "n01443537"]


@pytest.mark.parametrize("name", ["val", "validation"])
def test_the_evaluation_folder_may_have_its_other_names_and_is_reported_as_eval(class_folders, name):
    (class_folders / "eval").rename(class_folders / name)
    entry = scan(str(class_folders)).splits["eval"][0]
    assert entry.name == "eval/ant/ant_0.jpg"
    assert entry.path == str(class_folders / name / "ant" / "ant_0.jpg")


def test_other_files_are_left_out_and_counted_hidden_ones_passed_over(class_folders):
    (class_folders / "train" / "ant" / "notes.txt").write_text("x")
    (class_folders / "train" / "ant" / ".DS_Store").write_text("x")
    source = scan(str(class_folders))
    assert (len(source.splits["train"]), source.ignored) == (24, 1)


def remove_train(root):
    shutil.rmtree(root / "train")


def remove_eval(root):
    shutil.rmtree(root / "eval")


def two_evaluation_folders(root):
    shutil.copytree(root / "eval", root / "val")


def empty_class(root):
    shutil.rmtree(root / "eval" / "cow")
    (root / "eval" / "cow").mkdir()


def different_classes(root):
    shutil.rmtree(root / "eval" / "cow")
    shutil.rmtree(root / "train" / "ant")
    shutil.rmtree(root / "train" / "bee_fly")


def one_class(root):
    for split in ("train", "eval"):
        for name in ("ant", "cow"):
            shutil.rmtree(root / split / name)


def no_class_folders(root):
    shutil.rmtree(root / "train")
    shutil.copytree(root / "eval" / "ant", root / "train")


def linked_file(root):
    (root.parent / "secret.jpg").write_bytes(b"x")
    (root / "train" / "ant" / "linked.jpg").symlink_to(root.parent / "secret.jpg")


def linked_class(root):
    shutil.move(root / "train" / "ant", root.parent / "ant")
    (root / "train" / "ant").symlink_to(root.parent / "ant")


def line_break_in_a_class(root):
    for split in ("train", "eval"):
        (root / split / "ant").rename(root / split / "an\nt")


def class_name_that_is_not_utf8(root):
    for split in ("train", "eval"):
        os.rename(os.fsencode(root / split / "ant"), os.fsencode(root / split) + b"/an\xfft")


def class_called_as_class_0(root):
    for split in ("train", "eval"):
        (root / split / "ant").rename(root / split / "background")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_train, r"no train folder. Found: eval. Wanted train/<class>/\*\.jpg and eval/<class>"),
        (remove_eval, r"no eval folder. Found: train. Wanted .*\(eval may also be called val or validation"),
        (two_evaluation_folders, r"eval, val are all evaluation folders. Keep one"),
        (empty_class, r"no pictures in eval/cow. .* fill these folders"),
        (different_classes, r"Only in train: cow. Only in eval: ant, bee_fly. Both need the same class folders"),
        (one_class, r"train has 1 class folders; wanted at least 2"),
        (no_class_folders, r"train has 0 class folders; wanted at least 2"),
        (linked_file, r"linked.jpg is a link to .*secret.jpg, outside .*Copy the pictures in"),
        (linked_class, r"train/ant is a link to .*outside"),
        (line_break_in_a_class, r"the class 'an\\nt' has the character U\+000A \(a control character\). Rename it"),
        (class_name_that_is_not_utf8, r"'an\\udcfft' has the byte 0xFF, which is no UTF-8"),
        (class_called_as_class_0, r"train: no class may be called 'background': that is class 0 .* Rename it"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_folder_laid_out_wrongly_is_an_error_that_says_how_to_mend_it(class_folders, spoil, message):
    spoil(class_folders)
    with pytest.raises(DataError, match=message):
        scan(str(class_folders))


def test_no_such_folder(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist. Wanted train/<class>/.*--data"):
        scan(str(tmp_path / "nowhere"))


def test_a_file_for_a_folder(tmp_path):
    (tmp_path / "pictures.tar").write_text("x")
    with pytest.raises(DataError, match=r"pictures.tar is a file. Wanted train"):
        scan(str(tmp_path / "pictures.tar"))


def test_links_within_the_folder_are_followed(class_folders):
    (class_folders / "train" / "ant" / "again.jpg").symlink_to(class_folders / "train" / "ant" / "ant_0.jpg")
    assert len(scan(str(class_folders)).splits["train"]) == 25


def move_to_another_class(root):
    (root / "train" / "ant" / "ant_0.jpg").rename(root / "train" / "cow" / "ant_0.jpg")


def swap_class_names(root):
    (root / "train" / "ant").rename(root / "x")
    (root / "train" / "cow").rename(root / "train" / "ant")
    (root / "x").rename(root / "train" / "cow")


def change_within_the_second(root):
    path = root / "train" / "ant" / "ant_0.jpg"
    changed = path.stat().st_mtime_ns
    os.utime(path, ns=(changed, changed + 1000))


def add_one(root):
    shutil.copy(root / "eval" / "ant" / "ant_0.jpg", root / "eval" / "ant" / "new.jpg")


@pytest.mark.parametrize("change", [move_to_another_class, swap_class_names, change_within_the_second, add_one])
def test_the_fingerprint_sees(class_folders, change):
    before = fingerprint(str(class_folders))
    assert fingerprint(str(class_folders)) == before
    change(class_folders)
    assert fingerprint(str(class_folders)) != before
