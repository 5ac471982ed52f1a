"""What people see of a folder: a line for each picture, readable at any width, and a score by the folders' names."""

import csv

import pytest

from pipeline.release import listing, score
from pipeline.release.listing import Listing
from pipeline.release.predict import Guess, Prediction

LABELS = ["background", "cat", "dog"]


def prediction(image: str, label: str, probability: float = 0.75) -> Prediction:
    return Prediction(image, (Guess(LABELS.index(label), label, probability),))


def test_a_picture_is_one_line_in_columns_that_do_not_move():
    columns = Listing(["a.jpg", "long name.jpg"], LABELS, width=80)
    assert [*columns.lines(prediction("a.jpg", "cat"))] == ["a.jpg          cat          75.0%"]
    assert [*columns.lines(prediction("long name.jpg", "dog", 1.0))] == ["long name.jpg  dog         100.0%"]


def test_at_forty_columns_the_name_is_whole_and_its_guess_below():
    name = "summer/holidays at the sea/IMG_20240817.jpg"
    lines = [*Listing([name], LABELS, width=40).lines(prediction(name, "dog"))]
    assert lines == [name, "  dog          75.0%"]
    assert [*Listing([name], LABELS, width=None).lines(prediction(name, "dog"))] == [f"{name}  dog          75.0%"]


def test_a_control_character_of_a_name_does_not_reach_the_terminal():
    [line] = Listing(["a\x1b[31m"], LABELS, width=80).lines(prediction("a\x1b[31m", "cat"))
    assert line.startswith("a\ufffd[31m  cat")


def test_the_background_is_no_answer_and_the_next_class_stands_in_its_place():
    given = Prediction("a", (Guess(0, "background", 0.6), Guess(2, "dog", 0.3), Guess(1, "cat", 0.1)))
    assert [guess.label for guess in listing.for_people(given, 1).guesses] == ["dog"]
    assert [guess.label for guess in listing.for_people(given, 5).guesses] == ["dog", "cat"]
    own = Prediction("a", (Guess(2, "background", 0.6),))  # A class of the user's that is called so.
    assert listing.for_people(own, 1) == own


@pytest.mark.parametrize("argument", ["eval", "eval/cat", "eval/", "eval//", "./eval", "."])
def test_the_nearest_folder_that_is_called_after_a_class_is_the_truth(tmp_path, argument, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eval" / "cat" / "old").mkdir(parents=True)
    picture = "eval/cat/old/dog.jpg"
    assert score.true_classes([argument], [picture], LABELS) == {picture: "cat"}


def test_folders_above_the_named_one_and_pictures_that_were_named_tell_no_class(tmp_path):
    (tmp_path / "cat" / "mixed").mkdir(parents=True)
    picture = str(tmp_path / "cat" / "mixed" / "1.jpg")
    assert score.true_classes([str(tmp_path / "cat" / "mixed")], [picture], LABELS) == {}
    assert score.true_classes([picture], [picture], LABELS) == {}


def test_the_score_counts_the_right_ones_and_each_class_alike():
    truth = {f"cat/{i}": "cat" for i in range(8)} | {f"dog/{i}": "dog" for i in range(2)}
    answers = [prediction(name, "cat") for name in truth]
    result = score.score([*answers, Prediction("cat/bad", (), "not a picture")], truth | {"cat/bad": "cat"})
    assert result is not None
    assert (result.right, result.pictures, result.balanced) == (8, 10, 0.5)
    assert [(each.name, each.right, each.pictures) for each in result.classes] == [("dog", 0, 2), ("cat", 8, 8)]
    lines = [*listing.score_lines(result)]
    assert lines[1] == "8 of 10 right (80.0%), going by the folders' names; the mean over 2 classes is 50.0%"
    assert lines[2] == "  dog  0 of 2 right (0%)"
    assert score.score(answers, {}) is None


def test_of_many_classes_the_ten_worst_are_listed():
    result = score.Score(tuple(score.ClassScore(f"c{i:02}", 100, i) for i in range(12)))
    lines = [*listing.score_lines(result)]
    assert lines[2].startswith("  c00  0 of 100 right")
    assert lines[-2].startswith("  c09  9 of 100")
    assert lines[-1] == "  and 2 classes of which more were right"


def test_a_row_of_csv_is_read_back_as_it_was_whatever_is_in_the_names():
    header = next(csv.reader([listing.csv_header(2)]))
    assert header == ["image", "class", "probability", "class_2", "probability_2", "true_class", "error"]
    row = listing.csv_row(Prediction('a,"b".jpg', (Guess(1, "cat, tabby", 0.5),)), 2, "dog")
    assert next(csv.reader([row])) == ['a,"b".jpg', "cat, tabby", "0.500000", "", "", "dog", ""]
