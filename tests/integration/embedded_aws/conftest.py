"""Each test gets its own bucket and database, in an embedded AWS that runs in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embedded_aws import EmbeddedAws
from tests.support.served import Aws


@pytest.fixture
def aws(served: EmbeddedAws) -> Iterator[Aws]:
    aws = Aws.new(served)
    yield aws
    aws.enforce_iam(on=False)
