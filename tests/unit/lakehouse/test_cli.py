"""The command line: what reaches the commands, and how errors end."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import NoCredentialsError

from lakehouse import cli
from lakehouse.commands import data as data_commands
from lakehouse.commands import deployment, pipeline_run, privacy
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.next_command import TARGETS
from tests.support.knobs import of_commands

Call = Callable[..., int]


@pytest.fixture
def call(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Call the command line in a checkout; returns its exit code."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.chdir(root)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["lakehouse", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def environment(monkeypatch: pytest.MonkeyPatch, **knobs: str) -> None:
    """Set only these knobs in the environment."""
    for knob in set().union(*of_commands().values()):
        monkeypatch.delenv(knob, raising=False)
    for knob, value in knobs.items():
        monkeypatch.setenv(knob, value)


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `terraform` on the PATH that prints nothing."""
    command = tmp_path / "bin" / "terraform"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o700)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)


@pytest.mark.parametrize(
    "error",
    [LakehouseError("Do this."), NoCredentialsError()],
    ids=["ours", "aws"],
)
def test_an_expected_error_is_one_message_and_exit_code_1(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(data_commands, "counts", fail)
    assert call("counts") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert str(error) in captured.err
    assert captured.err.count("\n") == 1


LOCAL = ("run", "apply", "plan", "counts", "sample", "forget --email ann@x.org")
DEV = ("run --env dev", "plan --env dev", "counts --env dev")


@pytest.mark.usefixtures("terraform")
@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((command, "build") for command in (*LOCAL, *DEV)),
        *((command, "build/local") for command in LOCAL),
        *((command, "build/dev") for command in DEV),
    ],
)
def test_a_file_in_the_place_of_a_folder_is_named(
    call: Call, root: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    file = root / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    assert call(*command.split()) == 1
    said = capsys.readouterr().err
    typed = f"lakehouse {command}" if " " in command else f"make {TARGETS.get(command, command)}"
    again = typed.replace("ann@x.org", "name@example.org")  # messages may be kept
    assert said == f"error: {file} is a file, but must be a folder. Move it away and run the command again: {again}\n"


@pytest.mark.usefixtures("terraform")
def test_a_full_disk_is_reported(call: Call, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "build" / "dev").mkdir(parents=True)
    (root / "build" / "dev" / "terraform.log").symlink_to("/dev/full")
    assert call("plan", "--env", "dev") == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: No space is left on the disk of {root}, ")
    assert said.endswith(" Free some and run the command again: lakehouse plan --env dev")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.EROFS, "Read-only file system", "/x/build"),
            "/x/build cannot be used: Read-only file system. Grant",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x/build"),
            "/x/build cannot be used: Permission denied. Grant",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/x/a"), "No space is left on the disk of /x/a. Free"),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", "/x/run.json"),
            "/x/run.json is a folder, but must be a file",
        ),
        (OSError(errno.ENAMETOOLONG, "File name too long", "/x/a"), "/x/a cannot be used: File name too long. Fix"),
        (
            ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
            "The operating system reported an error: Connection reset",
        ),
    ],
)
def test_an_error_of_the_operating_system_is_a_sentence(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, says: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(data_commands, "counts", fail)
    assert call("counts") == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: {says}")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Environment, port of the embedded AWS, DATA, PROFILE and REBUILD of each call of the command `run`."""
    seen: Runs = []

    def run(environment: Environment, data: Path | None, profile: str | None, *, rebuild: bool) -> None:
        seen.append((environment.name, getattr(environment, "port", None), data, profile, rebuild))

    monkeypatch.setattr(pipeline_run, "run", run)
    return seen


Runs = list[tuple[str, int | None, Path | None, str | None, bool]]


def test_options_reach_the_command(call: Call, runs: Runs) -> None:
    assert call("run", "--env", "dev", "--data", "x/y", "--profile", "strict", "--port", "5000") == 0
    assert call("run", "--port", "5000") == 0
    assert runs == [("dev", None, Path("x/y"), "strict", False), ("local", 5000, None, None, False)]


def test_knobs_come_in_the_environment_as_they_were_typed(
    call: Call, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(privacy, "forget", lambda _, email, _confirm, **options: seen.append((email, options)))
    environment(monkeypatch, EMAIL="o'brien$x `id`@x.org ", DRY_RUN="1", ACCEPT="a b.pdf, c.zip,")
    assert call("forget") == 0
    assert seen == [("o'brien$x `id`@x.org ", {"dry_run": True, "file": None, "accept": ["a b.pdf", "c.zip"]})]
    environment(monkeypatch, DATA=" a b/$c ", PROFILE="strict", PORT="5000", PLAN="p", SQL="x", REBUILD="1")
    assert call("run") == 0
    environment(monkeypatch, ENV="dev", PROFILE="strict", REBUILD="0")
    assert call("run") == 0
    assert runs == [("local", 5000, Path(" a b/$c "), "strict", True), ("dev", None, None, "strict", False)]


def test_an_empty_knob_is_one_that_was_not_given(call: Call, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, ENV="", DATA="", PROFILE="", PORT="")
    assert call("run") == 0
    assert runs == [("local", 0, None, None, False)]


def test_yes_is_1_and_not_just_anything(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deployment, "destroy", lambda _, confirm: confirm("Destroy all?"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    for value, code in (("1", 0), ("0", 1), ("", 1), ("maybe", 1)):
        environment(monkeypatch, YES=value)
        assert call("destroy") == code
    assert "error: YES='maybe' is not valid, so nothing was done. YES: 1 answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "allowed"),
    [
        ("PROFILE=lenient", "published, consent_date, strict"),
        ("PORT=abc", "1 to 65535"),
        ("PORT=70000", "1 to 65535"),
        ("YES=maybe", "1 answers"),
    ],
)
def test_a_wrong_value_is_one_sentence_about_the_knob_that_was_typed(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    allowed: str,
) -> None:
    knob, value = typed.split("=")
    monkeypatch.setattr(deployment, "apply", lambda *_: pytest.fail("nothing may be done"))
    environment(monkeypatch, **{knob: value})
    assert call("apply") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {knob}='{value}' is not valid, so nothing was done. {knob}: ")
    assert allowed in error
    assert (error.count("\n"), "--" in error) == (1, False)


def test_unknown_environment_names_the_known_ones(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "--env", "prod") == 1
    assert "Use one of: dev, local" in capsys.readouterr().err


def test_another_folder_than_a_checkout_is_refused(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("plan") == 1
    assert "has no terraform/, ddl/, glue_jobs/" in capsys.readouterr().err


def test_an_unknown_value_of_a_flag_is_a_usage_error(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "--profile", "lenient") == 2
    assert "consent_date" in capsys.readouterr().err


def test_without_a_terminal_there_is_no_question(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deployment, "destroy", lambda _, confirm: confirm("Destroy all?"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert call("destroy", "--env", "dev") == 1
    said = capsys.readouterr().err
    assert "Destroy all? Standard input is not a terminal, so nothing was changed." in said
    assert "YES=1" in said
    assert call("destroy", "--env", "dev", "--yes") == 0


def test_a_sample_is_generated_where_a_run_looks_for_it(
    call: Call, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("sample", "--customers", "3", "--readings-per-customer", "1") == 0
    assert (root / "build/local/sample/expected.json").is_file()
    assert "customer_landing" in capsys.readouterr().out


def test_a_termination_signal_interrupts_like_ctrl_c(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []

    def interrupted(_: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            reached.append("clean-up")

    monkeypatch.setattr(data_commands, "counts", interrupted)
    assert call("counts") == 130
    assert reached == ["clean-up"]


def test_machines_get_an_error_as_an_event_too(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise LakehouseError("Do this.")

    monkeypatch.setattr(data_commands, "counts", fail)
    environment(monkeypatch, OUTPUT="json")
    assert call("counts") == 1
    captured = capsys.readouterr()
    event = json.loads(captured.out)
    assert (event["event"], event["exit_code"]) == ("error", 1)
    assert event["message"].startswith("Do this.")
    assert captured.err == f"error: {event['message']}\n"

    environment(monkeypatch, OUTPUT="yaml")
    assert call("counts") == 1
    assert "OUTPUT='yaml' is not valid, so nothing was done. OUTPUT: text for people" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("counts ENV=deb", "There is no environment 'deb' in .* Run: make counts ENV=dev$"),
        ("run ENV=moon DATA=$x", r"Use one of: dev, local\. Run: make run-pipeline DATA='\$x' ENV=local$"),
        ("run PROFILE=strct", "PROFILE='strct' is not valid, .* Run: make run-pipeline PROFILE=strict$"),
        ("apply PORT=x", "PORT='x' is not valid, .* Correct it and run the command again: make apply PORT=x$"),
    ],
)
def test_a_mistyped_value_ends_in_the_corrected_command(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, says: str
) -> None:
    command, *knobs = typed.split()
    environment(monkeypatch, **dict(knob.split("=") for knob in knobs))
    assert call(command) == 1
    assert re.search(says, capsys.readouterr().err.strip())
