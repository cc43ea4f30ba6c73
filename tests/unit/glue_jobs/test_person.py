"""Records and texts of a person: which records are erased, and which identifiers are found in any encoding."""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bucket_objects
import json_records
from bucket_objects import UNDECODABLE, erase_records
from canonical import folded
from person import WIDE, Person, Record, parse

ANN = Person.of("Ann.Lee@X.org").with_records(
    [
        Record(
            {
                "email": "ann.lee@x.org",
                "customerName": "Ann Müller-Lee",
                "phone": "8015551212",
                "serialNumber": "S-77-A",
            }.items()
        )
    ]
)
BOB = '{"email":"bob@x.org","phone":"8010000000","serialNumber":"S-1","customerName":"Bob"}'


def without(content: bytes, table: str = "customer_landing", person: Person = ANN) -> bytes:
    sink = io.BytesIO()
    erase_records(io.BufferedReader(io.BytesIO(content)), sink, lambda line: person.owns(table, line))
    return sink.getvalue()


def kinds(content: bytes, person: Person = ANN) -> set[str]:
    return bucket_objects.kinds_in(io.BufferedReader(io.BytesIO(content)), person)


@pytest.mark.parametrize(
    "line",
    [
        '{"email":"ann.lee@x.org"}',
        '  {"EMAIL":"  ANN.Lee@x.ORG "} , ',
        '{"email":"ann.lee\\u0040x.org"}',
        '{"email":"bob@x.org","email":"ann.lee@x.org"}',
        '{"email":null,"phone":"8015551212"}',
        '{"email":null,"phone":8015551212}',
        '{"email":"ann.lee@@x.org","customername":"ann M\\u00fcller-Lee"}',
        '{"serialNumber":"s-77-a"}',
        '{"email":"ann.lee@x.org"',
        '{"email":"ann.lee@x.org"}{"email":"bob@x.org"}',
        '[{"email":"ann.lee@x.org"}]',
        "ANN.LEE@X.ORG,Ann,1999",
        '{"email":"ann.lee@x.org-old"}',
        '{"email":"_ann.lee@x.org_"}',
        '{"email":"ann.lee%40x.org"}',
        '{"email":"ann.lee&#64;x.org"}',
        '{"a":' * 5000 + '"ann.lee@x.org"' + "}" * 5000,
    ],
)
def test_a_line_of_the_persons_goes(line: str) -> None:
    assert without(f"{BOB}\n{line}\n{BOB}\n".encode()) == f"{BOB}\n{BOB}\n".encode()


@pytest.mark.parametrize(
    "line",
    [
        BOB,
        '{"email":"joann.lee@x.org"}',
        '{"email":"ann.lee@x.org.uk"}',
        '{"email":"mary-ann.lee@x.org"}',
        '{"email":"o\'ann.lee@x.org"}',
        '{"email":"bob@x.org","invitedBy":"ann.lee@x.org"}',
        '{"email":null,"phone":"18015551212"}',
        '{"email":null,"registrationDate":8015551212000}',
        '{"birthDay":"1999-01-01"}',
        "not JSON",
        "",
    ],
)
def test_a_line_of_another_person_stays(line: str) -> None:
    content = f"{line}\r\n".encode()
    assert without(content) == content


@pytest.mark.parametrize("other", ["o'brien@x.org", "joe$brien@x.org", "a+b=brien@x.org", "o`{brien@x.org"])
def test_an_address_at_the_end_of_another_persons_is_not_found_there(other: str) -> None:
    brien = Person.of("brien@x.org")
    line = json.dumps({"email": other}).encode()
    assert kinds(line, brien) == {"email"}, "as long as nobody is known to have that address"
    beside = brien.without_shared([Record({"email": other}.items())])
    assert kinds(line, beside) == set()
    for own in (b"'brien@x.org'", b"user=brien@x.org", b"<brien@x.org>", line + b" brien@x.org"):
        assert kinds(own, beside) == {"email"}
    assert kinds(line, Person.of(other)) == {"email"}


def test_other_lines_keep_their_bytes() -> None:
    mine = b'{"email":"ann.lee@x.org"}'
    others = [
        b"\xef\xbb\xbf" + BOB.encode(),
        b" \xff\xfe broken \r",
        b"\r\n",
        b"{},\n",
        b"\x0b\x0c\x1c\n",
        BOB.encode(),
    ]
    content = others[0] + b",\r\n" + mine + b"\r" + others[1] + others[2] + mine + b",\r\n" + b"".join(others[3:])
    assert without(content) == others[0] + b",\r\n" + b"".join(others[1:])


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_lines_are_the_same_however_the_stream_comes(block: int) -> None:
    content = b"a\r\nb\rc\n\r\n\n{}\r\r\nlast"
    blocks = (content[start : start + block] for start in range(0, len(content), block))
    assert list(json_records.lines(blocks)) == content.splitlines(keepends=True)


def test_gzip_stays_gzip_of_several_members_too() -> None:
    content = gzip.compress(f"{BOB}\n".encode()) + gzip.compress(f'{{"email":"ann.lee@x.org"}}\n{BOB}'.encode())
    assert gzip.decompress(without(content)) == f"{BOB}\n{BOB}".encode()


@pytest.mark.parametrize(("rest", "left"), [(b"", False), (b"\xef\xbb\xbf\r\n \n", False), (b"]\n", True)])
def test_whether_anything_is_left(rest: bytes, left: bool) -> None:
    source = io.BufferedReader(io.BytesIO(b'{"email":"ann.lee@x.org"}\n' + rest))
    assert erase_records(source, None, lambda line: ANN.owns("customer_landing", line)) == (1, left)


def test_readings_go_by_user_and_by_serial_number() -> None:
    readings = b'{"user":"ann.lee@x.org","x":1}\n{"user":"bob@x.org","x":1}\n'
    assert without(readings, "accelerometer_landing") == b'{"user":"bob@x.org","x":1}\n'
    steps = b'{"serialNumber":"S-77-A"}\n{"serialNumber":"S-77-AB"}\n{"serialNumber":"S-1","note":"S-77-A"}\n'
    assert without(steps, "step_trainer_landing") == steps.partition(b"\n")[2]


def test_quarantine_is_judged_by_the_record_in_it() -> None:
    def entry(record: str, table: str = "customer_landing") -> str:
        return json.dumps({"source_table": table, "file": "f", "record": record, "reason": "email is missing"})

    assert ANN.owns_quarantined(entry('{"email":"ann.lee\\u0040x.org"}'))
    assert ANN.owns_quarantined(entry('{"email":"ann.lee@x.org", broken'))
    assert ANN.owns_quarantined(entry('{"user":"ann.lee@x.org"}', "accelerometer_landing"))
    assert not ANN.owns_quarantined(entry('{"email":"bob@x.org","invitedBy":"ann.lee@x.org"}'))
    assert not ANN.owns_quarantined(entry(BOB))
    of_her_file = entry(BOB).replace('"f"', '"s3://lake/customer/landing/ann.lee%40x.org.json"')
    assert ANN.owns_quarantined(of_her_file)
    assert not ANN.owns_quarantined_record(of_her_file), "which is Bob's"


def test_what_others_carry_too_is_not_the_persons() -> None:
    others = [parse('{"email":"bob@x.org","serialNumber":"S-77-A","customerName":"ann Müller-LEE"}')]
    person = ANN.without_shared(other for other in others if other is not None)
    assert person.shared == {"serial number": {"s-77-a"}, "name": {"ann müller-lee"}}
    assert without(b'{"serialNumber":"S-77-A"}\n', "step_trainer_landing", person) == b'{"serialNumber":"S-77-A"}\n'
    assert person.owns("customer_landing", '{"email":"ann.lee@x.org","serialNumber":"S-77-A"}')
    assert not person.owns("customer_landing", '{"email":"bob@x.org","serialNumber":"S-77-A"}')
    again = Person.from_json(person.emails, json.loads(json.dumps(person.to_json())))
    assert again == person
    assert again.with_records([]).without_shared([]).identifiers == ANN.identifiers, "nobody carries them any longer"


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("ann.lee@x.org", True),
        ("_ann.lee@x.org_", True),
        ("ann.lee@x.org-old", True),
        ("<ann.lee@x.org>", True),
        ("joann.lee@x.org-old", False),
        ("_ann.lee@x.org", False),
        ("mary-ann.lee@x.org", False),
        ("ann.lee@x.org.uk", False),
    ],
)
def test_an_address_with_something_around_it_that_makes_it_none_is_the_persons(address: str, own: bool) -> None:
    assert ANN.is_own_address(address) == own


def test_what_other_people_have_hides_their_longer_values_and_no_more() -> None:
    others = [
        {"email": "mary-ann.lee@x.org", "customerName": "Eva Ann Müller-Lee"},
        {"email": "bob@x.org", "customerName": "of ann.lee@x.org"},
    ]
    person = ANN.without_shared(Record(other.items()) for other in others)
    person = person.with_other_owners(["ann.lee@x.org.uk", "S-77-A-2"])
    assert kinds(b"mary-ann.lee@x.org, EVA ANN M\xc3\x9cLLER-LEE, ann.lee@x.org.uk, s-77-a-2", person) == set()
    assert kinds("mary-ann.lee@x.org".encode("utf-16-le"), person) == set()
    assert kinds(b"of ann.lee@x.org", person) == {"email"}, "a sentence is nobody's value"
    assert kinds(b"tom-ann.lee@x.org", person) == {"email"}, "of whom nothing is known"
    assert kinds(b"mary-ann.lee@x.org S-77-A", person) == {"serial number"}


def parquet(columns: dict[str, Iterable[object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd", write_statistics=False)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"x;Ann.LEE@x.org;y", {"email"}),
        ("Ann Müller-lee".encode(), {"name"}),
        (b'{"record":"{\\"email\\":\\"ann.lee\\\\u0040x.org\\"}"}', {"email"}),
        (gzip.compress(b'"8015551212"', mtime=0), {"phone"}),
        (parquet({"a": ["b", "Ann.Lee@x.org"]}), {"email"}),
        (parquet({"a": [["b", "S-77-A"]]}), {"serial number"}),
        (parquet({"a": [{"b": b"S-77-A"}]}), {"serial number"}),
        (parquet({"a": ["joann.lee@x.org", "S-77-AB"]}), set()),
        (b"\x00\x1aann.lee@x.orgz\x00", {"email"}),
        (b"joann.lee@x.org 18015551212 0.8015551212", set()),
        (gzip.compress(b"abcdefgh" * 99, mtime=0)[:-12], {UNDECODABLE}),
        (parquet({"a": ["b"]})[:-9], {UNDECODABLE}),
        (b"PK\x03\x04 zipped", {UNDECODABLE}),
        (gzip.compress(gzip.compress(b"ann.lee@x.org", mtime=0), mtime=0), {UNDECODABLE}),
        (gzip.compress(b"PK\x03\x04 zipped", mtime=0), {UNDECODABLE}),
        (zlib.compress(b"ann.lee@x.org"), {UNDECODABLE}),
        ("ann.lee@x.org".encode("utf-16"), {"email", WIDE}),
        (b"%PDF-1.7 ann.lee@x.org", {UNDECODABLE}),
        (bytes(257) + b"ustar\x0000", {UNDECODABLE}),
        (Random(1).randbytes(300), {UNDECODABLE}),
        (b"PFA1" + Random(1).randbytes(300), set()),
        (b"Obj\x01\x02\x14avro.codec\x02\xff\x00" + bytes(16), {UNDECODABLE}),
        (b"", set()),
    ],
)
def test_identifiers_are_found_however_they_are_packed(content: bytes, found: set[str]) -> None:
    assert kinds(content) == found


ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
PACKINGS: list[Callable[[bytes], bytes]] = [bytes, lambda data: gzip.compress(data, mtime=0)]
SURROUNDINGS = [
    "{}",
    "_{}_",
    "{}-old",
    "\n{}\n",
    "x={};",
    "<{}>",
    '"{}"',
    "mailto:{}?subject=x",
    "({}).",
    "é {} é",
    "{}.json",
]
IN_BASE64 = ["{}", "?{}", "~>{}", "x{}", "xy{}", "an older mail: {}\r\nand its answer"]


def escaped(text: str, random: Random) -> Iterator[str]:
    """Return a text with some of its characters escaped, in every supported way."""
    chosen = {random.randrange(len(text)) for _ in range(4)}
    ways: list[Callable[[str], str]] = [
        lambda c: "".join(f"%{byte:02X}" for byte in c.encode()),
        lambda c: "".join(f"%25{byte:02x}" for byte in c.encode()),
        lambda c: f"&#{ord(c)};",
        lambda c: f"&#x{ord(c):X};",
        lambda c: "".join(f"\\u{unit:04x}" for (unit,) in struct.iter_unpack(">H", c.encode("utf-16-be"))),
        lambda c: "".join(f"\\\\u{unit:04X}" for (unit,) in struct.iter_unpack(">H", c.encode("utf-16-be"))),
    ]
    for way in ways:
        yield "".join(way(character) if at in chosen else character for at, character in enumerate(text))
    yield text.replace("@", "&commat;").replace(".", "&period;")


def spelled(text: str, random: Random) -> str:
    form: Literal["NFC", "NFD"] = random.choice(("NFC", "NFD"))
    return unicodedata.normalize(form, "".join(random.choice((c, c.upper(), c.lower())) for c in text))


@pytest.mark.parametrize(
    "name", ["ann.lee@x.org", "νικος-σοφος@x.gr", "zoë@straße.de", "ann müller-lee", "S-77-A", "😀joy@x.org"]
)
def test_a_value_is_found_in_every_encoding_escape_and_surrounding_and_no_other_is(name: str) -> None:
    random = Random(name)
    kind = "email" if "@" in name else "name"
    person = Person.of("nobody@x.org").with_records([Record({"email": "nobody@x.org"}.items())])
    person = replace(person, identifiers={kind: frozenset({folded(name)})}, spellings=frozenset({name}))
    for surrounding in SURROUNDINGS:
        shown = spelled(name, random)
        for text in (shown, *escaped(shown, random)):
            for encoding in ENCODINGS:
                data = (random.choice(("", "\ufeff")) + surrounding.format(text)).encode(encoding)
                assert kinds(random.choice(PACKINGS)(data), person) - {WIDE} == {kind}, (data, encoding)
        for other in (f"jo{shown}", f"{shown}son", f"7{shown}", f"{shown}7"):
            for encoding in ENCODINGS:
                assert kinds(surrounding.format(other).encode(encoding), person) == set(), (other, encoding)
    for spelling in (name, name.upper()):
        for surrounding in IN_BASE64:
            for pack in (base64.b64encode, base64.urlsafe_b64encode):
                packed = pack(surrounding.format(spelling).encode())
                assert kinds(b'{"auth": "' + packed + b'"}', person) == ({kind} if surrounding[0] != "x" else set())
    mail = base64.encodebytes(f"{'some text before it ' * 9}{name}{' and behind' * 9}".encode())
    assert kinds(mail, person) == {kind}
    assert kinds(f"caf\xe9 {name}".encode("latin-1", "replace"), person) == ({kind} if _fits(name) else set())


def _fits(text: str) -> bool:
    return text.encode("latin-1", "replace").decode("latin-1") == text


def test_many_people_are_erased_in_one_pass_and_everybody_else_keeps_every_byte() -> None:
    random = Random(7)
    for _ in range(20):
        people = [f"{random.choice('abc')}{n}.{random.choice(('lee', 'müller', 'σοφος'))}@x.org" for n in range(40)]
        gone, others = people[:20], [*people[20:], *(f"jo{email}" for email in people), *(f"mary-{e}" for e in people)]
        lines = [json.dumps({"email": spelled(email, random)}, ensure_ascii=random.random() < 0.5) for email in gone]
        lines += [json.dumps({"email": email}) for email in others]
        random.shuffle(lines)
        person = Person.of(*gone).without_shared(Record({"email": email}.items()) for email in others)
        kept = [
            line
            for line in lines
            if unicodedata.normalize("NFC", json.loads(line)["email"]).casefold() in set(map(str.casefold, others))
        ]
        assert without("\r\n".join(lines).encode(), person=person).decode().split() == "\n".join(kept).split()
        assert kinds("\n".join(lines).encode(), person) == {"email"}
        assert kinds("\n".join(kept).encode(), person) == set()


def test_no_damage_to_a_parquet_file_is_more_than_undecodable() -> None:
    whole, random = parquet({"a": [f"{n} of many" for n in range(2000)]}), Random(1)
    for _ in range(200):
        start = random.randrange(4, len(whole) - 12)
        assert kinds(whole[:start] + random.randbytes(8) + whole[start + 8 :]) <= {UNDECODABLE}


def test_long_lines_are_looked_through_in_overlapping_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_objects, "BLOCK", 2048)
    for start in range(3000, 5200, 7):
        assert kinds(b" " * start + b"ann.lee@x.org" + b" " * 3000) == {"email"}


def test_iceberg_keeps_the_first_characters_of_a_long_value() -> None:
    long = Person.of("christopher.smith@x.org")
    assert kinds(b"\0\x20christopher.smit\0", long.without_shared([])) == {"truncated identifier"}
    assert kinds(b"\0\x20christopher.smiu\0", long.without_shared([])) == {"truncated identifier"}
    other = Record({"email": "christopher.smithson@x.org"}.items())
    assert kinds(b"\0\x20christopher.smit\0", long.without_shared([other])) == set()


def test_an_address_within_another_persons_is_not_found_in_binary() -> None:
    other = Record({"email": "joann.lee@x.org"}.items())
    assert kinds(b"\0joann.lee@x.org\0") == {"email"}
    assert kinds(b"\0joann.lee@x.org\0", ANN.without_shared([other])) == set()
    assert kinds(b"\0joann.lee@x.org\0ann.lee@x.org\0", ANN.without_shared([other])) == {"email"}
