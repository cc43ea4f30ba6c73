"""What has changed since a table was published, and so which rows its job has to compute.

All of them; or only those that inputs have gained, which are added to the published rows (see `growth`); or none, if
all that decides the rows is as it was (see `derivation`). What inputs decide about people may have changed all the
same, if no row of before mentions them (see `decisions`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pyspark.sql import DataFrame

import decisions
import derivation
import growth
import kept_rows
import landing_rules
import lineage
import pipeline
from decisions import Decisions
from growth import Gained, Period
from iceberg import MAIN, Snapshot
from inputs import Inputs, usable_rows
from job_run import JobRun


@dataclass(frozen=True)
class Undecided:
    """Changes of inputs that matter only by what the job decides about people, before it has decided."""

    published: Snapshot
    part: str
    """The first such input."""
    then: Decisions
    """What was decided about the published rows."""
    states: dict[str, str]
    """The states of all that would decide about the rows now."""


class Changes:
    """What has changed since the table of a job run was published; nothing is known before `compare`."""

    def __init__(self, run: JobRun, inputs: Inputs) -> None:
        self._run, self._inputs = run, inputs
        self.grows_with: Mapping[str, str] = pipeline.TABLES[run.writes].get("grows_with", {})
        """The time column of each input that may gain rows."""
        self.adds_to: Snapshot | None = None
        """The published snapshot, if its rows stay and the job adds those that its inputs have gained."""
        self.gained: dict[str, Gained] = {}
        """What each input has gained, if the job adds that."""
        self.is_decided_anew = False
        """Whether something else was decided about people, but about none whom a published row mentions."""
        self.same_rows_as: str | None = None
        """The derivation of the published rows, if these are the same although something else decides them now."""
        self._period = Period(None, None)
        self._undecided: Undecided | None = None
        self._decides: Callable[[], Decisions] | None = None

    def compare(self) -> Snapshot | None:
        """Compare what decides the rows with what decided the published ones; return their snapshot if all is the same.

        What decides the rows is used for that as the job itself does; of each landing table, what is new is parsed.
        """
        of_all_jobs = {
            derivation.CODE: derivation.of_code(self._run.writes),
            derivation.POLICIES: derivation.digest(self._run.policies.to_json()),
        }
        self._inputs.note_only(of_all_jobs)
        if (published := self._comparable()) is None:
            return None
        unchanged = None
        if changed := self._other_change_since(published):
            self._compute_anew(changed)
        elif not self._undecided:
            unchanged = self._build_on(published)
        if unchanged is None:
            self._inputs.note_only(of_all_jobs)
        return unchanged

    def _comparable(self) -> Snapshot | None:
        """Return the published snapshot; None if there is none, or if the run has to compute all rows anyway."""
        run, table = self._run, self._run.table(self._run.writes)
        published = table.snapshot()
        if (
            published is None
            or not run.arguments.workflow_run_id  # whoever starts a job by hand wants it to run
            or run.facts.rebuild
            or run.arguments.audit == "exhaustive"
            or published.committed_at > run.now
            or lineage.derivation(published.report) is None
            or not table.has_schema_of(published)
        ):
            return None
        return published

    def _compute_anew(self, changed: str) -> None:
        print(f"{self._run.writes}: computed anew, since this has changed: {changed}", flush=True)
        self.gained = {}

    def _build_on(self, published: Snapshot) -> Snapshot | None:
        """Let the job add to the published rows if inputs have gained some; otherwise return their snapshot."""
        if not self.gained:
            return published
        if grown := [source for source, gained in self.gained.items() if gained.read]:
            print(f"{self._run.writes}: rows are added, since {' and '.join(grown)} only gained some", flush=True)
        else:
            print(f"{self._run.writes}: the rows stay, since nothing else is decided about them", flush=True)
        self.adds_to = published
        return None

    def _other_change_since(self, published: Snapshot) -> str | None:
        """Find what inputs have gained since a snapshot; return the first part that has changed in any other way.

        Unless it may matter only by decisions that the job has not told yet.
        """
        deciding = derivation.deciding(lineage.derived_from(published.report), self._run.accounts_for)
        first, then = "", None
        grown = {}
        for part in self._changed_parts(published):
            if part in deciding:
                if then is None and (then := self._decided_about(published)) is None:
                    return part
                first = first or part
            elif (gained := self._gained_by(part, published)) is None:
                return part
            else:
                grown[part.partition(".")[2]] = gained
        if grown and (other := self._find_old_partners(grown)):
            return other
        self.gained = grown
        if then is not None:
            self._undecided = Undecided(published, first, then, dict(self._inputs.states))
        return None

    def _changed_parts(self, published: Snapshot) -> Iterator[str]:
        """Return the parts of what decided the published rows that have another state now."""
        then = lineage.derived_from(published.report)
        for part in derivation.in_order(then):
            if self._inputs.state_of(part, then[part]) != then[part]:
                yield part
        written = published.report[lineage.BESIDE].split(",")
        for name, snapshot in self._run.published_beside().items():
            has_rows = snapshot is not None and snapshot.rows
            if (has_rows or name in written) and not goes_with(snapshot, published):
                yield f"{derivation.TABLE}{name}"

    def _decided_about(self, published: Snapshot) -> Decisions | None:
        """Return what was decided about people when a snapshot was made; None if that is unknown."""
        name = derivation.of_decisions(lineage.derived_from(published.report), self._run.accounts_for)
        found = kept_rows.DECISIONS.load(self._run.bucket, name)
        return None if found is None else set(found)

    def _gained_by(self, part: str, published: Snapshot) -> Gained | None:
        """Return the rows that an input has gained since a snapshot was made from it; None if more has changed."""
        kind, dot, table = part.partition(".")
        if table not in self.grows_with:
            return None
        report = published.report
        if kind + dot == derivation.LANDING:
            kept, parsed = self._inputs.landing[table]
            batches = report.get(f"{lineage.PARSED_BATCHES}{table}", "").split(",")
            state = lineage.derived_from(report)[part]
            found = kept.added(parsed, batches, state, landing_rules.of(table, now=self._run.now))
            if found is None:
                return None
            old, new = found
            read = new.usable + sum(new.reasons.values())
            return Gained(usable_rows(new, table), read, new.reasons, before=lambda: usable_rows(old, table))
        if (added_rows := self._added_rows(table, published)) is None:
            return None
        source, snapshot_id = self._run.table(table), lineage.inputs(report)[table]

        def before() -> DataFrame:
            return source.read_snapshot(snapshot_id) if source.has(snapshot_id) else self._inputs.whole[table]

        read = self._inputs.rows_read[table] - int(report[f"rows-read.{table}"])
        return Gained(added_rows, read, {}, before=before)

    def _added_rows(self, table: str, published: Snapshot) -> DataFrame | None:
        """Return the rows that an input table has gained since a snapshot was made of it; None if more has changed."""
        source, branch = self._run.table(table), self._run.branch
        snapshot_id = lineage.inputs(published.report)[table]
        return source.added_since(snapshot_id, branch if branch in source.branches() else MAIN)

    def _find_old_partners(self, grown: dict[str, Gained]) -> str | None:
        """Find the time that rows gained cover, and of pairs the input of which not all rows of that time are new."""
        self._period = growth.period({source: gained.rows for source, gained in grown.items()}, self.grows_with)
        if self._run.pairs:
            # A row may have a partner among all rows of its time, so all of these must be new.
            for source in self.grows_with:
                rows = self.of_period(self._inputs.whole[source], source)
                gained = replace(grown.get(source) or self._no_gain(source), rows=rows)
                if rows.count() != gained.read:
                    return f"{derivation.TABLE}{source}"
                grown[source] = gained
        return None

    def _no_gain(self, source: str) -> Gained:
        """Return what an input that has only the rows of before has gained."""
        whole = self._inputs.whole
        return Gained(whole[source].limit(0), 0, {}, before=partial(whole.__getitem__, source))

    def of_period(self, rows: DataFrame, table: str | None = None) -> DataFrame:
        """Keep the rows of the time that the rows gained cover; by default rows of the table that the job writes."""
        return rows.where(self._period.covers(self.grows_with[table or self._run.accounts_for[0]]))

    def new_rows(self, table: str) -> DataFrame:
        """Return the rows of an input that the job has to look at: those that it has gained, or all.

        Raises a RuntimeError if that depends on what the job has not decided yet.
        """
        if self._undecided and table in self.grows_with:
            raise RuntimeError(f"The job that writes {self._run.writes} reads {table} before it calls decide().")
        return self.gained[table].rows if table in self.gained else self._inputs.whole[table]

    def added_to(self, table: str) -> DataFrame | None:
        """Return what a table that decides has gained (see `Job.added_to`)."""
        if not (undecided := self._undecided):
            return None
        then = lineage.derived_from(undecided.published.report)
        deciding = derivation.deciding(then, self._run.accounts_for)
        changed = [part for part in deciding if undecided.states[part] != then[part]]
        return self._added_rows(table, undecided.published) if changed == [f"{derivation.TABLE}{table}"] else None

    def decide(self, source: str, rows: DataFrame, added: DataFrame | None) -> Snapshot | None:
        """Compare decisions about people (see `Job.decide`).

        Returns the published snapshot if its rows are all that there are to publish.
        """
        self._decides = lambda: decisions.of(source, rows)
        if not (undecided := self._undecided):
            return None
        now = decisions.of(source, rows) if added is None else undecided.then | decisions.of(source, added)
        self._undecided, self._decides = None, lambda: now
        others = decisions.changed(undecided.then, now)
        before = self.gained[source].before() if source in self.gained else self._inputs.whole[source]
        if decisions.concern(others, source, before, known={person for person, _ in undecided.then}):
            self._compute_anew(undecided.part)
            return None
        self.is_decided_anew = True
        for name in self.grows_with:  # also if none has gained any: rules are checked of what was decided now
            self.gained.setdefault(name, self._no_gain(name))
        if not self.gained:
            self.same_rows_as = lineage.derivation(undecided.published.report)
            self._inputs.note_only({**undecided.states, **self._inputs.states})
            self.keep_decisions()
        return self._build_on(undecided.published)

    def keep_decisions(self) -> None:
        """Keep what was decided for the next run, unless it is what was decided about the published rows."""
        run = self._run
        name = derivation.of_decisions(self._inputs.states, run.accounts_for)
        then = lineage.derived_from(self.adds_to.report) if self.adds_to else {}
        if self._decides and not run.facts.compares and name != derivation.of_decisions(then, run.accounts_for):
            run.lease.check()
            kept_rows.DECISIONS.keep(run.bucket, name, sorted(self._decides()))


def goes_with(beside: Snapshot | None, snapshot: Snapshot) -> bool:
    """Tell whether the snapshot of a table beside another was made from the same as a snapshot of the other."""
    return beside is not None and lineage.derived_from(beside.report) == lineage.derived_from(snapshot.report)
