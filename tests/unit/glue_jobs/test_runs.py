"""What jobs and command line both know of a run."""

import pytest

import iceberg
import restoring
from lakehouse import reconciliation, resumption


@pytest.mark.parametrize("run_id", ["wr_1", "wr_chaos-2.x", "jr_3"])
def test_command_and_jobs_name_the_branch_of_a_run_alike(run_id):
    assert resumption.branch_of(run_id) == iceberg.branch_of(run_id, "jr_other")


def test_command_and_jobs_name_the_outcomes_alike():
    here = (restoring.RESTORED, restoring.EXPIRED, restoring.ERASURE)
    assert here == (reconciliation.RESTORED, reconciliation.EXPIRED, reconciliation.ERASURE)
