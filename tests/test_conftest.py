"""How the suite is dealt out to several processes."""

import pytest

from tests.conftest import Together


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("tests/trainer/test_a.py::test_1", "tests/trainer/test_a.py::test_2[x/y]", True),
        ("tests/trainer/test_a.py::test_1", "tests/pipeline/test_a.py::test_1", False),
        ("tests/e2e/test_a.py::test_1", "tests/e2e/test_b.py::test_1", True),
        ("tests/components/report/test_a.py::test_1", "tests/components/test_a.py::test_1", False),
    ],
)
def test_a_file_stays_on_one_process_and_so_do_files_that_share_a_run(first, second, together):
    scope = Together._split_scope
    assert (scope(None, first) == scope(None, second)) is together  # pyright: ignore[reportArgumentType]
