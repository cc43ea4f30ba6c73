"""Which landing lines become rows, and the reasons for those that cannot."""

from random import Random

import pytest
from pyspark.sql import functions as F

import landing_files
import landing_rows
import landing_rules
import plain_records
import table_contract
from problems import BadInputError
from tests.support.jobs import made_of

MOVED = ("a@example.com", 1655564376361, 1.0, -1.0, 0.5)
NOW = 1_700_000_000_000
DAY = 86_400_000
NOT_ONE = "a line is not one JSON object"
NAN = "a line has NaN or Infinity, which JSON does not allow"


def moved(**changes):
    """Return a valid accelerometer line with some fields changed, given as JSON texts; None omits the field."""
    fields = {"user": '"a@example.com"', "timestamp": "1655564376361", "x": "1.0", "y": "-1.0", "z": "0.5"} | changes
    return "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items() if value is not None) + "}"


USABLE = {
    "as the app sends it": moved(),
    "other order of keys": '{"z": 0.5, "y": -1.0, "x": 1.0, "timestamp": 1655564376361, "user": "a@example.com"}',
    "keys in other letter case": '{"USER":"a@example.com","timeStamp":1655564376361,"X":1.0,"Y":-1.0,"z":0.5}',
    "a trailing comma": moved() + ",",
    "a trailing comma among white space": moved() + " \t, \t",
    "white space around": f"\t  {moved()} \t",
    "a byte order mark": "\ufeff" + moved(),
    "numbers as strings": moved(timestamp='"1655564376361"', x='"1.0"'),
    "a whole number with a fraction of zero": moved(timestamp="1655564376361.0"),
    "a whole number with an exponent": moved(timestamp="1.655564376361E12"),
    "a double without a fraction": moved(x="1", y="-1"),
    "keys that nobody knows": moved(device='{"model": ["x", {"y": 1}]}', note="null"),
}
UNUSABLE = {
    "cut off": (moved()[:-5], NOT_ONE),
    "two objects": (moved() + moved(), NOT_ONE),
    "two objects and a comma": (f"{moved()},{moved()}", NOT_ONE),
    "an array": (f"[{moved()}]", NOT_ONE),
    "more behind": (moved() + " and more", NOT_ONE),
    "an end of the array around it": (moved() + ",{}]," + moved(), NOT_ONE),
    "two commas": (moved() + ",,", NOT_ONE),
    "a comma in front": ("," + moved(), NOT_ONE),
    "no object": ('"a@example.com"', NOT_ONE),
    "null": ("null", NOT_ONE),
    "no JSON": ("user=a@example.com", NOT_ONE),
    "single quotes": (moved().replace('"', "'"), NOT_ONE),
    "a bare NaN": (moved(x="NaN"), NAN),
    "a bare infinity": (moved(x="-Infinity", y='"NaN"') + ",", NAN),
    "NaN in a text of what is no object": ('["NaN", NaN]', NOT_ONE),
    "NaN in what is cut off": (moved(x="NaN")[:-1], NOT_ONE),
    "a key twice": (moved(timeStamp="1655564376362"), "a key occurs twice in an object"),
    "an empty object": ("{}", "user is missing"),
    "no user": (moved(user=None), "user is missing"),
    "a null user": (moved(user="null"), "user is missing"),
    "an empty user": (moved(user='" "'), "user is missing"),
    "no time": (moved(timestamp=None), "timestamp is missing"),
    "no z": (moved(z=None), "z is missing"),
    "a nested user": (moved(user='{"name": "a@example.com"}'), "user is not a text"),
    "a list of users": (moved(user='["a@example.com"]'), "user is not a text"),
    "a time with a fraction": (moved(timestamp="1.5"), "timestamp is not a whole number"),
    "a time as a fraction's text": (moved(timestamp='"1.5"'), "timestamp is not a whole number"),
    "a time out of range": (moved(timestamp="9223372036854775808"), "timestamp is not a whole number"),
    "a time as a date": (moved(timestamp='"2022-06-18"'), "timestamp is not a whole number"),
    "a time as a truth": (moved(timestamp="true"), "timestamp is not a whole number"),
    "NaN as a text": (moved(x='"NaN"'), "x is not a finite number"),
    "infinity as a text": (moved(y='"-Infinity"'), "y is not a finite number"),
    "a user who is no address": (moved(user='"anna"'), "user is not an e-mail address"),
    "a time in seconds": (moved(timestamp="1655564376"), "timestamp is before the year 2000 or in the future"),
    "a negative time": (moved(timestamp="-1"), "timestamp is before the year 2000 or in the future"),
    "a time to come": (moved(timestamp=str(NOW + DAY + 1)), "timestamp is before the year 2000 or in the future"),
    "a number too large": (moved(z="1e999"), "z is not a finite number"),
    "a nested number": (moved(z="[0.5]"), "z is not a finite number"),
}


def lines_of(spark, lines):
    """Return landing lines as they are read, each as a file of its own; `lines` are {file: line}."""
    rows = [{"value": line, "file": file, "unit": "line"} for file, line in lines.items()]
    return made_of(spark, "struct<value: string, file: string, unit: string>", rows)


@pytest.fixture(scope="module")
def parse(spark, request):
    """Parse lines of a landing table into {file: row}; each line is a file of its own."""

    def parsed(table, lines):
        ddl = request.config.rootpath / "ddl" / f"{table}.sql"
        frame = lines_of(spark, lines)
        rows = landing_rows.parse(
            frame, table_contract.parse(table, ddl.read_text()), landing_rules.of(table, now=NOW)
        ).collect()
        return {row["file"]: row for row in rows}

    return parsed


@pytest.fixture(scope="module")
def movements(parse):
    return parse("accelerometer_landing", USABLE | {name: line for name, (line, _) in UNUSABLE.items()})


@pytest.mark.parametrize("name", USABLE)
def test_usable_line(movements, name):
    *values, file, problem, record = movements[name]
    assert (tuple(values), file, problem, record) == (MOVED, name, None, None)


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_line(movements, name):
    line, problem = UNUSABLE[name]
    assert (movements[name]["problem"], movements[name]["record"]) == (problem, line)


def test_lines_without_data_are_no_rows(spark, tmp_path):
    (tmp_path / "part.json").write_bytes(b'\n  \t \n\xef\xbb\xbf\n,\n , ,\r\n{"a": 1}\n')
    lines = landing_files.read(spark, tmp_path.as_uri()).collect()
    assert [line["value"] for line in lines] == ['{"a": 1}']


def test_compression_that_hides_damage_is_refused(spark, tmp_path):
    (tmp_path / "2026" / "_tmp").mkdir(parents=True)
    (tmp_path / "export.zst").mkdir()
    for name in ("a.json", "b.json.gz", "_c.json.bz2", "bz2", "2026/_tmp/d.json.bz2", "export.zst/d.json"):
        (tmp_path / name).write_bytes(b"")
    landing_files.refuse_compressed(landing_files.read(spark, tmp_path.as_uri()))
    for name in ("e.json.bz2", "2026/f.json.zst"):
        (tmp_path / name).write_bytes(b"no such compression")
    with pytest.raises(BadInputError, match=r"2 files .*/2026/f\.json\.zst, .*/e\.json\.bz2\. .* gzip"):
        landing_files.refuse_compressed(landing_files.read(spark, tmp_path.as_uri()))


CUSTOMER = '"email": "a@example.com", "serialNumber": "S1"'
USABLE_FIELDS = {  # of a customer: the column and its value
    "": ("sharewithresearchasofdate", None),
    '"shareWithResearchAsOfDate": null': ("sharewithresearchasofdate", None),
    '"shareWithResearchAsOfDate": ""': ("sharewithresearchasofdate", None),
    '"shareWithResearchAsOfDate": 0': ("sharewithresearchasofdate", 0),
    '"shareWithResearchAsOfDate": "0"': ("sharewithresearchasofdate", 0),
    '"shareWithResearchAsOfDate": 1655564376361': ("sharewithresearchasofdate", 1655564376361),
    '"shareWithResearchAsOfDate": 4070908800000': ("sharewithresearchasofdate", 4070908800000),
    '"birthDay": "1399-01-01"': ("birthday", "1399-01-01"),
    '"customerName": "[deleted]"': ("customername", "[deleted]"),
    '"customerName": "Zo\\u00eb \\"Z\\" O\'Hara, Jr."': ("customername", 'Zoë "Z" O\'Hara, Jr.'),
    '"phone": 8015551212': ("phone", "8015551212"),
}
UNUSABLE_CUSTOMERS = {
    '{"serialNumber": "S1"}': "email is missing",
    '{"email": "a@example.com"}': "serialnumber is missing",
    "{" + CUSTOMER + ', "shareWithResearchAsOfDate": "yes"}': "sharewithresearchasofdate is not a whole number",
    "{" + CUSTOMER + ', "registrationDate": 1.5}': "registrationdate is not a whole number",
    '{"email": "a@example", "serialNumber": "S1"}': "email is not an e-mail address",
    '{"email": "a@example.com\u00a0", "serialNumber": "S1"}': "email is not an e-mail address",
    "{" + CUSTOMER + ', "lastUpdateDate": 4070908800000}': "lastupdatedate is in the future",
    "{" + CUSTOMER + ', "shareWithResearchAsOfDate": 1655564376}': (
        "sharewithresearchasofdate is not a time in milliseconds"
    ),
    "{" + CUSTOMER + ', "registrationDate": -1}': "registrationdate is not a time in milliseconds",
    "{" + CUSTOMER + ', "phone": ["1", "2"]}': "phone is not a text",
}


def with_field(field):
    return "{" + CUSTOMER + (f", {field}" if field else "") + "}"


@pytest.fixture(scope="module")
def customers(parse):
    return parse("customer_landing", {line: line for line in [*map(with_field, USABLE_FIELDS), *UNUSABLE_CUSTOMERS]})


@pytest.mark.parametrize("field", USABLE_FIELDS)
def test_customer_line_needs_only_its_keys(customers, field):
    row = customers[with_field(field)]
    column, value = USABLE_FIELDS[field]
    assert (row["problem"], row["email"], row["serialnumber"]) == (None, "a@example.com", "S1")
    assert row[column] == value


@pytest.mark.parametrize("line", UNUSABLE_CUSTOMERS)
def test_customer_line_that_cannot_be_used(customers, line):
    assert customers[line]["problem"] == UNUSABLE_CUSTOMERS[line]


def test_distance_is_a_whole_number(parse):
    lines = {
        distance: f'{{"sensorReadingTime": {NOW}, "serialNumber": "S1", "distanceFromObject": {distance}}}'
        for distance in ("218", "218.0", "218.5", "2147483648", "-1")
    }
    rows = parse("step_trainer_landing", lines)
    wrong, negative = "distancefromobject is not a whole number", "distancefromobject is negative"
    assert [rows[distance]["distancefromobject"] for distance in lines] == [218, 218, None, None, -1]
    assert [rows[distance]["problem"] for distance in lines] == [None, None, wrong, wrong, negative]


def test_truth_value_is_true_or_false_and_what_it_is_not_is_said(spark, request):
    text = (request.config.rootpath / "ddl" / "step_trainer_landing.sql").read_text()
    added = "Personal data: no.',\n  calibrated boolean COMMENT 'Whether. Personal data: no.'\n)"
    contract = table_contract.parse("step_trainer_landing", text.replace("Personal data: no.'\n)", added))
    values = {"true": True, "false": False, '"true"': True, "null": None, "1": None, '"yes"': None, "0.0": None}
    step = f'"sensorReadingTime": {NOW}, "serialNumber": "S1", "distanceFromObject": 1'
    frame = lines_of(spark, {value: f'{{{step}, "Calibrated": {value}}}' for value in values})
    rows = {
        row["file"]: row
        for row in landing_rows.parse(frame, contract, landing_rules.of(contract.name, now=NOW)).collect()
    }
    assert {value: rows[value]["calibrated"] for value in values} == values
    wrong = "calibrated is not true or false"
    assert [rows[value]["problem"] for value in values] == [None, None, None, None, wrong, wrong, wrong]


NUMBERS = (
    *(
        "0",
        "-0",
        "1",
        "-1",
        "00",
        "01",
        "1.0",
        "-0.0",
        "0.1",
        "1.10",
        ".5",
        "1.",
        "1e3",
        "1E400",
        "+1",
        "0x1",
        "NaN",
        "1d",
    ),
    *("999999999", "2147483648", "123456789.123456789", "0.123456789012345", "0.1234567890123456", "9007199254740993"),
    *("999999999999999999", "9223372036854775807", "9223372036854775808", "1655564376361", "1655564376361.5"),
)
TEXTS = (
    *(
        "a@example.com",
        "A@example.com ",
        " a@example.com",
        "",
        " ",
        "~",
        "S-1",
        "a,b",
        "a:b",
        "{a@b.c",
        "[1]",
        "{}",
        "]",
        "}",
    ),
    *(
        "a'b",
        "\\u0061",
        '\\"',
        "\\\\",
        "\\ud83d",
        "é@example.com",
        "\x7f",
        "\t",
        "null",
        "Infinity",
        "-Infinity",
        "1",
        "true",
    ),
)
VALUES = [*NUMBERS, *(f'"{text}"' for text in (*TEXTS, *NUMBERS)), "null", "true", "false", "[]", "{}", '{"x": 1}']
FITTING = {
    "bigint": ["1655564376361", "1655564376362", "0"],
    "int": ["0", "-1", "218", "246"],
    "double": ["0.5", "-1", "0"],
    "string": ['"a@example.com"', '"B.C@example.com"', '"50f7b4f3-7af5"', '"8015551212"'],
}
ENDS = [*[""] * 12, ",", " ", "}", ",{}", "x", "\r", "\x85", "\u2028"]


def nearly_plain(choose, contract):
    """Return a record as producers write it, or one that differs from that in few places."""
    columns = list(contract.schema)
    if choose.random() < 0.3:
        columns = choose.sample(columns, len(columns))
    absent = choose.choice([None, None, None, *columns])
    columns = [column for column in columns if column is not absent]
    columns += choose.choice([[], [], [], columns[:1]])
    odd = choose.choice([None, choose.randrange(len(columns))])
    pairs = []
    for number, column in enumerate(columns):
        key, colon = landing_rules.SPELLED.get(column.name, column.name), ":"
        value = choose.choice(FITTING[column.dataType.simpleString()])
        if number == odd:
            key = choose.choice([key, key, key, column.name, key.upper(), "other", f"{key} ", f"x{key}"])
            value, colon = choose.choice(VALUES), choose.choice([":", ": ", " :", ":  "])
        pairs.append(f'"{key}"{colon}{value}')
    return "{" + choose.choice([",", ",", ", ", ", ", ", ", " ,"]).join(pairs) + "}" + choose.choice(ENDS)


def plain_of(frame, contract):
    """Return the lines that are plain records."""
    value = F.col("value")
    return frame.where(plain_records.is_plain(value, plain_records.joined(value, landing_rows.types_by_key(contract))))


@pytest.mark.parametrize("table", landing_rules.REQUIRED)
def test_plain_records_are_read_as_thoroughly_as_all_others(spark, request, table):
    contract = table_contract.parse(table, (request.config.rootpath / "ddl" / f"{table}.sql").read_text())
    choose = Random(table)
    lines = sorted({nearly_plain(choose, contract) for _ in range(2_000)})
    lines += [line for line, _ in UNUSABLE.values()] + list(USABLE.values())
    frame = lines_of(spark, {str(number): line for number, line in enumerate(lines)})
    rules = landing_rules.of(table, now=NOW)
    fast, thorough = (  # as texts, since -0.0 equals 0.0
        {lines[int(row["file"])]: repr(row) for row in landing_rows.parse(frame, contract, rules, fast=fast).collect()}
        for fast in (True, False)
    )
    assert fast == thorough
    plain = plain_of(frame, contract)
    assert plain.count() > 100
    assert plain.where(~F.col("value").endswith("}")).count() == 0


AS_PRODUCERS_WRITE = {
    "customer_landing": (
        '{"customerName": "Ben Khatib", "email": "Ben.Khatib@test.com", "phone": "8015551212", '
        '"birthDay": "1399-01-01", "serialNumber": "20400202-c1da-4328-8e94", "registrationDate": 1655564414415, '
        '"lastUpdateDate": 1655564414415, "shareWithFriendsAsOfDate": 1655564414415}'
    ),
    "accelerometer_landing": '{"user":"Craig.Wu@test.com","timestamp":1655564434143,"x":0.0,"y":-1.0,"z":-1.0}',
    "step_trainer_landing": '{"sensorReadingTime":1655564172120,"serialNumber":"98ec1419","distanceFromObject":246}',
}


@pytest.mark.parametrize("table", AS_PRODUCERS_WRITE)
def test_records_as_producers_write_them_are_plain(spark, request, table):
    contract = table_contract.parse(table, (request.config.rootpath / "ddl" / f"{table}.sql").read_text())
    assert plain_of(lines_of(spark, {"f": AS_PRODUCERS_WRITE[table]}), contract).count() == 1


def test_json_is_parsed_once_each_way(spark, request):
    """Spark inlines an expression into each place that uses it unless projections keep it apart."""
    contract = table_contract.parse(
        "customer_landing", (request.config.rootpath / "ddl" / "customer_landing.sql").read_text()
    )
    frame = lines_of(spark, {"f": "{}"})
    rows = landing_rows.parse(frame, contract, landing_rules.of("customer_landing", now=NOW))
    plan = rows._jdf.queryExecution().optimizedPlan().toString()
    assert plan.count("from_json(") == 3  # of records that are not plain, and twice of those with NaN
