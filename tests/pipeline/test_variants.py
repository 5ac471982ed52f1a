"""What `--variants` means."""

import re

import pytest

from pipeline import variants
from trainer.network.variant import VariantError
from trainer.slim.reference_table import TABLE


def _names(text: str) -> list[str]:
    return [variant.name for variant in variants.parse(text)]


def test_names_are_taken_in_their_order_and_each_once_however_it_is_written():
    assert _names("0.50_64, 0.25_32,0.5_64") == ["0.50_64", "0.25_32"]


def test_a_star_stands_for_the_references_widths_or_resolutions():
    assert _names("0.25_*") == ["0.25_224", "0.25_192", "0.25_160", "0.25_128"]
    assert _names("*_128,0.25_128") == ["1.0_128", "0.75_128", "0.50_128", "0.25_128"]
    assert _names("*_32")[-1] == "0.25_32"


def test_all_and_two_stars_are_the_references_sixteen():
    assert set(variants.parse("all")) == set(TABLE)
    assert _names("*_*") == _names("all")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--variants is '', wanted names with commas between"),
        ("0.25_32,,0.5_32", "wanted names with commas between"),
        ("0.2*_32", "'0.2*_32' is no pattern: wanted *_RESOLUTION or WIDTH_*"),
        ("*", "'*' is no pattern"),
        ("9_*", "width is 9.0, wanted 0.01 to 4.0"),
        ("every", "'every' is not a variant"),
    ],
)
def test_anything_else_is_one_clear_sentence(text, message):
    with pytest.raises(VariantError, match=re.escape(message)):
        variants.parse(text)
