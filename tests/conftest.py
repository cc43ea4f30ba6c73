"""What every test may need: a copy of the project to run in, and the real landing data where it is present."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

import embedded_aws
from lakehouse.terraform import GOGC
from tests.support import knobs
from tests.support.project import REPOSITORY, Project, copy_of_project
from tests.support.served import serve

REAL_DATA = REPOSITORY.parent / "shared" / "data" / "stedi"
CASES = REPOSITORY.parent / "shared" / "cases"

os.environ.setdefault("GOGC", GOGC)  # for each terraform that a test starts by itself
for knob in set().union(*knobs.of_commands().values()):  # what the shell says is not meant for what the tests call
    os.environ.pop(knob, None)


ON_SPARK = ("tests/unit/jobs/", "tests/integration/jobs/")


class Scheduling(LoadFileScheduling):
    """Keep the tests of a file in one process, and all on Spark: they share a session, a warm JVM and a first run."""

    def _split_scope(self, nodeid: str) -> str:
        return "Spark" if nodeid.startswith(ON_SPARK) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)  # without xdist there is nothing to schedule
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Replace the scheduling by file; a developer's own --dist stays."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that both processes end at the same time."""
    longest_first = (*ON_SPARK, "tests/e2e/", "tests/integration/", "")
    items.sort(key=lambda item: next(at for at, start in enumerate(longest_first) if item.nodeid.startswith(start)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of the module's own; its embedded AWS is stopped at the end."""
    copy = copy_of_project(tmp_path_factory.mktemp("o'brien's lake house"))  # as any folder may be named
    yield copy
    copy.lakehouse("down")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded_aws.EmbeddedAws]:
    """An embedded AWS in this process, which tests share."""
    with serve(tmp_path_factory.mktemp("aws") / "build") as box:
        yield box


@cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account of moto in this process, for clients of boto3."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with mock_aws():
        boto3.DEFAULT_SESSION = _session()  # until moto ends; a session of its own would read all service models again
        yield


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small landing folders in the forms in which people have them, each with counts that are known."""
    if not CASES.is_dir():
        pytest.skip("the cases of landing files are not on this machine (../shared/cases)")
    return CASES


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real landing data; its licence forbids to keep it in this repository."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real STEDI landing data is not on this machine (../shared/data/stedi)")
    return REAL_DATA
