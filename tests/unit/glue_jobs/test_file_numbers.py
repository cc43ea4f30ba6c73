"""Messages show numbers instead of the names of landing files, which may be addresses."""

import hashlib

import pytest

import file_numbers


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("customer/landing/jane@x.org.json", "The landing file s3://b-1/customer/landing/jane%40x.org.json cannot be"),
        ("customer/landing/jane doe,1.json", "file s3a://b/customer/landing/jane%20doe,1.json. It"),
        ("step_trainer/landing/a/S-1", "(s3://b/step_trainer/landing/a/S-1)"),
        ("accelerometer/landing/j", "s3://b/accelerometer/landing/j"),
    ],
)
def test_a_landing_file_is_a_number(key: str, said: str) -> None:
    number = f"file-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    hidden = file_numbers.mask_names(f"1 x {said}, no JSON")
    assert number in hidden
    assert not {"jane", "S-1", "landing/j"} & set(hidden.replace("/", " ").split())
    assert "jane" not in hidden
    assert hidden.endswith(", no JSON `make name NUMBER=file-...` tells the name.")
    assert file_numbers.NUMBER.findall(hidden) == [number]


@pytest.mark.parametrize(
    "text", ["", "at s3://b/customer/landing/ holds no row.", "s3://b/warehouse/db/t/data/1.parquet"]
)
def test_what_names_no_landing_file_stays(text: str) -> None:
    assert file_numbers.mask_names(text) == text
