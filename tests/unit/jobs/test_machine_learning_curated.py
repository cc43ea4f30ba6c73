"""Which readings are paired for training."""

import pytest

from machine_learning_curated import transform
from policies import Policies

# anna owns S1 by two records, ben owns S1 and S2; both move at 10, ben moves at 20 too.
OWNERS = [("anna", "S1", "1"), ("anna", "S1", "2"), ("ben", "S1", "1"), ("ben", "S2", "1")]
MOVEMENTS = [("anna", 10, 0.1), ("ben", 10, 0.2), ("ben", 10, 0.3), ("ben", 20, 0.4), ("gone", 10, 0.5)]
STEPS = [("S1", 10), ("S2", 10), ("S2", 20), ("S3", 10), ("S3", 30)]

AT_10 = [0.1, 0.2, 0.3, 0.5]
BY_TIME = sorted([(device, 10, x) for device in ("S1", "S2", "S3") for x in AT_10] + [("S2", 20, 0.4)])
BY_CUSTOMER = [("S1", 10, 0.1), ("S1", 10, 0.2), ("S1", 10, 0.3), ("S2", 10, 0.2), ("S2", 10, 0.3), ("S2", 20, 0.4)]


@pytest.fixture
def training(frame):
    def run(**policies):
        return transform(
            frame(
                "step_trainer_trusted",
                *({"serialnumber": s, "sensorreadingtime": t, "distancefromobject": 200} for s, t in STEPS),
            ),
            frame("accelerometer_trusted", *({"user": u, "timestamp": t, "x": x} for u, t, x in MOVEMENTS)),
            frame("customers_curated", *({"email": e, "serialnumber": s, "phone": p} for e, s, p in OWNERS)),
            policies=Policies(**policies),
        )

    return run


@pytest.mark.parametrize(
    ("match", "unmatched", "expected"),
    [
        ("timestamp", "drop", BY_TIME),
        ("timestamp", "keep", [*BY_TIME, ("S3", 30, None)]),
        ("timestamp_and_customer", "drop", BY_CUSTOMER),
        ("timestamp_and_customer", "keep", [*BY_CUSTOMER, ("S3", 10, None), ("S3", 30, None)]),
    ],
)
def test_pairs(training, match, unmatched, expected):
    rows = training(training_match=match, unmatched_steps=unmatched).collect()
    assert sorted((row["serialnumber"], row["sensorreadingtime"], row["x"]) for row in rows) == expected


def test_result_says_nothing_about_the_customer(training):
    columns = "serialnumber:string,sensorreadingtime:bigint,distancefromobject:int,x:double,y:double,z:double"
    for match in ("timestamp", "timestamp_and_customer"):
        assert training(training_match=match).schema.simpleString() == f"struct<{columns}>"
