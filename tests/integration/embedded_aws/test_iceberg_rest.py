"""The Iceberg REST catalog on top of Glue and S3: guarantees of commits by any client, and their permissions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
import requests
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    BadRequestError,
    CommitFailedException,
    ForbiddenError,
    NoSuchNamespaceError,
    NoSuchTableError,
)
from pyiceberg.table import Table

from embedded_aws import iceberg_rest
from tests.support.served import Aws

COLUMNS = [{"Name": "id", "Type": "bigint", "Comment": "Key."}]


def rest(aws: Aws, key: tuple[str, str] | None = None) -> Catalog:
    """Return the catalog through the REST endpoint."""
    user, password = key or aws.root
    auth = {"type": "basic", "basic": {"username": user, "password": password}}
    return load_catalog("rest", type="rest", uri=f"{aws.endpoint}/iceberg", auth=auth, **files(aws, key))


def glue(aws: Aws) -> Catalog:
    """Return the catalog through Glue's own API."""
    return load_catalog(
        "glue",
        **{
            "type": "glue",
            "glue.endpoint": aws.endpoint,
            "glue.region": "us-east-1",
            "glue.access-key-id": aws.root[0],
            "glue.secret-access-key": aws.root[1],
            **files(aws),
        },
    )


def files(aws: Aws, key: tuple[str, str] | None = None) -> dict[str, str]:
    access_key_id, secret = key or aws.root
    return {
        "s3.endpoint": aws.endpoint,
        "s3.region": "us-east-1",
        "s3.access-key-id": access_key_id,
        "s3.secret-access-key": secret,
    }


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64())})


def ids(table: Table) -> list[int]:
    return sorted(table.scan().to_arrow()["id"].to_pylist())


def pointer(aws: Aws) -> str:
    table = aws.client("glue").get_table(DatabaseName=aws.name, Name="t")["Table"]
    location: str = table["Parameters"]["metadata_location"]
    return location


@pytest.fixture
def table(aws: Aws) -> Aws:
    """An Iceberg table, created as Terraform creates it."""
    storage = {"Location": f"s3://{aws.name}/warehouse/t/", "Columns": COLUMNS}
    aws.client("glue").create_table(
        DatabaseName=aws.name,
        TableInput={
            "Name": "t",
            "Description": "One row per test.",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage,
        },
        OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
    )
    return aws


def commit(aws: Aws, *updates: dict[str, Any], requirements: list[dict[str, Any]] | None = None) -> requests.Response:
    """Commit with any requirements and updates, which a proper client might not send."""
    url = f"{aws.endpoint}/iceberg/v1/catalogs/123456789012/namespaces/{aws.name}/tables/t"
    body = {"requirements": requirements or [], "updates": updates}
    return requests.post(url, json=body, auth=aws.root, timeout=10)


def test_every_client_sees_the_commits_of_all_others(table: Aws) -> None:
    by_rest, by_glue = rest(table).load_table((table.name, "t")), glue(table).load_table((table.name, "t"))
    by_rest.append(rows(1))
    assert ids(by_glue.refresh()) == [1]
    by_glue.append(rows(2))
    by_glue.manage_snapshots().create_tag(by_glue.metadata.current_snapshot_id or 0, "kept").commit()
    assert ids(by_rest.refresh()) == [1, 2]
    assert set(by_rest.refs()) == {"main", "kept"}


def test_a_commit_keeps_the_properties_that_only_glue_knows(table: Aws) -> None:
    created = pointer(table)
    rest(table).load_table((table.name, "t")).append(rows(1))
    shown = table.client("glue").get_table(DatabaseName=table.name, Name="t")["Table"]
    assert shown["Description"] == "One row per test."
    assert shown["Parameters"]["previous_metadata_location"] == created
    assert [(c["Name"], c["Type"], c["Comment"]) for c in shown["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint", "Key.")
    ]
    (metadata,) = [key for key in table.objects("warehouse/t/metadata/00001-") if key.endswith(".metadata.json")]
    assert pointer(table) == f"s3://{table.name}/{metadata}"


def test_a_commit_on_an_outdated_state_is_refused(table: Aws) -> None:
    appended = rest(table).load_table((table.name, "t"))
    appended.append(rows(1))
    answer = commit(
        table,
        {"action": "remove-snapshot-ref", "ref-name": "main"},
        requirements=[{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None}],
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "CommitFailedException")
    assert ids(appended.refresh()) == [1]


def test_concurrent_commits_are_applied_or_refused(table: Aws) -> None:
    catalogs = [rest(table), glue(table), rest(table), glue(table)]
    with rest(table).load_table((table.name, "t")).transaction() as settings:
        settings.set_properties({"commit.retry.num-retries": "1"})

    def write(number: int) -> list[int]:
        done = []
        for step in range(6):
            try:
                catalogs[number].load_table((table.name, "t")).append(rows(100 * number + step))
            except CommitFailedException:
                continue
            done.append(100 * number + step)
        return done

    with ThreadPoolExecutor(len(catalogs)) as pool:
        done = sorted(each for ids_done in pool.map(write, range(len(catalogs))) for each in ids_done)
    assert ids(rest(table).load_table((table.name, "t"))) == done
    assert done


@pytest.mark.parametrize("step", ["_put", "_update_glue_table"])
def test_an_interrupted_commit_leaves_the_old_state(table: Aws, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metadata file that the pointer does not reference has no effect."""
    before = pointer(table)

    def die(*_: object, **__: object) -> None:
        raise SystemError("killed")

    owner = iceberg_rest.S3File if step == "_put" else iceberg_rest.Catalog
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, die)
        assert commit(table, {"action": "set-properties", "updates": {"x": "y"}}).status_code == 500
    assert pointer(table) == before
    assert len([key for key in table.objects() if key.endswith(".metadata.json")]) == (1 if step == "_put" else 2)
    rest(table).load_table((table.name, "t")).append(rows(1))


def test_the_files_of_a_commit_exist_before_the_pointer_moves(table: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    move, seen = iceberg_rest.Catalog._update_glue_table, []

    def look(self: Any, **update: Any) -> None:
        key = update["table_input"]["Parameters"]["metadata_location"].removeprefix(f"s3://{table.name}/")
        seen.append(key in table.objects())
        move(self, **update)

    monkeypatch.setattr(iceberg_rest.Catalog, "_update_glue_table", look)
    rest(table).load_table((table.name, "t")).append(rows(1))
    assert seen == [True]


def test_a_commit_does_not_overwrite_the_pointer_of_a_concurrent_commit(
    table: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Glue's version check decides: the requirements of both commits hold."""
    put, other = iceberg_rest.S3File._put, glue(table).load_table((table.name, "t"))

    def lose_the_race(self: Any, content: bytes) -> None:
        put(self, content)
        monkeypatch.setattr(iceberg_rest.S3File, "_put", put)
        other.append(rows(1))

    monkeypatch.setattr(iceberg_rest.S3File, "_put", lose_the_race)
    answer = commit(table, {"action": "set-properties", "updates": {"x": "y"}})
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "CommitFailedException")
    assert ids(rest(table).load_table((table.name, "t"))) == [1]


def test_the_first_commit_of_a_table_may_create_a_branch(table: Aws) -> None:
    requirement = {"type": "assert-ref-snapshot-id", "ref": "audit", "snapshot-id": None}
    answer = commit(table, {"action": "set-properties", "updates": {"x": "y"}}, requirements=[requirement])
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ({"action": "paint-it-black"}, "paint-it-black"),
        ({"action": "remove-snapshots", "snapshot-ids": [1]}, "1"),
        ({"action": "remove-properties", "removals": ["nowhere"]}, "nowhere"),
        ({"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1}, "unknown snapshot 1"),
    ],
)
def test_an_unsupported_update_is_refused(table: Aws, update: dict[str, Any], says: str) -> None:
    before = pointer(table)
    answer = commit(table, {"action": "set-properties", "updates": {"x": "y"}}, update)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "BadRequestException")
    assert says in answer.json()["error"]["message"]
    assert pointer(table) == before


def test_tables_are_created_listed_and_dropped(table: Aws) -> None:
    catalog, name = rest(table), table.name
    made = catalog.create_table((name, "made"), rows().schema, location=f"s3://{name}/warehouse/made")
    made.append(rows(1))
    with catalog.create_table_transaction((name, "staged"), rows().schema, f"s3://{name}/warehouse/staged") as staged:
        assert not catalog.table_exists((name, "staged"))
        staged.append(rows(2))
    assert ids(catalog.load_table((name, "staged"))) == [2]
    assert sorted(catalog.list_tables(name)) == [(name, "made"), (name, "staged"), (name, "t")]
    assert (name,) in catalog.list_namespaces()
    catalog.drop_table((name, "staged"))
    assert table.objects("warehouse/staged/")
    with pytest.raises(BadRequestError, match="Purge is not supported"):
        catalog.purge_table((name, "made"))
    with pytest.raises(NoSuchTableError):
        catalog.load_table((name, "staged"))
    with pytest.raises(NoSuchNamespaceError):
        catalog.list_tables("nowhere")


def test_a_table_that_is_not_iceberg_does_not_exist(table: Aws) -> None:
    table.client("glue").create_table(DatabaseName=table.name, TableInput={"Name": "json", "Parameters": {"a": "b"}})
    assert rest(table).list_tables(table.name) == [(table.name, "t")]
    with pytest.raises(NoSuchTableError):
        rest(table).load_table((table.name, "json"))


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_the_error_names_an_unreadable_metadata_file(table: Aws, damage: str) -> None:
    location = pointer(table)
    place = {"Bucket": table.name, "Key": location.removeprefix(f"s3://{table.name}/")}
    table.client("s3").delete_object(**place) if damage == "gone" else table.client("s3").put_object(**place, Body=b"{")
    answer = commit(table)
    assert answer.status_code == 422
    assert f"The metadata file {location} is damaged or missing" in answer.json()["error"]["message"]


def test_a_caller_without_a_valid_key_is_refused(table: Aws) -> None:
    for auth in (None, (table.root[0], "wrong"), ("AKIANOBODY", table.root[1])):
        for path in ("config", f"catalogs/123456789012/namespaces/{table.name}/tables/t"):
            answer = requests.get(f"{table.endpoint}/iceberg/v1/{path}", auth=auth, timeout=10)
            assert (answer.status_code, answer.json()["error"]["type"]) == (403, "ForbiddenException")


class TestPermissions:
    """A commit needs the same permissions as one by a client that calls Glue and S3 itself."""

    @pytest.fixture
    def enforced(self, table: Aws) -> Aws:
        rest(table).load_table((table.name, "t")).append(rows(1))
        return table

    def statements(self, aws: Aws) -> dict[str, dict[str, Any]]:
        arn = "arn:aws:glue:us-east-1:123456789012:"
        catalog = [f"{arn}catalog", f"{arn}database/{aws.name}", f"{arn}table/{aws.name}/t"]
        return {
            "read table": {"Action": ["glue:GetTable", "glue:GetDatabase"], "Resource": catalog},
            "commit": {"Action": "glue:UpdateTable", "Resource": catalog},
            "read": {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{aws.name}/warehouse/t/*"},
            "write": {"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{aws.name}/warehouse/t/*"},
        }

    def test_suffice(self, enforced: Aws) -> None:
        key = enforced.user(*self.statements(enforced).values())
        enforced.enforce_iam(on=True)
        rest(enforced, key).load_table((enforced.name, "t")).append(rows(2))
        assert ids(glue(enforced).load_table((enforced.name, "t"))) == [1, 2]

    def test_are_not_needed_for_nested_namespaces(self, enforced: Aws) -> None:
        """Spark looks for a table `refs` in the namespace `db.t` before it loads the table `t`."""
        key = enforced.user(*self.statements(enforced).values())
        enforced.enforce_iam(on=True)
        with pytest.raises(NoSuchTableError, match="no databases within databases"):
            rest(enforced, key).load_table((enforced.name, "t", "refs"))

    @pytest.mark.parametrize(
        ("lacks", "says"),
        [
            ("read table", "glue:GetTable"),
            ("commit", "glue:UpdateTable"),
            ("read", "s3:GetObject"),
            ("write", "s3:PutObject"),
        ],
    )
    def test_are_needed(self, enforced: Aws, lacks: str, says: str) -> None:
        allowed = {name: each for name, each in self.statements(enforced).items() if name != lacks}
        key, before = enforced.user(*allowed.values()), pointer(enforced)
        enforced.enforce_iam(on=True)
        url = f"{enforced.endpoint}/iceberg/v1/catalogs/123456789012/namespaces/{enforced.name}/tables/t"
        updates = [{"action": "set-properties", "updates": {"x": "y"}}]
        answer = requests.post(url, json={"requirements": [], "updates": updates}, auth=key, timeout=10)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "ForbiddenException")
        assert says in answer.json()["error"]["message"]
        assert pointer(enforced) == before
        if lacks == "read table":
            with pytest.raises(ForbiddenError):
                rest(enforced, key).load_table((enforced.name, "t"))


def test_a_commit_deletes_the_metadata_files_that_the_table_need_not_keep(table: Aws) -> None:
    properties = {"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "2"}
    with rest(table).load_table((table.name, "t")).transaction() as change:
        change.set_properties(properties)
    for number in range(4):
        answer = commit(table, {"action": "set-properties", "updates": {"number": str(number)}})
        assert answer.status_code == 200
    left = sorted(key for key in table.objects("warehouse/t/metadata/") if key.endswith(".metadata.json"))
    assert [key.rpartition("/")[2][:5] for key in left] == ["00003", "00004", "00005"]
    assert rest(table).load_table((table.name, "t")).properties["number"] == "3"


def test_a_snapshot_keeps_its_parent_when_that_expires(table: Aws) -> None:
    """Iceberg's client deletes the files of snapshots that are not as they were before."""
    for number in range(3):
        rest(table).load_table((table.name, "t")).append(rows(number))
    first, second, third = rest(table).load_table((table.name, "t")).snapshots()
    assert commit(table, {"action": "remove-snapshots", "snapshot-ids": [first.snapshot_id]}).status_code == 200
    assert rest(table).load_table((table.name, "t")).snapshots() == [second, third]
    assert second.parent_snapshot_id == first.snapshot_id
