"""Equality of e-mail addresses, in Python and in Spark."""

import json
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from address import with_address
from canonical import canonical, folded

SAME = [
    ("Ann.Lee@X.org", "ann.lee@x.ORG"),
    ("ann@x.org", " \t ann@x.org\u00a0\r\n"),
    ("ann@x.org", "\x1cann@x.org\u3000"),
    ("ΝΙΚΟΣ-Π@x.gr", "νικος-π@x.gr"),
    ("ΝΙΚΟΣ@x.gr", "νικοσ@x.gr"),
    ("andr\u00e9@x.fr", "ANDRE\u0301@x.fr"),
    ("\u1fb3@x.gr", "\u0391\u0345@x.gr"),  # a mark that case folding turns into a letter
    ("stra\u00dfe@x.de", "STRASSE@x.de"),
    ("\u212aurt@x.de", "kurt@x.de"),  # the sign of the kelvin
    ("\uac00@x.kr", "\u1100\u1161@x.kr"),
]
OTHER = [("ann@x.org", "an n@x.org"), ("andre@x.fr", "andr\u00e9@x.fr"), ("ann@x.org", "ann@x.org\u200b")]
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("aAÅåΣ\u03c3ςßİ\u0131éÉ\u0301\u0345 \t\x1f\u0085")
    )
)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_address(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_two_addresses(one, other):
    assert canonical(one) != canonical(other)


@given(TEXTS)
def test_composed_decomposed_padded_and_canonical_is_the_same(text):
    for form in ("NFC", "NFD"):
        assert canonical(f" {unicodedata.normalize(form, text)}\t") == canonical(text)
    assert canonical(canonical(text)) == canonical(text)
    assert folded(text).strip() == canonical(text)


@settings(max_examples=2, deadline=None)
@given(st.lists(TEXTS, min_size=200, max_size=400))
@example([text for pair in SAME + OTHER for text in pair])
@example([chr(number) for number in range(0x250)])
def test_spark_gives_the_very_same(spark, texts):
    values = F.explode(F.from_json(F.lit(json.dumps([*texts, texts[0], None])), "array<string>")).alias("text")
    for wanted in ("true", "text is null or octet_length(text) = length(text)"):
        found = with_address(spark.range(1).select(values).where(wanted), "text").collect()
        assert len(found) >= len([text for text in texts if text.isascii()]) + 1
        assert all(row["address"] == (row["text"] and canonical(row["text"])) for row in found)


def test_rows_stay_as_they_are_beside_their_address(frame):
    rows = [{"user": user, "timestamp": 1} for user in ("Ann", "ann", "É", "E\u0301", None)] * 2
    found = with_address(frame("accelerometer_landing", *rows).select("user", "timestamp"), "user")
    assert found.columns == ["user", "timestamp", "address"]
    assert sorted(map(tuple, found.collect()), key=repr) == sorted(
        [(row["user"], 1, row["user"] and canonical(row["user"])) for row in rows], key=repr
    )
