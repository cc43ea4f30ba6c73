"""Fixtures for whole jobs in this process, on tables in a folder."""

from tests.support.audit_cases import plant, show  # noqa: F401 (pytest finds them here)
from tests.support.job_fixtures import (  # noqa: F401 (pytest finds them here)
    extra_files,
    first_run,
    frame,
    lakehouse,
    published_world,
    real_lakehouse,
    saved_world,
    spark,
    world,
)
