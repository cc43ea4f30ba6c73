"""The command line. The Makefile's targets call it, with their knobs as environment variables."""

from __future__ import annotations

import difflib
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

from lakehouse import private_files
from lakehouse import sample as sample_data
from lakehouse.commands import analyst as analyst_commands
from lakehouse.commands import compare as compare_command
from lakehouse.commands import data as data_commands
from lakehouse.commands import debugging, deployment, job_logs, pipeline_run, privacy, run_report, scheduling
from lakehouse.commands import query as query_commands
from lakehouse.commands import rerun as rerun_command
from lakehouse.commands import rollback as rollback_command
from lakehouse.commands import runs as run_commands
from lakehouse.console import Display
from lakehouse.environments import Confirm, Environment, open_environment
from lakehouse.errors import CommandInterruptedError, LakehouseError, WrongKnobError, describe_os_error
from lakehouse.landing_bucket import S3Folder
from lakehouse.landing_input import landing_rows
from lakehouse.next_command import typed, with_next_command
from lakehouse.project import LOCAL, Project
from lakehouse.run_ids import short
from lakehouse.tables import PROFILES

INTERRUPTED = 130  # a shell's exit code for SIGINT
OUTPUTS = ("text", "json")
KNOWN = {"PROFILE": PROFILES, "OUTPUT": OUTPUTS}


def _profile(name: str) -> str:
    """Return the name of a profile that policies.json declares."""
    if name not in PROFILES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(PROFILES)}.")
    return name


def _data(name: str) -> Path | S3Folder:
    """Return the folder of landing data, here or in a bucket."""
    return S3Folder.parse(name) or Path(name)


def _output(name: str) -> str:
    """Return the name of a form of output."""
    if name not in OUTPUTS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(OUTPUTS)}.")
    return name


# The knobs of the Makefile, each with an option for direct use. An error message quotes the help text of its knob.
Env = Annotated[
    str, typer.Option("--env", envvar="ENV", help="Environment: local, or a folder in terraform/environments.")
]
Data = Annotated[
    Any,  # Path | S3Folder | None, which typer cannot derive a parser from
    typer.Option(
        "--data",
        envvar="DATA",
        parser=_data,
        metavar="<folder>",
        help="Folder of landing data, or s3://bucket/prefix; by default a generated sample (ENV=local only).",
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        envvar="PROFILE",
        parser=_profile,
        metavar="<profile>",
        help=f"Consent policies of the jobs: {', '.join(PROFILES)}.",
    ),
]
Port = Annotated[
    int,
    typer.Option(
        "--port", envvar="PORT", min=0, max=65535, help="Port of the embedded AWS: 1 to 65535, or 0 for a free one."
    ),
]
Plan = Annotated[Path | None, typer.Option("--plan", envvar="PLAN", help="File of a saved Terraform plan.")]
Email = Annotated[str, typer.Option("--email", envvar="EMAIL", help="E-mail address of the person.")]
Emails = Annotated[
    Path | None,
    typer.Option("--emails", envvar="EMAILS", help="File of e-mail addresses of several people, one per line."),
]
Accept = Annotated[
    str,
    typer.Option("--accept", envvar="ACCEPT", help="Keys of objects that need not be searched, separated by commas."),
]
Number = Annotated[str, typer.Option("--number", envvar="NUMBER", help="Number of a file, as in a message: file-...")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", envvar="DRY_RUN", help="1 searches and changes nothing; otherwise 0.")
]
Rebuild = Annotated[
    bool,
    typer.Option("--rebuild", envvar="REBUILD", help="1 parses all landing files anew; 0 only those that are new."),
]
Sql = Annotated[str, typer.Option("--sql", envvar="SQL", help="Query in Athena's SQL.")]
TableName = Annotated[
    str, typer.Option("--table", envvar="TABLE", help="Table of the lakehouse, such as customer_trusted.")
]
Limit = Annotated[int, typer.Option("--limit", envvar="LIMIT", min=1, help="Number of rows: 1 or more.")]
LoggedJob = Annotated[str, typer.Option("--job", envvar="JOB", help="Job, such as customer_landing_to_trusted.")]
LoggedRun = Annotated[
    str, typer.Option("--run", envvar="RUN", help="Id of a run or its beginning: wr_... or, of one job, jr_...")
]
Follow = Annotated[
    bool, typer.Option("--follow", envvar="FOLLOW", help="1 goes on until the run has ended; otherwise 0.")
]
JobRunId = Annotated[str, typer.Option("--run", envvar="RUN", help="Id of a local job run: jr_...")]
RunId = Annotated[
    str,
    typer.Option("--run", envvar="RUN", help="Id of a run, the beginning of one, or latest; `make runs` lists them."),
]
With = Annotated[
    str, typer.Option("--with", envvar="WITH", help="Id of the run to compare RUN with; by default the latest.")
]
Profiles = Annotated[
    str, typer.Option("--profiles", envvar="PROFILES", help=f"Two of {', '.join(PROFILES)}, separated by a comma.")
]
Cron = Annotated[
    str, typer.Option("--cron", envvar="CRON", help="Six fields of AWS's cron in UTC, such as 0 3 * * ? *; or none.")
]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        envvar="OUTPUT",
        parser=_output,
        metavar="<output>",
        help="text for people, or json: one event per line, for machines.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", envvar="YES", help="1 answers every question with yes; otherwise 0.")]


class _Commands(TyperGroup):
    """The commands; an invalid value from the environment is reported under the name of the knob."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            option = error.param
            if not (error.ctx and isinstance(option, TyperOption) and isinstance(option.envvar, str)):
                raise
            source = error.ctx.get_parameter_source(option.name)
            if source is None or source.name != "ENVIRONMENT":
                raise
            value = os.environ[option.envvar]
            message = f"{option.envvar}={value!r} is not valid, so nothing was done. {option.envvar}: {option.help}"
            if known := KNOWN.get(option.envvar):
                near = difflib.get_close_matches(value, known, 1)
                raise WrongKnobError(message, option.envvar, near[0] if near else known[0]) from error
            raise LakehouseError(f"{message} Correct it and run the command again.") from error


app = typer.Typer(
    name="lakehouse",
    cls=_Commands,
    help="Operate the STEDI lakehouse, on AWS or on the embedded AWS of this machine (ENV=local, the default).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def apply(
    env: Env = LOCAL,
    profile: ProfileOption = None,
    plan: Plan = None,
    port: Port = 0,
    output: Output = OUTPUTS[0],
    *,
    yes: Yes = False,
) -> None:
    """Provision the lakehouse with Terraform, from a saved plan if given; locally start the embedded AWS first."""
    deployment.apply(_environment(env, port, output), profile, _confirmation(yes), plan)


@app.command()
def plan(env: Env = LOCAL, profile: ProfileOption = None, plan: Plan = None, port: Port = 0) -> None:
    """Show what `apply` would change; save the plan, and its text beside it, if a file is given."""
    deployment.plan(_environment(env, port), profile, plan)


@app.command()
def destroy(env: Env = LOCAL, *, yes: Yes = False) -> None:
    """Destroy everything that Terraform created."""
    deployment.destroy(_environment(env), _confirmation(yes))


@app.command()
def down(env: Env = LOCAL) -> None:
    """Stop the embedded AWS and remove its data; the generated sample and the reports stay."""
    deployment.down(_environment(env))


@app.command()
def run(
    env: Env = LOCAL,
    data: Data = None,
    profile: ProfileOption = None,
    port: Port = 0,
    output: Output = OUTPUTS[0],
    *,
    rebuild: Rebuild = False,
) -> None:
    """Run the five jobs and print the row counts; locally apply and upload the landing data first."""
    pipeline_run.run(_environment(env, port, output), data, profile, rebuild=rebuild)


@app.command()
def landing(env: Env = LOCAL, data: Data = None, output: Output = OUTPUTS[0], *, yes: Yes = False) -> None:
    """Make the landing zone hold exactly the data of a folder, or of another bucket."""
    data_commands.replace_landing_zone(_environment(env, output=output), data, _confirmation(yes))


@app.command()
def counts(env: Env = LOCAL, output: Output = OUTPUTS[0]) -> None:
    """Print the row counts of the tables as they are now."""
    data_commands.counts(_environment(env, output=output))


@app.command()
def report(env: Env = LOCAL, run: RunId = "") -> None:
    """Write the report of a run, by default the latest, as one HTML file, and open it."""
    run_report.report(_environment(env), run)


@app.command()
def query(env: Env = LOCAL, sql: Sql = "") -> None:
    """Run a query through Athena; without one, read queries from a prompt or standard input."""
    query_commands.query(_environment(env), sql)


@app.command()
def show(env: Env = LOCAL, table: TableName = "", limit: Limit = 20) -> None:
    """Print the first rows of a table, through Athena."""
    query_commands.show(_environment(env), table, limit)


@app.command()
def analyst(env: Env = LOCAL) -> None:
    """Write credentials of the analysts' role to analyst.env, or on AWS say how to assume it."""
    analyst_commands.become_analyst(_environment(env))


@app.command()
def schedule(env: Env = LOCAL, cron: Cron = "") -> None:
    """Write the schedule of the pipeline into the committed file of an environment."""
    scheduling.schedule(_environment(env), cron)


@app.command()
def runs(env: Env = LOCAL, run: RunId = "", limit: Limit = 20) -> None:
    """List the last runs with their data, rows, cost and state; with --run show one with its drop reasons."""
    run_commands.runs(_environment(env), run, limit)


@app.command()
def resume(env: Env = LOCAL, run: RunId = "") -> None:
    """Continue a failed run, by default the latest, from its failed job on, if its inputs have not changed."""
    rerun_command.rerun(_environment(env), run)


@app.command()
def rollback(env: Env = LOCAL, run: RunId = "", *, yes: Yes = False) -> None:
    """Put all tables back to the snapshots of an earlier run, as one consistent set."""
    rollback_command.rollback(_environment(env), run, _confirmation(yes))


@app.command()
def compare(env: Env = LOCAL, run: RunId = "", with_: With = "", profiles: Profiles = "") -> None:
    """Compare two runs, or what two profiles would give: rows by reason, customers, pairs of two people."""
    compare_command.compare(_environment(env), run, with_, profiles)


@app.command()
def forget(
    email: Email = "",
    emails: Emails = None,
    accept: Accept = "",
    env: Env = LOCAL,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Erase one or several people everywhere, verify it, and write a report without personal data."""
    accepted = [name for part in accept.split(",") if (name := part.strip())]
    environment = _environment(env)
    privacy.forget(environment, email, _confirmation(yes), dry_run=dry_run, file=emails, accept=accepted)


@app.command()
def export(email: Email = "", env: Env = LOCAL) -> None:
    """Write all data about a person to a file, each item with its source."""
    privacy.export(_environment(env), email)


@app.command()
def name(number: Number = "", env: Env = LOCAL) -> None:
    """Print the name of a file that a message refers to by its number."""
    data_commands.name(_environment(env), number)


@app.command()
def logs(
    job: LoggedJob = "",
    run: LoggedRun = "",
    env: Env = LOCAL,
    output: Output = OUTPUTS[0],
    *,
    follow: Follow = False,
) -> None:
    """Print the logs of the jobs of a run, by default of the last one, also while it is in progress."""
    job_logs.logs(_environment(env, output=output), job, run, follow=follow)


@app.command()
def rerun(env: Env = LOCAL, run: JobRunId = "") -> None:
    """Run a job of a local run again from its work folder, with the output on the terminal."""
    debugging.rerun_job(_environment(env), run)


@app.command()
def sample(
    out: Annotated[Path | None, typer.Option(help="Folder to write; by default the one that `run` reads.")] = None,
    customers: Annotated[
        int, typer.Option(min=1, help="Customers, each with an e-mail address of their own.")
    ] = sample_data.CUSTOMERS,
    readings_per_customer: Annotated[
        int, typer.Option(min=1, help="Instants at which the sensors of each customer measure.")
    ] = sample_data.READINGS_PER_CUSTOMER,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = sample_data.SEED,
) -> None:
    """Generate landing data with known defects, and its expected row counts."""
    folder = out or Project.at(Path.cwd(), LOCAL).sample
    display = Display()
    with display.step(f"Sample data in {folder}") as tell:
        expected = sample_data.generate(
            folder, seed=seed, customers=customers, readings_per_customer=readings_per_customer
        )
        tell(landing_rows(expected))


def main() -> None:
    """Run a command; an expected error becomes one message and exit code 1."""
    os.umask(private_files.UMASK)
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, _interrupt)
    try:
        app()
    except CommandInterruptedError as interrupted:
        _fail(str(interrupted), code=INTERRUPTED)
    except WrongKnobError as error:
        _fail(f"{error} Run: {_command(**{error.knob: error.meant})}")
    except LakehouseError as error:
        _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        _fail(f"AWS refused a request, or did not answer: {error}. Check the account: aws sts get-caller-identity")
    except OSError as error:
        _fail(describe_os_error(error))


_used: list[Environment] = []
"""The environment of the command, once it is known: an error is told to its display too."""


def _environment(env: str, port: int = 0, output: str = OUTPUTS[0]) -> Environment:
    project = Project.at(Path.cwd(), env)
    private_files.secure_folder(project.root / "build")
    _used[:] = [open_environment(project, Display(machine=output == "json"), port)]
    return _used[0]


def _confirmation(yes: bool) -> Confirm:
    """Return the function that asks the operator before a change."""

    def confirm(question: str) -> bool:
        if not (yes or sys.stdin.isatty()):
            raise LakehouseError(
                f"{question} Standard input is not a terminal, so nothing was changed. "
                "To answer yes, run the same command with YES=1."
            )
        return yes or typer.confirm(question, err=True)

    return confirm


def _fail(message: str, code: int = 1) -> NoReturn:
    message = short(with_next_command(message, _command()))
    with suppress(OSError):  # if nobody reads the output any more, that is the error
        for environment in _used:
            message = environment.in_fresh_shell(message)
            environment.display.tell_event("error", None, message=message, exit_code=code)
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _command(**instead: str) -> str:
    """Return the command as it was typed, with other values of some knobs."""
    group = get_command(app)
    commands = group.commands if isinstance(group, TyperGroup) else {}
    parameters = commands[sys.argv[1]].params if sys.argv[1:2] and sys.argv[1] in commands else []
    knobs = {
        option.envvar for option in parameters if isinstance(option, TyperOption) and isinstance(option.envvar, str)
    }
    return typed(sys.argv, os.environ, knobs, instead)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
