"""Fixtures for the transforms, rules and readers on small frames."""

from tests.support.audit_cases import plant, show  # noqa: F401 (pytest finds them here)
from tests.support.job_fixtures import extra_files, frame, lakehouse, spark  # noqa: F401 (pytest finds them here)
