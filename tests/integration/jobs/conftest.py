"""Fixtures for whole jobs in this process, on tables in a folder."""

from tests.support.audit_cases import plant, show  # noqa: F401 (pytest finds them here)
from tests.support.job_fixtures import extra_files, first_run, frame, lakehouse, real_lakehouse, spark, world  # noqa: F401 (pytest finds them here)
