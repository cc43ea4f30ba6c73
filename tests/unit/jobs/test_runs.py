"""What jobs and command line both know of a run."""

import pytest

import publishing
from lakehouse import resumption


@pytest.mark.parametrize("run_id", ["wr_1", "wr_chaos-2.x", "jr_3"])
def test_command_and_jobs_name_the_branch_of_a_run_alike(run_id):
    assert resumption.branch_of(run_id) == publishing.branch_of(run_id, "jr_other")
