"""The command that an error ends in: complete, and safe in a shell in which nothing is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.console import Display
from lakehouse.environments import Environment, open_environment
from lakehouse.next_command import typed, with_next_command
from lakehouse.project import Project

RUN = "make run-pipeline DATA='my data'"


@pytest.mark.parametrize(
    ("message", "ends"),
    [
        (
            "It failed. Fix the cause and run the command again.",
            "It failed. Fix the cause and run the command again: {}",
        ),
        ("To resume it, run the same command again.", "To resume it, run the same command again: {}"),
        ("Not complete:\n  a table\n  Run the command again.", "Not complete:\n  a table\n  Run the command again: {}"),
        ("Not complete:\n  customer_trusted was not published", "was not published\nRun the command again: {}"),
        ("dev is not deployed. Run: make apply ENV=dev", "make apply ENV=dev"),
        ("Interrupted.\nThe embedded AWS is still up. To stop it: make down", "To stop it: make down"),
        ("To stop it: aws glue stop-workflow-run --name a --run-id wr_1", "--run-id wr_1"),
        ("So nothing was changed. To answer yes, run the same command with YES=1.", "with YES=1."),
        ("Nothing was changed.", "Nothing was changed."),
    ],
)
def test_a_message_ends_in_a_command(message: str, ends: str) -> None:
    assert with_next_command(message, RUN).endswith(ends.format(RUN))
    assert with_next_command(message, RUN).startswith(message[:20])


KNOBS = {"ENV", "DATA", "PROFILE", "YES", "EMAIL", "SQL"}


def test_a_command_is_repeated_with_the_knobs_that_it_was_given() -> None:
    environ = {"DATA": "my $(data)", "PROFILE": "strict", "ENV": "", "PORT": "1", "PATH": "/bin"}
    assert typed(["lakehouse", "run"], environ, KNOBS) == "make run-pipeline DATA='my $(data)' PROFILE=strict"
    assert typed(["lakehouse", "run"], environ, KNOBS, {"PROFILE": "published"}).endswith("PROFILE=published")
    assert typed(["lakehouse", "rerun"], {"RUN": "jr_1"}, {"RUN"}) == "make rerun-job RUN=jr_1"


def test_a_command_line_is_repeated_as_it_was_typed() -> None:
    assert typed(["x/lakehouse", "run", "--data", "a b"], {"DATA": "c"}, KNOBS) == "lakehouse run --data 'a b'"
    corrected = typed(["lakehouse", "run", "--env", "deb"], {}, KNOBS, {"ENV": "dev"})
    assert corrected == "make run-pipeline ENV=dev"


def test_neither_an_address_nor_a_query_nor_a_yes_is_repeated() -> None:
    environ = {"EMAIL": "ann@x.org", "YES": "1", "SQL": "SELECT 'ann@x.org'"}
    assert typed(["lakehouse", "forget"], environ, KNOBS) == "make forget EMAIL=name@example.org"
    assert "ann" not in typed(["lakehouse", "forget", "--email", "ann@x.org"], {}, KNOBS)


@pytest.fixture
def local(project: Project, display: Display) -> Environment:
    return open_environment(project, display)


def test_the_aws_cli_never_reaches_the_account_of_the_shell_instead_of_the_embedded_aws(local: Environment) -> None:
    stop = "aws glue stop-workflow-run --name stedi-local-lakehouse --run-id wr_1f0c"
    assert local.in_fresh_shell(f"To stop it: {stop} Nothing was touched.") == (
        f"To stop it: (source build/local/aws.env && {stop}) Nothing was touched."
    )


def test_on_aws_the_shell_has_the_account(root: Path, display: Display) -> None:
    dev = open_environment(Project.at(root, "dev"), display)
    assert dev.in_fresh_shell("aws glue get-workflow-run --name a") == "aws glue get-workflow-run --name a"
