"""Hostile landing files, and an oracle in plain Python for their rows, without Spark or any code of the jobs."""

import gzip
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

NOW = 1_700_000_000_000
DAY = 86_400_000
YEAR_2000, YEAR_10000 = 946_684_800_000, 253_402_300_800_000
AT = 1_655_564_376_361

TEXTS = {
    "customer_landing": ("customername", "email", "phone", "birthday", "serialnumber"),
    "accelerometer_landing": ("user",),
    "step_trainer_landing": ("serialnumber",),
}
DATES = (
    "registrationdate",
    "lastupdatedate",
    "sharewithresearchasofdate",
    "sharewithpublicasofdate",
    "sharewithfriendsasofdate",
)
COLUMNS = {
    "customer_landing": (*TEXTS["customer_landing"], *DATES),
    "accelerometer_landing": ("user", "timestamp", "x", "y", "z"),
    "step_trainer_landing": ("sensorreadingtime", "serialnumber", "distancefromobject"),
}
REQUIRED = COLUMNS | {"customer_landing": ("email", "serialnumber")}
GOOD = {
    "customer_landing": {"email": "a@example.com", "serialNumber": "S1", "shareWithResearchAsOfDate": AT},
    "accelerometer_landing": {"user": "a@example.com", "timestamp": AT, "x": 1.0, "y": -1.0, "z": 0.5},
    "step_trainer_landing": {"sensorReadingTime": AT, "serialNumber": "S1", "distanceFromObject": 218},
}


# ---------------------------------------------------------------------------------------------------------- the oracle

UNUSABLE = None
WHITE_SPACE = " \t\n\x0b\f\r"
AROUND = WHITE_SPACE + "\ufeff"
CONTROL = "".join(map(chr, range(33)))
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
DEEPEST, LONGEST_NUMBER = 1000, 1000  # of what is read; what lies about there is not generated


class UnusableError(ValueError):
    """A value or a line that cannot be used."""


@dataclass(frozen=True)
class Written:  # noqa: PLW1641 - never a key
    """The value of a text column given a number with a fraction or exponent: any spelling of the number is equal."""

    number: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(NUMBER.fullmatch(other)) and float(other) == self.number


class Members(list):
    """A JSON object as written: its keys and values, including repeated keys."""


def lines_of(content: bytes) -> list[bytes]:
    """Return the lines of a file that hold data."""
    lines = re.split(rb"\r\n|\n|\r", content.removeprefix(b"\xef\xbb\xbf"))
    return [line for line in lines if line.decode(errors="replace").strip(AROUND + ",")]


def outcomes(table: str, line: bytes) -> list[tuple | None]:
    """Return the possible outcomes of a line: the values of its row, or UNUSABLE, or both if that is undefined."""
    try:
        members = {key.lower(): value for key, value in _members(line)}
        row, doubtful = [], False
        for column in COLUMNS[table]:
            value = members.get(column)
            if value is None or (isinstance(value, str) and not value.strip(" ")):
                if column in REQUIRED[table]:
                    return [UNUSABLE]
                row.append(None)
            elif column in TEXTS[table]:
                row.append(_text(value))
                doubtful |= isinstance(value, str) and value.startswith(("{", "["))  # maybe an object's JSON text
            else:
                row.append(_number(column, value))
        _judge(table, dict(zip(COLUMNS[table], row, strict=True)))
    except (ValueError, RecursionError):
        return [UNUSABLE]
    return [tuple(row), UNUSABLE] if doubtful else [tuple(row)]


def usable(table: str, records: Iterable[bytes], *, doubtful: bool) -> list[dict[str, object]]:
    """Return the rows that must be read from records, and with `doubtful` those that may be."""
    possible = [outcomes(table, record) for record in records]
    rows = [first for first, *others in possible if first is not UNUSABLE and (doubtful or not others)]
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in rows]


def _members(line: bytes) -> Members:
    text = line.decode().lstrip(AROUND).rstrip(AROUND).removesuffix(",").rstrip(AROUND)
    outside_texts = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", outside_texts):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise UnusableError
    found = json.loads(
        text, object_pairs_hook=Members, parse_constant=_refuse, parse_int=_digits(int), parse_float=_digits(float)
    )
    if not isinstance(found, Members) or len({key.lower() for key, _ in found}) < len(found):
        raise UnusableError
    json.dumps(found, ensure_ascii=False).encode()  # half a character is a UnicodeEncodeError: a ValueError
    return found


def _refuse(_: str) -> None:
    raise UnusableError


def _digits(number: type) -> object:
    def read(text: str) -> int | float:
        if len(text) > LONGEST_NUMBER:
            raise UnusableError
        return number(text)

    return read


def _text(value: object) -> object:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return Written(value)
        case str() if value not in {'"Infinity"', '"-Infinity"'}:
            return value
    raise UnusableError


def _number(column: str, value: object) -> int | float:
    if isinstance(value, bool | list):
        raise UnusableError
    text = (value if isinstance(value, str) else repr(value)).strip(CONTROL)
    if not NUMBER.fullmatch(text):
        raise UnusableError
    if column in {"x", "y", "z"}:
        if not math.isfinite(float(text)):
            raise UnusableError
        return float(text)
    if re.fullmatch("[+-]?[0-9]+", text):
        whole = int(text)
    else:
        if not (float(text).is_integer() and abs(float(text)) < 2**53):
            raise UnusableError
        whole = int(float(text))
    bits = 31 if column == "distancefromobject" else 63
    if not -(2**bits) <= whole < 2**bits:
        raise UnusableError
    return whole


def _judge(table: str, row: Mapping[str, object]) -> None:
    def is_address(value: object) -> bool:
        if not isinstance(value, str) or value.count("@") != 1 or any(map(str.isspace, value)):
            return False
        user, _, host = value.partition("@")
        name, _, top = host.rpartition(".")
        return bool(user and name and top)

    if table == "customer_landing":
        possible = is_address(row["email"]) and all(
            row[date] in (None, 0)
            or YEAR_2000
            <= row[date]
            <= (NOW + DAY if date in ("registrationdate", "lastupdatedate") else YEAR_10000 - 1)
            for date in DATES
        )
    elif table == "accelerometer_landing":
        possible = is_address(row["user"]) and YEAR_2000 <= row["timestamp"] <= NOW + DAY
    else:
        possible = YEAR_2000 <= row["sensorreadingtime"] <= NOW + DAY and row["distancefromobject"] >= 0
    if not possible:
        raise UnusableError


# ------------------------------------------------------------------------------------------------------ the strategies

FRAGMENTS = st.sampled_from(
    [
        "'; DROP TABLE customer_trusted; --",
        '" OR 1=1 --',
        "${database}.customer_trusted",
        "`x`",
        "../../customer/landing/part.json",
        "/etc/passwd",
        "s3://other/bucket",
        "file:///",
        "%00",
        "{{7*7}}",
        "\\N",
        "NULL",
        "[deleted]",
        "[1] and more",
        '{"a": 1}',
        '"Infinity"',
        "a@example.com\n",
        "a@b@example.com",
        "\u2028",
        "\x85",
        "\ufeff",
        "\0",
        "\t",
        " ",
        "",
        "1d",
        "0x1p3",
        "\uff11\uff12",
        "1_000",
        "1,5",
        "NaN",
        "-Infinity",
        "\ud800",
        "a\udc00@example.com",
        "\\ud800",
        "1e-9999999",
        "1e999999999",
        "9" * 40,
        "0." + "0" * 400 + "1",
    ]
)
WORDS = st.text(st.characters(), max_size=12)  # surrogates too
TEXT = WORDS | FRAGMENTS | st.emails() | WORDS.map("{}@example.com".format)


@st.composite
def texts(draw):
    """A JSON string, escaped or not, where possible."""
    value = draw(TEXT)
    escaped = json.dumps(value)
    plain = json.dumps(value, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in plain):
        return escaped
    return draw(st.sampled_from([escaped, plain, escaped.replace("/", "\\/"), plain.replace("a", "\\u0061")]))


NUMBERS = (
    st.integers().map(str)
    | st.integers(YEAR_2000 - 5, NOW + 5).map(str)
    | st.integers(YEAR_2000 - 5, NOW + 5).map(lambda number: f'"{number}"')
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers(-(2**64), 2**64).map(lambda number: f"{number}.0")
    | st.builds("{}e{}".format, st.integers(-99, 99), st.integers(-400, 400))
    | st.sampled_from([0, 2**31, 2**53, 2**63, -(2**63), YEAR_10000]).map(str)
    | st.sampled_from(["9" * 900, "9" * 1200, "0." + "1" * 1200, "1e999999999", "1e-999999999", "-0", "-0.0", "0e0"])
)
BROKEN = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "+1",
        ".5",
        "1.",
        "0x10",
        "tru",
        "nul",
        "undefined",
        "'a'",
        '"\\q"',
        '"\\u12"',
        '"\t"',
        '"\x00"',
        "",
        "[1,]",
        '{"a":}',
        "[[}",
        '"',
        "/* */ 1",
        "1e",
    ]
)
DEEP = st.builds(
    lambda depth, pair: pair[0] * depth + pair[1] * depth,
    st.sampled_from([3, 400, 1500, 5000]),
    st.sampled_from([("[", "]"), ('{"a":[', "]}")]),
)
VALUES = st.recursive(
    st.sampled_from(["null", "true", "false"]) | NUMBERS | texts(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(texts(), inner), max_size=3).map(
            lambda members: "{" + ",".join(f"{key}:{value}" for key, value in members) + "}"
        )
    ),
    max_leaves=6,
)
LOOKALIKES = {"i": "i\u0130\u0131I", "s": "s\u017fS", "e": "eE\u0435", "k": "k\u212aK", "a": "aA\u212b", "x": "xX"}


@st.composite
def keys(draw, name: str):
    """A key in any letter case, sometimes with a letter that only looks like the right one or folds to it."""
    written = draw(st.sampled_from([name, name.upper(), name.title(), name.swapcase()]))
    if draw(st.integers(0, 9)) == 0:
        position = draw(st.integers(0, len(name) - 1))
        other = draw(st.sampled_from(LOOKALIKES.get(name[position], name[position])))
        written = written[:position] + other + written[position + 1 :]
    return json.dumps(written, ensure_ascii=draw(st.booleans()))


@st.composite
def records(draw, table: str, *, whole: bool = False):
    """A JSON object that is valid except for a few members; a `whole` one has all its brackets, on any lines."""
    members = [(draw(keys(key)), json.dumps(value)) for key, value in GOOD[table].items()]
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        at = draw(st.integers(0, len(members) - 1)) if members else 0
        match draw(st.sampled_from(["replace", "replace", "note", "note", "again", "leave out", "break"])):
            case "replace":
                members[at : at + 1] = [(key, draw(VALUES | NUMBERS | texts())) for key, _ in members[at : at + 1]]
            case "note":
                members.append((draw(texts()), draw(VALUES | DEEP)))
            case "again":
                members.append((draw(st.sampled_from(COLUMNS[table]).flatmap(keys)), draw(VALUES)))
            case "leave out":
                del members[at : at + 1]
            case "break":
                members.append((draw(texts()), draw(st.just("NaN") if whole else BROKEN)))
    members = draw(st.permutations(members))
    among = [(",", ":"), (", ", ": "), ("\t,", " :\t"), *([(",\n  ", ": "), ("\r\n,", ":\r")] if whole else [])]
    comma, colon = draw(st.sampled_from(among))
    return "{" + comma.join(f"{key}{colon}{value}" for key, value in members) + "}"


@st.composite
def lines(draw, table: str):
    """A line as bytes: an object, a part of one, or anything else."""
    kind = draw(st.integers(0, 15))
    if kind == 0:
        return draw(st.binary(max_size=40))
    if kind == 1:
        return draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | VALUES).encode()
    line = draw(records(table)).encode()
    around = st.sampled_from(["", "", "", ",", ", ", " ,", ",,", "\ufeff", "\t \f", "\0", "}", "{}", " " * 5000])
    if kind == 2:
        line = draw(around).encode() + line + draw(around).encode()
    if kind == 3:
        return line[: draw(st.integers(0, len(line)))]
    if kind == 4:
        at = draw(st.integers(0, len(line)))
        junk = draw(
            st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\0", b"\xef\xbb\xbf", b"\r", b'"', b"\\"])
        )
        return line[:at] + junk + line[at:]
    return line


def _is_object(line: bytes) -> bool:
    try:
        return bool(_members(line))
    except (ValueError, RecursionError):
        return False


# How a file of lines must not begin: as an array, or as text of two or four bytes a character.
LIKE_ANOTHER_FORM = re.compile(rb"(\xef\xbb\xbf|\s)*\[|[\x00-\xff]{0,3}\0|\xff\xfe|\xfe\xff", re.DOTALL)
ARRAYS = (b"]\n[",)
FORMS = [  # what is in front of the records of a file, between them, and behind
    (b"", b"", b""),
    (b"\xef\xbb\xbf", b" ", b"\r\n"),
    (b"", b"\n", b"\n"),
    (b"[", b",", b"]"),
    (b"\xef\xbb\xbf[\n", b",\n", b"\n]\n"),
    (b"[", ARRAYS[0], b"]"),
]


@st.composite
def files(draw, table: str, size: int = 30):
    """A landing file, its name and its bytes, with any line ends, perhaps gzipped."""
    content = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))
    for line in draw(st.lists(lines(table), min_size=size // 3, max_size=size)):
        content += line + draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\n\n"]))
    if draw(st.booleans()):
        content = content.removesuffix(b"\n")
    written = lines_of(content)
    if LIKE_ANOTHER_FORM.match(content) or 3 * sum(map(_is_object, written)) <= 2 * len(written):
        content = (json.dumps(GOOD[table]).encode() + b"\n") * (2 * len(written) + 1) + content
    return draw(names()), content


@st.composite
def files_of_values(draw, table: str, size: int = 12):
    """A landing file of values rather than lines: its name, its bytes and its records in order."""
    begin, between, end = draw(st.sampled_from(FORMS))
    items = []
    for record in draw(st.lists(records(table, whole=True), max_size=size)):
        items.append(record.encode())
        if between not in ARRAYS:
            # Not a complete object either: a truncated one ends where the next begins.
            items += draw(st.sampled_from([[], [], [b'{"email": "a"'], [b"junk"], [b"1"], [b"-Infinity"], [b"}"]]))
    items.append(json.dumps(GOOD[table]).encode())
    if between == b"\n":  # otherwise it would be lines
        items = [b"{\n}"] * (len(items) + 2) + items
    return draw(names()), begin + between.join([b"{}", *items]) + end, [b"{}", *items]


@st.composite
def names(draw):
    """The name of a landing file, perhaps a compressed one."""
    name = draw(
        st.sampled_from(["part", "a b", "a=b", "50%", "#1", "x'; DROP TABLE y; --", "\u00e9\U0001f600", "n" * 200])
    )
    compressed = draw(st.integers(0, 4)) == 0
    return f"{name}.json.gz" if compressed else f"{name}.json"


PEOPLE = {"a@example.com": "S1", "b@example.com": "S2", "c@example.com": "S2", "D@example.com": "S3"}


@st.composite
def zones(draw):
    """A landing zone in which most people pass, among hostile lines: name, bytes and records by table."""
    people = st.sampled_from(list(PEOPLE))
    times = st.integers(AT, AT + 3)
    customers = st.builds(
        lambda email, since, name: {
            "customerName": name,
            "email": email,
            "phone": "5551234567",
            "serialNumber": PEOPLE[email],
            "shareWithResearchAsOfDate": since,
        },
        people,
        st.sampled_from([None, 0, AT - 1, AT + 1, NOW + DAY]),
        FRAGMENTS.filter(lambda text: not re.search("[\ud800-\udfff]", text)),
    )
    readings = st.builds(
        lambda who, at, x: {"user": who, "timestamp": at, "x": x, "y": 0, "z": 0}, people, times, times
    )
    steps = st.builds(
        lambda who, at: {"sensorReadingTime": at, "serialNumber": PEOPLE[who], "distanceFromObject": at - AT},
        people,
        times,
    )
    zone = {}
    for table, good in (
        ("customer_landing", customers),
        ("accelerometer_landing", readings),
        ("step_trainer_landing", steps),
    ):
        usual = [json.dumps(GOOD[table]).encode()]
        usual += [json.dumps(record).encode() for record in draw(st.lists(good, min_size=4, max_size=12))]
        begin, between, end = draw(st.sampled_from([*FORMS[:2], *FORMS[3:], *[(b"", b"\n", b"")] * 3]))
        if between == b"\n":
            content = b"\n".join(
                usual[:1] + draw(st.permutations(usual[1:] + draw(st.lists(lines(table), max_size=8))))
            )
            zone[table] = content, lines_of(content)
        else:
            more = draw(st.lists(records(table, whole=True).map(str.encode), max_size=8))
            found = draw(st.permutations(usual + more))
            zone[table] = begin + between.join(found) + end, found
    return zone


def as_stored(name: str, content: bytes) -> bytes:
    """Return the bytes of a file with this name."""
    return gzip.compress(content) if name.endswith(".gz") else content
