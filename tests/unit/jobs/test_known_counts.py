"""All five jobs on landing data whose counts are known: the public course data, and the generated sample."""

import pytest

from lakehouse import sample

COUNTS = {  # of the public course data, in the order of the chain
    "published": (482, 40_981, 482, 14_460, 43_681),
    "consent_date": (482, 32_025, 464, 13_920, 37_000),
    "strict": (482, 32_025, 464, 11_297, 32_025),
}


@pytest.mark.parametrize("profile", COUNTS)
def test_public_data_gives_the_published_counts(real_lakehouse, profile):
    real_lakehouse.create_tables()
    assert tuple(real_lakehouse.run_all("--profile", profile).values()) == COUNTS[profile]


@pytest.mark.slow
def test_sample_gives_what_its_generator_meant(lakehouse):
    expected = sample.generate(lakehouse.folder, customers=150, readings_per_customer=10)
    lakehouse.create_tables()
    for profile in COUNTS:
        rows = lakehouse.run_all("--profile", profile)
        assert rows == {table: expected[profile][table] for table in rows}
