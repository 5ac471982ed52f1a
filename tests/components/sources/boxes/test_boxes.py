"""Bounding boxes: found beside the pictures, refused where they are damaged, and never on another picture."""

import gzip
from pathlib import Path

import pytest

from components.data_error import DataError
from components.ingestion.ingest import ingest
from components.ingestion.report import as_text
from components.sources.boxes import boxes as bounding_boxes
from components.sources.boxes import csv_file, xml_files
from components.sources.detect import Wanted, fingerprint, scan
from tests.components.sources import small_ilsvrc
from tests.components.sources.boxes import annotations
from tests.components.sources.boxes.annotations import Annotation
from tests.components.sources.tars import pack


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture
def folders(tmp_path) -> Path:
    return small_ilsvrc.folders(tmp_path / "folders")


def test_the_csv_and_the_tar_say_the_same_of_the_real_sets_kinds_of_boxes(shared, tmp_path):
    found = annotations.annotations(shared)
    tar = annotations.write_tar(found, tmp_path / "boxes.tar.gz")
    plain = annotations.write_tar(found, tmp_path / "boxes.tar")
    lines = annotations.as_the_reference(found, small_ilsvrc.WNIDS)
    (tmp_path / "boxes.csv").write_text("\n".join(lines) + "\n")
    results = [bounding_boxes.add(scan(str(shared)), [str(file)]) for file in (tar, plain, tmp_path / "boxes.csv")]
    assert results[0] == results[1]
    assert results[0].splits == results[2].splits
    with_boxes = {entry.name.split("/")[-1]: list(entry.boxes) for entry in results[2].splits["train"] if entry.boxes}
    assert with_boxes == annotations.by_file(lines)


def test_what_lies_beside_the_pictures_is_taken_and_what_is_given_stands_over_it(folders, tmp_path):
    found = annotations.annotations(folders)
    assert bounding_boxes.find(folders) == []
    csv = folders / "imagenet_2012_bounding_boxes.csv"
    csv.write_text("n01440764_0.JPEG,0.1,0.2,0.3,0.4\n")
    assert bounding_boxes.find(folders) == [str(csv)]
    tars = [folders / f"ILSVRC2012_bbox_{name}" for name in ("train_v2.tar.gz", "val_v3.tgz")]
    for tar in tars:
        annotations.write_tar(found, tar)
    assert bounding_boxes.find(folders) == [str(tar) for tar in tars]
    assert bounding_boxes.find(folders, str(csv)) == [str(csv)]
    with pytest.raises(DataError, match=r"--boxes .*gone.csv is no file"):
        scan(str(folders), Wanted(boxes=str(tmp_path / "gone.csv")))


def test_the_fingerprint_sees_other_boxes(folders):
    csv = folders / "imagenet_2012_bounding_boxes.csv"
    seen = [fingerprint(str(folders))]
    for line in ("n01440764_0.JPEG,0.1,0.2,0.3,0.4\n", "n01440764_0.JPEG,0.1,0.2,0.3,0.45\n"):
        csv.write_text(line)
        seen.append(fingerprint(str(folders)))
    assert len(set(seen)) == 3


def test_the_report_tells_what_became_of_the_boxes(folders, tmp_path):
    (folders / "imagenet_2012_bounding_boxes.csv").write_text(
        "n01440764_0.JPEG,0.1,0.2,0.3,0.4\nn01440764_0.JPEG,0.9,0.2,0.3,0.4\nn01440764_1.JPEG,0.1,0.2,1.3,0.4\n"
        "n01440764_1.JPEG,0.1,0.2,0.1,0.4\nn99999999_1.JPEG,0.1,0.2,0.3,0.4\n"
    )
    report = ingest(str(folders), str(tmp_path / "out"))
    assert report["boxes"] == {
        "pictures": 2, "boxes": 3, "inverted": 1, "clamped": 1, "empty": 1, "other_class": 0, "of_no_picture": 1,
    }  # fmt: skip
    assert "bounding boxes: 3 on 2 pictures; 1 turned round, 1 clamped; left out: 1 empty, 0 of another" in as_text(
        report
    )
    assert scan(str(folders)).splits["train"][0].boxes == ((0.1, 0.2, 0.3, 0.4), (0.3, 0.2, 0.9, 0.4))


def test_a_box_of_another_of_imagenets_classes_is_left_out_though_that_class_is_not_taken(folders):
    stem = next((folders / "train" / "n01440764").iterdir()).stem
    found = {f"n01440764/{stem}": Annotation(100, 100, [("n01440764", (0, 0, 50, 50)), ("n15075141", (1, 1, 9, 9))])}
    annotations.write_tar(found, folders / "ILSVRC2012_bbox_train_v2.tar.gz")
    source = scan(str(folders), Wanted(classes="n01440764,n01443537"))
    assert [entry.boxes for entry in source.splits["train"] if entry.boxes] == [((0, 0, 0.5, 0.5),)]
    assert source.boxes["other_class"] == 1


def test_a_box_for_a_name_that_several_pictures_have_is_an_error(folders):
    for wnid in ("n01440764", "n01443537"):
        (folders / "train" / wnid / "1.JPEG").write_bytes(b"x")
    (folders / "imagenet_2012_bounding_boxes.csv").write_text("1.JPEG,0.1,0.2,0.3,0.4\n")
    with pytest.raises(DataError, match=r"a bounding box is for '1', and several pictures are called so: train/n0144"):
        scan(str(folders))


GOOD = annotations.xml(Annotation(500, 333, [("n01440764", (1, 2, 30, 40))]))
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    "<annotation>&c;</annotation>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>'
XML_FAULTS = {
    "cut off": (GOOD[:-30], "is no XML that can be read"),
    "a bomb": (BOMB, "is no XML that can be read"),
    "a file from outside": (OUTSIDE, "is no XML that can be read"),
    "an encoding that nobody knows": (f'<?xml version="1.0" encoding="x-y"?>{GOOD}', "is no XML that can be read"),
    "no size": (GOOD.replace("<width>500</width>", ""), "size/width is ''; wanted a number"),
    "no width": (GOOD.replace("500", "0"), "the picture's size is 0 x 333; wanted more than nothing"),
    "words": (GOOD.replace("<xmin>1<", "<xmin>left<"), "bndbox/xmin is 'left'; wanted a number"),
    "no number": (GOOD.replace("<xmin>1<", "<xmin>nan<"), "bndbox/xmin is 'nan'; wanted a number"),
    "endless": (GOOD.replace("<xmin>1<", "<xmin>1e999<"), "bndbox/xmin is '1e999'; wanted a number"),
    "too large": (GOOD + " " * (1 << 20), "wanted at most 1,048,576 of a picture's boxes"),
}


@pytest.mark.parametrize(("text", "message"), XML_FAULTS.values(), ids=XML_FAULTS)
def test_an_xml_that_is_damaged_or_hostile_is_an_error_that_names_it(tmp_path, text, message):
    path = tmp_path / "boxes.tar.gz"
    path.write_bytes(gzip.compress(pack([("n01440764/n01440764_1.xml", text.encode())])))
    with pytest.raises(DataError, match=r"boxes.tar.gz: n01440764/n01440764_1.xml") as refused:
        list(xml_files.read(str(path)))
    assert message in str(refused.value)


def test_an_archive_that_is_damaged_is_an_error(tmp_path):
    path = annotations.write_tar({"n/n_1": Annotation(5, 5, [])}, tmp_path / "boxes.tar.gz")
    whole = path.read_bytes()
    for damaged in (whole[:-12], whole[:40] + b"\0" + whole[41:], gzip.compress(b"x" * 600), gzip.compress(bytes(100))):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"boxes.tar.gz.*(Copy or download it again|Make the archive anew)"):
            list(xml_files.read(str(path)))


@pytest.mark.parametrize(
    "line",
    [
        "1.JPEG,0.1,0.2,0.3",
        "1.JPEG,a,b,c,d",
        "1.JPEG,10,20,310,220",
        "1.JPEG,nan,0,1,1",
        "x,0,0,1,1",
        ",0,0,1,1",
        "\xff",
    ],
)
def test_a_line_that_is_no_box_is_an_error_with_its_number(tmp_path, line):
    path = tmp_path / "boxes.csv"
    path.write_bytes(b"1.JPEG,0.1,0.2,0.3,0.4\n" + line.encode("latin-1") + b"\n")
    with pytest.raises(DataError, match=r"boxes.csv, line 2: .* Wanted NAME.JPEG,xmin,ymin,xmax,ymax with shares"):
        list(csv_file.read(str(path)))
