"""All five jobs on landing data with the defects of the older public edition, small enough to follow by hand.

Several records of one e-mail address, serial numbers shared by customers, exact duplicates, `timeStamp` for
`timestamp`, absent, empty and zero consents, a birthday of 1399, a comma at the end of each step trainer line.
The folder `older_edition` holds it:

| customer | Step Trainers | consent                          | moves at      |
|----------|---------------|----------------------------------|---------------|
| anna     | S1, then S2   | 100, withdrawn by a later record | 90, 110       |
| ben      | S1, then S3   | none, then 300                   | 200, 310      |
| cleo     | S2, S2        | 150 in both records              | 160, 160      |
| dora     | S3            | 0                                | 100           |
| emil     | S3            | empty                            | never         |
| finn     | S1            | 120                              | never         |
| gina     | S4            | 100                              | 95, 102, 110  |
| hugo     | S4            | 105                              | never         |

Steps are measured at 110 and 310 by S1, at 140 and 160 by S2, at 160 and 310 by S3, at 95, 102 and 110 by S4, and
at 110 by S9, which nobody owns.
"""

import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "older_edition"
EPOCH = 1_655_564_000_000  # what the times above count from

# What each profile must give, where a profile that is not named gives what `published` gives.
CUSTOMERS = {  # customer, Step Trainer and last update of each trusted record
    "published": "anna S1 100, ben S3 300, cleo S2 150, cleo S2 250, finn S1 120, gina S4 100, hugo S4 105",
    "strict": "ben S3 300, cleo S2 250, finn S1 120, gina S4 100, hugo S4 105",
}
MOVEMENTS = {
    "published": "anna 110, anna 90, ben 200, ben 310, cleo 160, cleo 160, gina 102, gina 110, gina 95",
    "consent_date": "anna 110, ben 310, cleo 160, cleo 160, gina 102, gina 110",
    "strict": "ben 310, cleo 160, cleo 160, gina 102, gina 110",
}
CURATED = {
    "published": "anna S1 100, ben S3 300, cleo S2 150, cleo S2 250, gina S4 100",
    "strict": "ben S3 300, cleo S2 250, gina S4 100",
}
STEPS = {
    "published": "S1 110, S1 310, S2 140, S2 160, S3 160, S3 310, S4 102, S4 110, S4 95",
    "strict": "S4 110",  # since hugo agreed; S1 to S3 have owners who did not agree or withdrew
}
TRAINING = {  # with the x of the movement, which tells whose it is where times are equal
    "published": """
        S1 110 -1.0, S1 110 1.0, S1 310 1.0, S2 160 0.0, S2 160 1.0, S3 160 0.0, S3 160 1.0, S3 310 1.0,
        S4 102 0.0, S4 110 -1.0, S4 110 1.0, S4 95 1.0
    """,
    "consent_date": """
        S1 110 -1.0, S1 110 1.0, S1 310 1.0, S2 140 None, S2 160 0.0, S2 160 1.0, S3 160 0.0, S3 160 1.0, S3 310 1.0,
        S4 102 0.0, S4 110 -1.0, S4 110 1.0, S4 95 None
    """,
    "strict": "S4 110 -1.0",
}


def described(lakehouse, table, *columns):
    """Return each row as a short text: names without their domain, times as in the table above."""

    def brief(value):
        if isinstance(value, str):
            return value.removesuffix("@example.com")
        return str(value - EPOCH if isinstance(value, int) else value)

    return sorted(" ".join(map(brief, row)) for row in lakehouse.table(table).select(*columns).collect())


@pytest.mark.parametrize(
    "profile", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("published", "consent_date")), "strict"]
)
def test_profile_gives_exactly_these_rows(lakehouse, profile):
    shutil.copytree(DATA, lakehouse.folder)
    lakehouse.create_tables()
    lakehouse.run_all("--profile", profile)

    def expected(rows):
        return [row.strip() for row in rows.get(profile, rows["published"]).split(",")]

    customer = ("email", "serialnumber", "lastupdatedate")
    assert described(lakehouse, "customer_trusted", *customer) == expected(CUSTOMERS)
    assert described(lakehouse, "accelerometer_trusted", "user", "timestamp") == expected(MOVEMENTS)
    assert described(lakehouse, "customers_curated", *customer) == expected(CURATED)
    assert described(lakehouse, "step_trainer_trusted", "serialnumber", "sensorreadingtime") == expected(STEPS)
    training = ("serialnumber", "sensorreadingtime", "x")
    assert described(lakehouse, "machine_learning_curated", *training) == expected(TRAINING)
