"""All five jobs on the public course data: the counts that the field's documents publish, and the stricter ones."""

import pytest

COUNTS = {
    "published": (482, 40_981, 482, 14_460, 43_681),
    "consent_date": (482, 32_025, 464, 13_920, 37_000),
    "strict": (482, 32_025, 464, 11_297, 32_025),
}


@pytest.mark.parametrize("profile", COUNTS)
def test_profile_gives_the_known_counts(real_lakehouse, profile):
    real_lakehouse.create_tables()
    assert tuple(real_lakehouse.run_all("--profile", profile).values()) == COUNTS[profile]
