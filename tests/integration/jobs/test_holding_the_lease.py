"""A job runs only while it holds the lease of the lakehouse, and leaves it to the next job or releases it."""

import pytest

from lease import LeaseError
from tests.support.jobs import AT, Lakehouse, customer, moved

FIRST, SECOND = "customer_landing_to_trusted", "accelerometer_landing_to_trusted"
WORKFLOW = ("--WORKFLOW_RUN_ID", "wr_1")


@pytest.fixture
def landed(lakehouse: Lakehouse) -> Lakehouse:
    lakehouse.create_tables()
    lakehouse.land("customer", [customer("anna", "S1")])
    lakehouse.land("accelerometer", [moved("anna", AT)])
    return lakehouse


def ended(lakehouse: Lakehouse) -> list[str]:
    """Return what the last job did with the lease when it ended."""
    calls = [call[0] for call in lakehouse.lease.method_calls if call[0] in ("hand_on", "release")]
    lakehouse.lease.reset_mock()
    return calls


def test_it_goes_from_job_to_job_and_is_released_by_the_job_that_ends_the_operation(landed: Lakehouse) -> None:
    landed.run(FIRST, *WORKFLOW)
    assert ended(landed) == ["hand_on"]
    (landed.folder / "accelerometer" / "landing" / "part.json").write_text("no JSON\n")
    with pytest.raises(SystemExit, match="cannot be used"):
        landed.run(SECOND, *WORKFLOW)
    assert ended(landed) == ["release"]  # no job follows one that fails
    landed.run(FIRST)
    assert ended(landed) == ["release"]  # started alone it is an operation of its own


def test_a_job_that_cannot_have_it_touches_nothing(landed: Lakehouse) -> None:
    landed.lease.take.side_effect = LeaseError("make forget by ada@laptop has been running since then.")
    with pytest.raises(SystemExit, match=r"^customer_trusted: make forget by .* Nothing was touched\.$"):
        landed.run(FIRST)
    assert landed.branches("customer_trusted") == set()
    assert ended(landed) == []


def test_a_job_that_has_lost_it_publishes_nothing(landed: Lakehouse) -> None:
    landed.lease.check.side_effect = LeaseError("This operation has lost its lease and stops.")
    with pytest.raises(SystemExit, match="lost its lease"):
        landed.run(FIRST)
    assert landed.table("customer_trusted").count() == 0
