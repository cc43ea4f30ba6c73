"""The documents' own data gives the documents' own counts, in every profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ICEBERG_TABLES, Project

LANDING = {"customer_landing": 956, "accelerometer_landing": 81_273, "step_trainer_landing": 28_680}
# In the order of ICEBERG_TABLES.
COUNTS = {
    "published": [482, 40_981, 482, 14_460, 43_681],
    "consent_date": [482, 32_025, 464, 13_920, 37_000],
    "strict": [482, 32_025, 464, 11_297, 32_025],
}


@pytest.mark.parametrize("profile", COUNTS)
def test_counts(project: Project, real_data: Path, profile: str) -> None:
    project.succeed("run", "--data", str(real_data), "--profile", profile)
    expected = dict(zip(ICEBERG_TABLES, COUNTS[profile], strict=True))
    assert project.report()["tables"] == LANDING | expected
    assert project.iceberg_rows() == expected
