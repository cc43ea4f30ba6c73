"""The documents quote the bench that is published in bench/summary.json."""

from __future__ import annotations

import pytest

from bench import documents
from bench.documents import BEGIN, END
from lakehouse.errors import LakehouseError


def test_a_block_is_replaced_and_the_rest_of_the_page_stays() -> None:
    page = f"# Cost\n\n{BEGIN}\n\n| old |\n\n{END}\n\nMore.\n"
    new = documents.filled(page, r"| \1 new |")
    assert new == f"# Cost\n\n{BEGIN}\n\n| \\1 new |\n\n{END}\n\nMore.\n"
    assert documents.filled(new, r"| \1 new |") == new


@pytest.mark.parametrize("page", ["# Cost\n", f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n"])
def test_a_page_without_exactly_one_block_is_refused(page: str) -> None:
    with pytest.raises(LakehouseError, match="has one block"):
        documents.filled(page, "new")
