"""A refusal that outlives an erasure still decides about the shared Step Trainer."""

import pseudonyms
import refusals
from tests.support.jobs import AT, SECRET, customer, measured


def test_refusal_of_an_owner_who_was_erased_still_counts(lakehouse, frame):
    lakehouse.create_tables()
    people = {"anna": "S1", "ben": "S2"}
    lakehouse.land("customer", [customer(name, device) for name, device in people.items()])
    lakehouse.land("step_trainer", [measured(device, AT) for device in people.values()])
    rows = [
        {"email": f"{name}@example.com", "serialnumber": device, "sharewithresearchasofdate": AT}
        for name, device in people.items()
    ]
    for table in ("customer_trusted", "customers_curated"):
        frame(table, *rows).writeTo(lakehouse.name(table)).append()
    refused = lakehouse.folder / refusals.PREFIX / pseudonyms.of(SECRET, " s1")
    refused.parent.mkdir(parents=True)
    refused.touch()
    lakehouse.run("step_trainer_landing_to_trusted", "--profile", "strict")
    assert lakehouse.rows("step_trainer_trusted") == [(AT, "S2", 200)]
    assert lakehouse.outcomes("step_trainer_landing")["dropped an owner of the Step Trainer did not agree"] == 1
    lakehouse.run("step_trainer_landing_to_trusted")
    assert {row[1] for row in lakehouse.rows("step_trainer_trusted")} == {"S1", "S2"}
