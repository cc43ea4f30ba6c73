"""The command line, which the Makefile's targets call: a command, and its knobs in the environment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup, TyperOption

from lakehouse import private
from lakehouse import sample as sample_data
from lakehouse.console import Display
from lakehouse.errors import CommandInterruptedError, LakehouseError, in_words
from lakehouse.pipeline import Operator
from lakehouse.project import LOCAL, Project
from lakehouse.tables import PROFILES

INTERRUPTED = 130  # as a shell says it of SIGINT

# The knobs of the Makefile, each with a flag for direct use. An error quotes the help of its knob.
Env = Annotated[
    str, typer.Option("--env", envvar="ENV", help="Environment: local, or a folder of terraform/environments.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="DATA", help="Folder of landing data; locally the sample if not given."),
]
ProfileOption = Annotated[
    Literal["published", "consent_date", "strict"] | None,
    typer.Option("--profile", envvar="PROFILE", help=f"Policies of the jobs: {', '.join(PROFILES)}."),
]
Port = Annotated[
    int,
    typer.Option(
        "--port", envvar="PORT", min=0, max=65535, help="Port of the embedded AWS: 1 to 65535, or 0 for a free one."
    ),
]
Plan = Annotated[Path | None, typer.Option("--plan", envvar="PLAN", help="File of a saved plan.")]
Email = Annotated[str, typer.Option("--email", envvar="EMAIL", help="Address of the person.")]
Emails = Annotated[
    Path | None, typer.Option("--emails", envvar="EMAILS", help="File of the addresses of several people, one a line.")
]
Accept = Annotated[
    str,
    typer.Option(
        "--accept", envvar="ACCEPT", help="Names of objects, with commas between, that need not be looked into."
    ),
]
Number = Annotated[str, typer.Option("--number", envvar="NUMBER", help="Number of a file, as a message gives it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", envvar="DRY_RUN", help="1 looks and changes nothing; else 0.")]
Yes = Annotated[bool, typer.Option("--yes", envvar="YES", help="1 lets the command go on without a question; else 0.")]


class _Commands(TyperGroup):
    """The commands; a bad value that came from the environment is reported as the knob's, not as the flag's."""

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
            raise LakehouseError(
                f"{option.envvar}={value!r} is not valid, so nothing was done. {option.envvar}: {option.help}"
            ) from error


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
    env: Env = LOCAL, profile: ProfileOption = None, plan: Plan = None, port: Port = 0, *, yes: Yes = False
) -> None:
    """Provision the lakehouse with Terraform, by a saved plan if given; locally start the embedded AWS if need be."""
    _operator(env, port).apply(profile, _confirmation(yes), plan)


@app.command()
def plan(env: Env = LOCAL, profile: ProfileOption = None, plan: Plan = None, port: Port = 0) -> None:
    """Show what `apply` would change; save that plan, and its text beside it, if a file is given."""
    _operator(env, port).plan(profile, plan)


@app.command()
def destroy(env: Env = LOCAL, *, yes: Yes = False) -> None:
    """Destroy everything that Terraform made."""
    _operator(env).destroy(_confirmation(yes))


@app.command()
def down(env: Env = LOCAL) -> None:
    """Stop the embedded AWS and remove all data that it held; the generated sample and the reports stay."""
    _operator(env).down()


@app.command()
def run(env: Env = LOCAL, data: Data = None, profile: ProfileOption = None, port: Port = 0) -> None:
    """Run the five jobs and print the row counts; locally apply and upload the landing data first."""
    _operator(env, port).run(data, profile)


@app.command()
def landing(env: Env = LOCAL, data: Data = None, *, yes: Yes = False) -> None:
    """Make the landing zone hold exactly a folder's data."""
    _operator(env).landing(data, _confirmation(yes))


@app.command()
def counts(env: Env = LOCAL) -> None:
    """Print the row counts of the tables as they are now."""
    _operator(env).counts()


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
    """Erase a person or several everywhere, verify it, and write a report that holds no personal data."""
    accepted = [name for part in accept.split(",") if (name := part.strip())]
    _operator(env).forget(email, _confirmation(yes), dry_run=dry_run, file=emails, accept=accepted)


@app.command()
def export(email: Email = "", env: Env = LOCAL) -> None:
    """Write everything that is held about a person to a file, each thing with its source."""
    _operator(env).export(email)


@app.command()
def name(number: Number = "", env: Env = LOCAL) -> None:
    """Tell the name of a file that a message gives by its number."""
    _operator(env).name(number)


@app.command()
def sample(
    out: Annotated[Path | None, typer.Option(help="Folder to write; the one that `run` takes if not given.")] = None,
    customers: Annotated[
        int, typer.Option(min=1, help="Customers, each with an address of its own.")
    ] = sample_data.CUSTOMERS,
    readings_per_customer: Annotated[
        int, typer.Option(min=1, help="Instants at which each customer's sensors measure.")
    ] = sample_data.READINGS_PER_CUSTOMER,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = sample_data.SEED,
) -> None:
    """Generate landing data with the known defects, and the row counts that it must give."""
    folder = out or Project.at(Path.cwd(), LOCAL).sample
    display = Display()
    with display.step(f"Sample data in {folder}") as tell:
        expected = sample_data.generate(
            folder, seed=seed, customers=customers, readings_per_customer=readings_per_customer
        )
        landing_rows = {table: rows for table, rows in expected[PROFILES[0]].items() if table.endswith("_landing")}
        tell(", ".join(f"{rows:,} {table}" for table, rows in landing_rows.items()))


def main() -> None:
    """Run a command: an error that has been foreseen becomes one message and exit code 1."""
    os.umask(private.UMASK)
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, _interrupt)
    try:
        app()
    except CommandInterruptedError as interrupted:
        _fail(str(interrupted), code=INTERRUPTED)
    except LakehouseError as error:
        _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        _fail(f"AWS did not do what it was asked: {error}")
    except OSError as error:
        _fail(in_words(error))


def _operator(env: str, port: int = 0) -> Operator:
    project = Project.at(Path.cwd(), env)
    private.folder(project.root / "build")
    return Operator(project, Display(), port)


def _confirmation(yes: bool) -> Callable[[str], bool]:
    """Return what asks the operator before something is changed."""

    def confirm(question: str) -> bool:
        if not (yes or sys.stdin.isatty()):
            raise LakehouseError(
                f"{question} There is no terminal to answer on, so nothing was changed. "
                "If it is meant, give the same command with YES=1."
            )
        return yes or typer.confirm(question)

    return confirm


def _fail(message: str, code: int = 1) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
