"""Splitting a file into records, and what remains of a file when some of them are erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import json_records
from json_records import Form, Kind, LongRecordError, Part, encoding, parts, split, without

A, B, C = b'{"a": "1"}', b'{"b": {"x": [1, {"y": "}{"}]}}', b'{"c": "\\"{,["}'
MARK = b"\xef\xbb\xbf"


def form(content: bytes) -> Form:
    return json_records.form(lambda size: (content[:size], len(content) <= size))


def data(parts: Iterable[Part]) -> list[tuple[Kind, bytes]]:
    return [(kind, content) for kind, content in parts if kind is not Kind.BETWEEN]


def in_blocks(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


LINES = {
    "a line for each": A + b"\n" + B + b"\n" + C,
    "with commas": A + b",\r\n" + B + b" , \r\n",
    "of one record": MARK + A,
    "the first is cut off": B[:-9] + b"\n" + A + b"\n",
    "the first is cut off in a text": A[:-3] + b"\n" + A + b"\n",
    "one has more behind": A + b" and more\n" + B + b"\n",
    "one has two objects": A + A + b"\n" + B + b"\n" + C + b"\n",
    "no JSON": b"user=a\nuser=b\n",
    "an array of numbers": b"[1,2]\n" + A + b"\n",
    "nothing": b"",
}
VALUES = {
    "concatenated": A + B + C,
    "concatenated, with an end of line": A + B + C + b"\n",
    "concatenated in several lines": A + B + b"\n" + C + b"\n" + A + A + b"\n",
    "one array": b"[" + A + b"," + B + b", " + C + b"]\n",
    "an array with a line for each": b"[\n" + A + b",\n" + B + b",\n" + C + b"\n]\n",
    "an array on each line": b"[" + A + b"]\n[" + B + b"]\n",
    "an empty array": MARK + b" [\n]\n",
    "over several lines": b'{\n  "a": 1,\n  "b": [\n    {},\n    {"c": 2}\n  ]\n}\n' * 2,
    "an array over several lines": MARK + json.dumps([{"a": {"b": [1]}}] * 3, indent=2).encode(),
    "the first is cut off": A[:-3] + A + B,
}


@pytest.mark.parametrize("name", LINES)
def test_files_of_lines(name: str) -> None:
    assert form(LINES[name]) is Form.LINES
    assert [part.content for part in parts([LINES[name]])] == LINES[name].splitlines(keepends=True)


@pytest.mark.parametrize("name", VALUES)
def test_files_of_values(name: str) -> None:
    assert form(VALUES[name]) is Form.VALUES


def test_the_form_shows_behind_a_first_record_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "HEADS", (100, 10_000))
    long = b'{"a": "' + b"x" * 5000 + b'"}'
    assert form(long + A) is Form.VALUES
    assert form(long + b"\n" + A) is Form.LINES
    assert form(b'{"a":\n"' + b"x" * 5000 + b'"}') is Form.VALUES
    assert form((A + b"\n") * 10 + A * 5000) is Form.LINES, "by its first bytes alone"


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (A + B[:-3] + C, [(Kind.RECORD, A), (Kind.BROKEN, B[:-3]), (Kind.RECORD, C)]),
        (A[:-3] + B + C, [(Kind.BROKEN, A[:-3]), (Kind.RECORD, B), (Kind.RECORD, C)]),
        (b"[" + A[:-5] + b",\n" + B + b"]", [(Kind.BROKEN, A[:-5]), (Kind.RECORD, B)]),
        (b"[" + A + b", 5, null,\n" + B + b"]", [(Kind.RECORD, A), (Kind.BROKEN, b"5, null"), (Kind.RECORD, B)]),
        (b"[" + A + b", 5]" + B, [(Kind.RECORD, A), (Kind.BROKEN, b"5"), (Kind.RECORD, B)]),
        (A + b" and more " + B, [(Kind.RECORD, A), (Kind.BROKEN, b"and more"), (Kind.RECORD, B)]),
        (A + b"]," + B + b"[7", [(Kind.RECORD, A), (Kind.BROKEN, b"]"), (Kind.RECORD, B), (Kind.BROKEN, b"[7")]),
        (b"[" + A + b"," + B, [(Kind.RECORD, A), (Kind.RECORD, B), (Kind.UNCLOSED, b"")]),
        (b"[" + A + b"," + B[:-1], [(Kind.RECORD, A), (Kind.BROKEN, B[:-1])]),
        (b'{"a": [1}' + A, [(Kind.BROKEN, b'{"a": [1}'), (Kind.RECORD, A)]),
        (b'{"a": NaN}' + A, [(Kind.RECORD, b'{"a": NaN}'), (Kind.RECORD, A)]),
        (b'{"a": "x\ny"}' + A, [(Kind.BROKEN, b'{"a": "x\ny"}'), (Kind.RECORD, A)]),
        (b"{" * 3 + A, [(Kind.BROKEN, b"{" * 3), (Kind.RECORD, A)]),
        (b'{"a":' * 9999 + b"1" + b"}" * 9999, [(Kind.RECORD, b'{"a":' * 9999 + b"1" + b"}" * 9999)]),
    ],
)  # fmt: skip
def test_what_is_no_whole_object_is_a_part_of_its_own(content: bytes, records: list[tuple[Kind, bytes]]) -> None:
    found = list(split([content]))
    assert data(found) == records
    assert b"".join(part.content for part in found) == content
    if len(content) < 200:
        for size in range(1, len(content)):
            assert data(split(in_blocks(content, size))) == records


def test_a_record_is_held_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "LONGEST", 10_000)
    blocks = in_blocks(b'{"a": [' + (A + b",") * 9999, 100)
    with pytest.raises(LongRecordError, match="a record of more than 10,000 bytes"):
        list(split(blocks))
    most = b'{"a": "' + b"x" * 9000 + b'"}'
    assert data(split(in_blocks(most + A, 7))) == [(Kind.RECORD, most), (Kind.RECORD, A)]


@pytest.mark.parametrize("text", ['{"email": "a@x.org"}', "[{}]", ' \n{"é": 1}'])
def test_an_encoding_shows_by_its_first_bytes(text: str) -> None:
    for name in ("UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"):
        assert encoding(text.encode(name)) == name
        assert encoding(f"\ufeff{text}".encode(name)) == name
    assert encoding(text.encode()) is None
    assert encoding(f"\ufeff{text}".encode()) is None


# Texts as they come, with what a splitter might stumble over.
TEXTS = st.text(max_size=8) | st.sampled_from(['"', "\\", '\\"', "{", "}{", '{"a":1}', "[", "],", "\n", "\u2028", "é"])
OBJECTS = st.dictionaries(
    TEXTS,
    st.recursive(
        TEXTS | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)
COMPACT = {"separators": (",", ":")}
FORMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "lines": lambda records: b"".join(record + b"\n" for record in records),
    "concatenated": b"".join,
    "array": lambda records: b"[" + b",".join(records) + b"]",
    "array of lines": lambda records: b"[\n" + b",\n".join(records) + b"\n]\n",
    "apart": lambda records: MARK + b"\n".join(records),
    "with commas": lambda records: b",\n".join(records) + b",\n",
}
STYLES = {
    "compact": COMPACT,
    "usual": {},
    "indented": {"indent": 2},
    "in UTF-8": {"ensure_ascii": False, "indent": "\t"},
}


def itself(record: bytes) -> bytes:
    """Return a record without the separators on its line."""
    return record.removeprefix(MARK).strip(b",\n")


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    objects=st.lists(OBJECTS, min_size=1, max_size=8),
    name=st.sampled_from(list(FORMS)),
    style=st.sampled_from(list(STYLES)),
    size=st.integers(1, 200),
    doomed=st.sets(st.integers(0, 7)),
)
def test_records_are_found_and_erased_in_every_form(
    objects: list[dict[str, object]], name: str, style: str, size: int, doomed: set[int]
) -> None:
    records = [
        json.dumps({"number": number} | found, **STYLES[style]).encode("utf-8", "replace")  # type: ignore[arg-type]
        for number, found in enumerate(objects)
    ]
    content = FORMS[name](records)
    blocks = in_blocks(content, size)
    assert [itself(record) for _, record in data(parts(blocks)) if itself(record)] == records
    assert [record for _, record in data(split(blocks))] == records

    erased = {records[number] for number in doomed if number < len(records)}
    kept = [record for record in records if record not in erased]
    sifted = list(without(parts(blocks), lambda record: itself(record) in erased))
    assert [itself(part.content) for part, goes in sifted if goes] == [r for r in records if r in erased]
    left = b"".join(part.content for part, goes in sifted if not goes)
    if name.startswith("array"):
        assert len(json.loads(left)) == len(kept)
    if kept:
        assert itself(left) == itself(FORMS[name](kept)), "as if the others had never been there"
    else:
        assert not itself(left).strip(b"[] \n")


def test_whatever_is_in_a_file_every_byte_is_a_part() -> None:
    pieces = [A, B, b"{", b"}", b"[", b"]", b'"', b",", b"\\", b"\n", b" ", MARK, b"\xff", b"x", b"NaN", b'{"', b":"]

    @settings(max_examples=200, derandomize=True, deadline=None)
    @given(st.lists(st.sampled_from(pieces), max_size=20).map(b"".join), st.integers(1, 30))
    def holds(content: bytes, size: int) -> None:
        whole = list(split([content]))
        assert b"".join(part.content for part in whole) == content
        assert data(split(in_blocks(content, size))) == data(whole)
        for kind, group in groupby(whole, key=lambda part: part.kind):
            if kind is Kind.BETWEEN:
                assert not b"".join(part.content for part in group).replace(MARK, b"").strip(b" \t\r\n\v\f,[]")
        unchanged = without(parts([content]), lambda _: False)
        assert b"".join(part.content for part, _ in unchanged) == content
        list(without(parts([content]), lambda _: True))

    holds()
