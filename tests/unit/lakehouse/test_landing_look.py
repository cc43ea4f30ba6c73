"""Landing data that no job could use is refused at once; the forms that jobs read are not."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from lakehouse.console import Display
from lakehouse.errors import DataError
from lakehouse.landing import find
from lakehouse.landing_look import HEAD, look
from tests.support.operator_fakes import printed

DDL = Path(__file__).resolve().parents[3] / "ddl"
GOOD = {
    "customer": {"email": "a@x.org", "serialNumber": "s"},
    "accelerometer": {"user": "a@x.org", "timestamp": 1, "x": 0.5},
    "step_trainer": {"sensorReadingTime": 1, "serialNumber": "s"},
}
ROW = json.dumps(GOOD["customer"])


@pytest.fixture
def terminal() -> Display:
    return Display(Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None))


@pytest.fixture
def folder(landing_folder: Path) -> Path:
    for entity, record in GOOD.items():
        (landing_folder / entity / "landing" / f"{entity}.json").write_text(json.dumps(record) + "\n")
    return landing_folder


def looked_at(folder: Path, display: Display, content: bytes | str, name: str = "customer.json") -> str:
    """Return the error about a file of customers, or nothing."""
    data = content.encode() if isinstance(content, str) else content
    (folder / "customer" / "landing" / name).write_bytes(data)
    try:
        look(DDL, display, find(folder).files)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "content",
    [
        ROW,
        f"{ROW}\n{ROW}\n",
        f"{ROW},\n{ROW},\n",
        f"{ROW}{ROW}",
        f"[{ROW},{ROW}]",
        f"[\n{ROW},\n{ROW}\n]",
        json.dumps(GOOD["customer"], indent=2),
        json.dumps([GOOD["customer"]] * 2, indent=2),
        f"\ufeff{ROW}",
        f"half a reco\n{ROW}\n",
        "\n" * 9,
        '{"email": "' + "a" * HEAD,  # its first record is longer than the look
    ],
)
def test_each_form_that_the_jobs_read_is_taken(folder: Path, display: Display, content: str) -> None:
    assert looked_at(folder, display, content) == ""
    (folder / "customer" / "landing" / "customer.json").unlink()
    assert looked_at(folder, display, gzip.compress(content.encode()), "customer.json.gz") == ""
    assert printed(display) == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("customerName;email\nAnn;a@x.org\n", "line 1: this is not a JSON object (Expecting value). Nothing was upl"),
        ("<html>", "line 1: this is not a JSON object"),
        ("[1, 2]", "line 1: this is not a JSON object."),
        (
            json.dumps(GOOD["accelerometer"]),
            "line 1: this object has none of the columns birthday, customername, email,",
        ),
        (ROW.encode("utf-16"), "line 1: this is not UTF-8 text."),
    ],
)
def test_data_without_a_record_is_refused(folder: Path, display: Display, content: str | bytes, says: str) -> None:
    error = looked_at(folder, display, content)
    assert error.startswith(f"{folder / 'customer' / 'landing' / 'customer.json'}, {says}")
    assert error.endswith("or name another folder, and run the command again.")
    assert "Ann" not in error


def test_one_useless_file_among_others_is_left_to_the_job(folder: Path, display: Display, terminal: Display) -> None:
    for shown in (display, terminal):
        assert looked_at(folder, shown, "no JSON", "ann@x.org.json") == ""
    assert printed(display) == "", "output that is kept must not have the name"
    assert "WARNING: 1 files of customer do not begin with a record" in printed(terminal)
    assert "ann@x.org.json" in printed(terminal)
