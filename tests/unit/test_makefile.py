"""What is typed to make is data: through the real make, with programs that only record what reaches them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.run import command as pytest_command
from tests.support.knobs import of_commands

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
KNOBS = {target: knobs.split() for target, knobs in re.findall(r"^([a-z-]+)\.knobs := (.*)$", MAKEFILE, re.MULTILINE)}
RECIPES = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))

NOTE = '#!/bin/sh\necho "$@" >> calls\nenv -0 > environment\n'

VALUES = [
    "joe$x@example.org",
    "$(shell touch touched)@example.org",
    "${HOME} $$ $",
    "a';touch touched;'",
    "o'brien@example.org",
    '"; touch touched; "',
    "`touch touched`",
    "a#b # c",
    "a  b ",
    "(a) {b} [c]",
    "a),b",
    "one\ntwo\n",
    "\\ \\n \\\\ c\\",
    "50%  %.o",
    "José Ünï 東京",
    "a=b:=c;d&e|f>touched<g",
    "~/*?!^",
    "",
]


@dataclass(frozen=True)
class Folder:
    """The Makefile of a checkout, with a virtual environment of programs that record their arguments."""

    path: Path

    def make(self, *arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.path)}
        command = ["make", *arguments]
        return subprocess.run(
            command, cwd=self.path, env=own | environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        """Return the arguments of each call of a program, in their order."""
        calls = self.path / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def environment(self) -> dict[str, str]:
        """Return the environment of the last call."""
        variables = (self.path / "environment").read_bytes().rstrip(b"\0").split(b"\0")
        return dict(os.fsdecode(variable).split("=", 1) for variable in variables)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "o'brien's lake house"
    (path / ".venv" / "bin").mkdir(parents=True)
    (path / "terraform").mkdir()
    (path / "Makefile").write_text(MAKEFILE)
    for requirements in ROOT.glob("requirements*.txt"):
        shutil.copy(requirements, path)
        os.utime(path / requirements.name, (0, 0))
    for program in ("lakehouse", "python"):
        executable(path / ".venv" / "bin" / program)
    (path / ".venv" / ".ready").touch()
    for own in (".venv-bench", ".venv-report"):
        (path / own).mkdir()
        (path / own / ".ready").touch()
    return Folder(path)


def executable(path: Path) -> None:
    path.write_text(NOTE)
    path.chmod(0o755)


def untouched(folder: Folder) -> bool:
    return not list(folder.path.rglob("touched"))


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("target", "knob"), [("forget", "EMAIL"), ("query", "SQL")])
def test_a_value_arrives_as_it_was_typed(folder: Folder, target: str, knob: str, value: str) -> None:
    done = folder.make(target, f"{knob}={value}")
    assert (done.returncode, done.stderr) == (0, "")
    assert folder.environment()[knob] == value
    assert folder.make(target, **{knob: f"  {value}"}).returncode == 0
    assert folder.environment()[knob] == f"  {value}"
    assert folder.make("--environment-overrides", target, **{knob: value}).returncode == 0
    assert folder.environment()[knob] == value
    assert folder.calls() == [target] * 3, "and in no argument"
    assert untouched(folder)


@pytest.mark.parametrize(("target", "knob"), [(target, knob) for target, knobs in KNOBS.items() for knob in knobs])
def test_every_knob_of_every_target_arrives(folder: Folder, target: str, knob: str) -> None:
    value = """$(shell touch touched) '"`touch touched`"' # $x\n%\\"""
    for done in (folder.make(target, f"{knob}={value}"), folder.make(target, **{knob: value})):
        assert (done.returncode, done.stderr) == (0, "")
        assert folder.environment()[knob] == value
    assert untouched(folder)


def test_bytes_that_are_no_text_arrive(folder: Folder) -> None:
    assert folder.make("run-pipeline", b"DATA=caf\xe9/\xff").returncode == 0
    assert os.fsencode(folder.environment()["DATA"]) == b"caf\xe9/\xff"


def test_make_strips_leading_blanks_of_the_command_line_and_nothing_else(folder: Folder) -> None:
    folder.make("forget", "EMAIL= \t a b \t ")
    assert folder.environment()["EMAIL"] == "a b \t "


def test_the_command_line_beats_the_environment(folder: Folder) -> None:
    folder.make("run-pipeline", "PROFILE=strict", PROFILE="published", DATA="$x")
    assert {"PROFILE": "strict", "DATA": "$x"}.items() <= folder.environment().items()


@pytest.mark.parametrize("value", VALUES)
def test_a_dry_run_of_make_runs_nothing(folder: Folder, value: str) -> None:
    for done in (folder.make("-n", "forget", f"EMAIL={value}"), folder.make("-n", "forget", EMAIL=value)):
        assert done.returncode == 0
        assert done.stdout == ".venv/bin/lakehouse forget\n"
    assert folder.calls() == []
    assert untouched(folder)


def test_the_flags_of_make_carry_no_knob_to_the_program(folder: Folder) -> None:
    folder.make("forget", "EMAIL=ann@x.org")
    others = {name: value for name, value in folder.environment().items() if name != "EMAIL"}
    assert "EMAIL" not in str(others)


def test_a_knob_that_make_got_in_its_flags_is_one_that_was_typed(folder: Folder) -> None:
    folder.make("forget", MAKEFLAGS="-- EMAIL=a$$(shell\\ touch\\ touched)b")
    assert folder.environment()["EMAIL"] == "a$(shell touch touched)b"
    assert untouched(folder)
    assert "PROFIL is not a knob" in folder.make("forget", MAKEFLAGS="-- PROFIL=strict").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run-pipeline", "PROFIL=strict"], "PROFIL is not a knob (did you mean PROFILE?). Nothing was run."),
        (["run-pipeline", "profile=strict"], "profile is not a knob (did you mean PROFILE?). Nothing was run."),
        (["-n", "apply", "SHELL=/bin/false"], "SHELL is not a knob. Nothing was run."),
        (["counts", "X';>touched;'=1"], "X';>touched;' is not a knob. Nothing was run."),
        (["counts", "apply.knobs=XX", "XX=1"], " is not a knob. Nothing was run."),
        (["counts", "PROFILE=strict"], "`make counts` does not take PROFILE, only these do: apply plan run-pipeline."),
        (["PORT=1"], "`make help` does not take PORT, only these do: apply plan run-pipeline."),
        (["test", "ENV=dev"], "`make test` does not take ENV"),
        (
            ["apply", "counts", "EMAIL=a@b.org"],
            "`make apply counts` does not take EMAIL, only these do: export forget.",
        ),
    ],
)
def test_a_knob_that_no_target_of_the_command_takes_is_refused_before_anything_is_run(
    folder: Folder, arguments: list[str], says: str
) -> None:
    (folder.path / ".venv" / ".ready").unlink()  # not even the set-up
    done = folder.make(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
    if "is not a knob" in says:
        assert all(knob in done.stderr for knobs in KNOBS.values() for knob in knobs)
    assert folder.calls() == []
    assert untouched(folder)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (
            "run-pipelin",
            "there is no target run-pipelin (did you mean run-pipeline?). Nothing was run. Run: make run-pipe",
        ),
        ("xyzzy", "there is no target xyzzy. Nothing was run. Run: make help"),
        ("a';touch touched;'", "there is no target a';touch touched;'. Nothing was run. Run: make help"),
    ],
)
def test_a_mistyped_target_is_told_with_the_nearest(folder: Folder, target: str, says: str) -> None:
    done = folder.make(target)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {says}" in done.stderr
    assert folder.calls() == []
    assert untouched(folder)


def test_a_knob_of_one_of_several_targets_is_taken(folder: Folder) -> None:
    assert folder.make("apply", "run-pipeline", "PLAN=x", "DATA=y").returncode == 0
    assert folder.calls() == ["apply", "run"]


@pytest.mark.parametrize("target", ["counts", "test", "clean"])
def test_what_the_environment_says_by_chance_does_not_reach_a_target_that_does_not_take_it(
    folder: Folder, target: str
) -> None:
    executable(folder.path / ".venv" / "bin" / "pytest")
    assert folder.make(target, PROFILE="strict", YES="1", PORT="80", KILLS="3", TERM="dumb").returncode == 0
    assert {"PROFILE", "YES", "PORT", "KILLS"} & folder.environment().keys() == set()
    assert folder.environment()["TERM"] == "dumb"


@pytest.mark.parametrize("value", ["py'thon $x#", "-n", 'a"b'])
def test_python_is_a_path_and_no_code(folder: Folder, value: str) -> None:
    (folder.path / ".venv" / ".ready").unlink()
    missing = folder.make("counts", f"PYTHON=./{value}")
    assert missing.returncode == 2
    assert f"error: ./{value} is not on the PATH" in missing.stderr
    executable(folder.path / value)
    assert folder.make("setup", PYTHON=f"./{value}").returncode == 0
    assert folder.calls() == ["-m lakehouse.set_up .venv/.ready requirements.txt requirements-terraform.txt"]


FULL = "-m lakehouse.set_up .venv/.ready requirements.txt requirements-terraform.txt"
ON_AWS = "-m lakehouse.set_up .venv-aws/.ready requirements-aws.txt requirements-terraform.txt"


@pytest.mark.parametrize(
    ("arguments", "environment", "sets_up"),
    [
        (["plan"], {}, FULL),
        (["plan", "ENV=local"], {}, FULL),
        (["plan"], {"ENV": ""}, FULL),
        (["plan", "ENV=dev"], {}, ON_AWS),
        (["apply", "run-pipeline"], {"ENV": "prod"}, ON_AWS),
        (["counts", "ENV=$(shell touch touched)%"], {}, ON_AWS),
        (["setup"], {"ENV": "dev"}, FULL),
        (["counts", "setup", "ENV=dev"], {}, FULL),
    ],
)
def test_only_commands_on_aws_do_without_the_embedded_aws(
    folder: Folder, arguments: list[str], environment: dict[str, str], sets_up: str
) -> None:
    (folder.path / ".venv" / ".ready").unlink()
    (folder.path / ".venv-aws" / "bin").mkdir(parents=True)
    for program in ("lakehouse", "python"):
        executable(folder.path / ".venv-aws" / "bin" / program)
    executable(folder.path / "python")
    assert folder.make(*arguments, PYTHON="./python", **environment).returncode == 0
    assert folder.calls()[0] == sets_up
    assert untouched(folder)


def test_commands_on_aws_use_the_full_environment_where_it_exists(folder: Folder) -> None:
    assert folder.make("-n", "plan", "ENV=dev").stdout == ".venv/bin/lakehouse plan\n"


def test_the_workflows_with_credentials_do_without_the_embedded_aws() -> None:
    on_aws = re.search(r"^on-aws := (.*)$", MAKEFILE, re.MULTILINE)
    assert on_aws
    names = ("plan", "apply", "drift")
    workflows = [
        *(ROOT / ".github/actions").glob("*/action.yml"),
        *(ROOT / f".github/workflows/{n}.yml" for n in names),
    ]
    called = {target for path in workflows for target in re.findall(r"\bmake ([a-z-]+) ENV=", path.read_text())}
    assert called == {"plan", "apply", "run-pipeline"}
    assert called <= set(on_aws[1].split())
    local_only = {"down", "rerun-job"}
    assert set(on_aws[1].split()) == {target for target, knobs in KNOBS.items() if "ENV" in knobs} - local_only


def test_no_recipe_mentions_a_knob() -> None:
    knobs = "|".join({"PYTHON", *(knob for knobs in KNOBS.values() for knob in knobs)})
    recipes = [line for line in MAKEFILE.splitlines() if line.startswith(("\t", "pytest"))]
    assert len(recipes) > 20
    assert not [line for line in recipes if re.search(rf"\$+[({{]?({knobs})\b", line)]


def test_the_knobs_of_a_target_are_those_that_its_command_reads() -> None:
    calls = {
        target: re.search(r"^\t@\$\(BIN\)/lakehouse (\w+)$", recipe, re.MULTILINE) for target, recipe in RECIPES.items()
    }
    called = {target: call[1] for target, call in calls.items() if call}
    assert len(called) >= 11
    for target, command in called.items():
        assert set(KNOBS[target]) == of_commands()[command], target


def test_help_explains_every_knob_and_names_those_of_each_target(folder: Folder) -> None:
    said = folder.make().stdout
    for target, knobs in KNOBS.items():
        assert re.search(rf"^  {target} .*\n +{' '.join(knobs)}$", said, re.MULTILINE), target
        for knob in knobs:
            assert re.search(rf"^  {knob} +\w", said, re.MULTILINE), knob


def test_help_groups_the_targets_by_subject(folder: Folder) -> None:
    said = folder.make().stdout
    groups = re.findall(r"^([A-Z][\w ]+)\n((?:  .*\n)+)", said[: said.index("\nKnobs")] + "\n", re.MULTILINE)
    targets = {subject: re.findall(r"^  ([a-z][\w-]*)", lines, re.MULTILINE) for subject, lines in groups}
    assert list(targets) == ["Set up", "Run", "Data", "Privacy", "Operate", "Develop"]
    assert targets["Run"] == ["run-pipeline", "logs", "runs", "rerun", "rollback", "compare"]
    assert targets["Privacy"] == ["forget", "export"]
    assert {"test", "test-unit", "rerun-job"} <= set(targets["Develop"])
    grouped = {target for names in targets.values() for target in names}
    assert grouped | {"help"} == set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE))


def test_a_job_run_is_named_by_a_knob(folder: Folder) -> None:
    assert folder.make("rerun-job", "RUN=jr_$(shell touch touched)").returncode == 0
    assert folder.calls() == ["rerun"]
    assert folder.environment()["RUN"] == "jr_$(shell touch touched)"
    assert untouched(folder)


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("test", "-m tests.run not slow tests/e2e tests/integration tests/unit"),
        ("test-slow", "-m tests.run slow tests/e2e tests/integration tests/unit"),
        ("test-unit", "-m tests.run not slow tests/unit"),
    ],
)
def test_tests_are_run_with_the_folders_that_tests_and_args_narrow(folder: Folder, target: str, call: str) -> None:
    assert folder.make(target, "ARGS=-k 'a b'").returncode == 0
    assert folder.calls() == [call]
    assert folder.environment()["ARGS"] == "-k 'a b'"
    refused = folder.make("test-unit", "TESTS=tests/e2e")
    assert "`make test-unit` does not take TESTS, only these do: test test-slow." in refused.stderr


def pytest_arguments(**environment: str) -> list[str]:
    arguments = pytest_command("not slow", ["tests/e2e", "tests/unit"], environment)
    assert environment == {}, "the tests inherit no knob"
    assert arguments[:4] == [sys.executable, "-m", "pytest", "--numprocesses"]
    return arguments[arguments.index("--no-loadscope-reorder") + 1 :]


def test_all_folders_are_tested_by_default() -> None:
    default = ["-m", "not slow", "tests/e2e", "tests/unit"]
    assert pytest_arguments() == pytest_arguments(TESTS="", ARGS=" ") == default


def test_tests_replace_the_folders_and_args_come_as_words_that_nothing_executes() -> None:
    assert pytest_arguments(TESTS="tests/unit/a.py::test_b 'tests/a b'", ARGS="-k 'not $(touch x)' -m slow -x") == [
        *("-m", "not slow", "-k", "not $(touch x)", "-m", "slow", "-x"),
        *("tests/unit/a.py::test_b", "tests/a b"),
    ]


def test_words_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(SystemExit, match=r"^error: ARGS=\"-k 'a\" cannot be split into words: .* Nothing was run\."):
        pytest_command("slow", [], {"ARGS": "-k 'a"})
