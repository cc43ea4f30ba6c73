"""`make query` and `make show`: what is asked of Athena, and how the answer is printed."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from lakehouse.athena import Athena, QueryError
from lakehouse.commands import query as query_commands
from lakehouse.console import Display
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import printed


def refused(message: str, code: str = "InvalidRequestException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "StartQueryExecution")


class FakeAthena:
    """Answers each query with the same rows, after the states that it is given."""

    def __init__(self, rows: list[list[str | None]], columns: list[str], *states: str, reason: str = "") -> None:
        self.rows, self.columns, self.reason = rows, columns, reason
        self.states = iter([*states, *["SUCCEEDED"] * 99])
        self.asked: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.refusal: ClientError | None = None

    def start_query_execution(self, **asked: Any) -> dict[str, str]:
        self.asked.append(asked)
        if self.refusal:
            raise self.refusal
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        state = next(self.states)
        if state == "interrupt":
            raise KeyboardInterrupt
        status = {"State": state} | ({"StateChangeReason": self.reason} if self.reason else {})
        return {"QueryExecution": {"Status": status, "Statistics": {"DataScannedInBytes": 1234}}}

    def stop_query_execution(self, **asked: str) -> None:
        self.stopped.append(asked["QueryExecutionId"])

    def get_paginator(self, _: str) -> FakeAthena:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        metadata = {"ColumnInfo": [{"Name": name} for name in self.columns]}
        rows = [{"Data": [{} if each is None else {"VarCharValue": each} for each in row]} for row in self.rows]
        for start in range(0, max(len(rows), 1), 2):
            yield {"ResultSet": {"ResultSetMetadata": metadata, "Rows": rows[start : start + 2]}}


ROWS: list[list[str | None]] = [["name", "n"], ["Ann [bold]", "1"], [None, "2"], ['say "x"', "3"]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, outputs: Outputs) -> FakeAthena:
    fake = FakeAthena(ROWS, ["name", "n"])
    monkeypatch.setattr(Athena, "of", lambda *_: Athena(fake, outputs, sleep=lambda _: None))
    monkeypatch.setattr(query_commands, "_names", lambda *_: ["customer_trusted"])
    return fake


@pytest.fixture
def terminal() -> Display:
    return Display(Console(file=io.StringIO(), width=100, highlight=False, force_terminal=True, color_system=None))


class TestAthena:
    def test_a_query_runs_in_the_engineers_workgroup_and_in_the_lakehouse(self, outputs: Outputs) -> None:
        fake = FakeAthena(ROWS, ["name", "n"], "QUEUED", "RUNNING")
        pauses: list[float] = []
        result = Athena(fake, outputs, pauses.append).query("SELECT 1")
        assert fake.asked == [
            {
                "QueryString": "SELECT 1",
                "WorkGroup": "stedi-local",
                "QueryExecutionContext": {"Catalog": "AwsDataCatalog", "Database": "stedi_local"},
            }
        ]
        assert (result.columns, list(result.rows), result.scanned) == (["name", "n"], ROWS[1:], 1234)
        assert len(pauses) == 2
        assert pauses[0] < pauses[1]

    def test_only_the_names_of_columns_are_left_out(self, outputs: Outputs) -> None:
        shown = Athena(FakeAthena([["people"], ["tab_name"]], ["tab_name"]), outputs).query("SHOW TABLES")
        assert list(shown.rows) == [["people"], ["tab_name"]]
        described = Athena(FakeAthena([["name    \tstring \t  "]], ["col_name", "data_type", "comment"]), outputs)
        assert list(described.query("DESCRIBE x").rows) == [["name", "string", ""]]
        assert list(Athena(FakeAthena([], []), outputs).query("ALTER").rows) == []

    @pytest.mark.parametrize(
        ("state", "reason", "says"),
        [
            ("FAILED", "COLUMN_NOT_FOUND: x", "The query failed: COLUMN_NOT_FOUND: x"),
            (
                "CANCELLED",
                "Bytes scanned limit was exceeded",
                "The query was cancelled: Bytes scanned limit was exceeded",
            ),
            ("FAILED", "", "The query failed: no reason was given"),
        ],
    )
    def test_the_reason_of_a_failure_is_the_message(self, outputs: Outputs, state: str, reason: str, says: str) -> None:
        with pytest.raises(QueryError, match=says):
            Athena(FakeAthena([], [], state, reason=reason), outputs).query("SELECT 1")

    def test_a_refused_query(self, outputs: Outputs) -> None:
        fake = FakeAthena([], [])
        fake.refusal = refused("line 1:1: mismatched input 'SELEKT'")
        with pytest.raises(QueryError, match="Athena refused the query: line 1:1: mismatched input 'SELEKT'"):
            Athena(fake, outputs).query("SELEKT")
        fake.refusal = refused("no", "AccessDeniedException")
        with pytest.raises(ClientError):
            Athena(fake, outputs).query("SELECT 1")

    def test_an_interrupted_query_is_stopped(self, outputs: Outputs) -> None:
        fake = FakeAthena([], [], "RUNNING", "interrupt")
        with pytest.raises(KeyboardInterrupt):
            Athena(fake, outputs, lambda _: None).query("SELECT 1")
        assert fake.stopped == ["q"]


class TestQuery:
    def test_a_pipe_gets_csv(
        self, fake: FakeAthena, environment_with: Callable[[Display], Environment], display: Display
    ) -> None:
        query_commands.query(environment_with(display), "SELECT name, n FROM x")
        assert printed(display) == 'name,n\nAnn [bold],1\n,2\n"say ""x""",3\n'

    def test_a_terminal_gets_a_table(
        self, fake: FakeAthena, environment_with: Callable[[Display], Environment], terminal: Display
    ) -> None:
        query_commands.query(environment_with(terminal), "SELECT name, n FROM x")
        lines = printed(terminal).splitlines()
        assert "│ Ann [bold] │ 1 │" in lines
        assert "│ null       │ 2 │" in lines
        assert lines[-1].startswith("3 rows, 0.0 s, 1,234 bytes scanned")

    def test_a_terminal_gets_no_more_than_it_can_show(
        self, fake: FakeAthena, environment_with: Callable[[Display], Environment], terminal: Display
    ) -> None:
        fake.rows = [["name", "n"], *[["x", str(number)] for number in range(query_commands.SHOWN_ROWS + 5)]]
        query_commands.query(environment_with(terminal), "SELECT name, n FROM x")
        assert "│ x    │ 999 │" in printed(terminal)
        assert "1000" not in printed(terminal)
        assert "first 1,000 rows" in printed(terminal)
        assert "make query SQL='…' > rows.csv" in printed(terminal)

    def test_standard_input_holds_queries(
        self,
        fake: FakeAthena,
        environment_with: Callable[[Display], Environment],
        display: Display,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1;\n\nSELECT\n2;\nSELECT 3"))
        query_commands.query(environment_with(display), " ")
        assert [asked["QueryString"] for asked in fake.asked] == ["SELECT 1;", "SELECT\n2;", "SELECT 3"]
        fake.states = iter(["FAILED"])
        monkeypatch.setattr(sys, "stdin", io.StringIO("SELEKT;\nSELECT 1;"))
        with pytest.raises(QueryError):
            query_commands.query(environment_with(display), "")
        assert len(fake.asked) == 4

    def test_a_prompt_goes_on_after_an_error(
        self,
        fake: FakeAthena,
        environment_with: Callable[[Display], Environment],
        terminal: Display,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        class Typed(io.StringIO):
            def isatty(self) -> bool:
                return True

        fake.states, fake.reason = iter(["FAILED", "interrupt", "SUCCEEDED"]), "COLUMN_NOT_FOUND: x"
        edited: list[tuple[Path, list[str]]] = []
        monkeypatch.setattr(query_commands, "_edit_lines", lambda *given: edited.append(given))
        monkeypatch.setattr(sys, "stdin", Typed("SELECT x;\nSELECT 1;\nSELECT 2;\nexit\nSELECT 3;\n"))
        query_commands.query(environment_with(terminal), "")
        assert "error: The query failed: COLUMN_NOT_FOUND: x" in printed(terminal)
        assert "Stopped." in printed(terminal)
        assert len(fake.asked) == 3
        (history, names), *_ = edited
        assert history == project.build / "query_history"
        assert {"SELECT", "customer_trusted"} <= set(names)

    def test_the_history_is_private_and_names_are_completed(self, tmp_path: Path) -> None:
        import readline  # noqa: PLC0415 - as the command does

        history = tmp_path / "build" / "query_history"
        query_commands._edit_lines(history, ["customer_trusted", "customers_curated", "SELECT"])
        assert stat.S_IMODE(history.stat().st_mode) == 0o600
        complete = readline.get_completer()
        assert complete
        assert [complete("CUST", state) for state in range(3)] == ["customer_trusted", "customers_curated", None]
        assert complete("sel", 0) == "SELECT"


class TestShow:
    @pytest.mark.parametrize(
        ("table", "sql"),
        [
            ("customer_trusted", 'SELECT * FROM "stedi_local"."customer_trusted" LIMIT 5'),
            (" Customer_Landing ", 'SELECT * FROM "stedi_local"."customer_landing" LIMIT 5'),
            ("pipeline_runs", 'SELECT * FROM "stedi_local_audit"."pipeline_runs" LIMIT 5'),
            ("quarantine", 'SELECT * FROM "stedi_local_audit"."quarantine" LIMIT 5'),
            ("customer_trusted$snapshots", 'SELECT * FROM "stedi_local"."customer_trusted$snapshots" LIMIT 5'),
        ],
    )
    def test_a_table_is_asked_for_in_its_database(
        self,
        fake: FakeAthena,
        environment_with: Callable[[Display], Environment],
        display: Display,
        table: str,
        sql: str,
    ) -> None:
        query_commands.show(environment_with(display), table, 5)
        assert [asked["QueryString"] for asked in fake.asked] == [sql]

    @pytest.mark.parametrize("table", ["", "customer_trustd", 'x" UNION SELECT 1 --'])
    def test_a_table_that_is_none_of_the_lakehouse_is_refused(
        self, fake: FakeAthena, environment_with: Callable[[Display], Environment], display: Display, table: str
    ) -> None:
        with pytest.raises(LakehouseError, match=r"is not a table of the lakehouse\.") as caught:
            query_commands.show(environment_with(display), table, 5)
        assert ("Did you mean customer_trusted?" in str(caught.value)) == (table == "customer_trustd")
        assert "Run: make show TABLE=customer_" in str(caught.value)
        assert fake.asked == []
