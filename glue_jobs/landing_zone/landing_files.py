"""Read the files of a landing table, each in its form, and report files that are unreadable or ignored."""

import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import boto3
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from json_records import HEADS, Form, Kind, LongRecordError, encoding, form, split
from problems import BadInputError, causes
from temporary_files import ignored_because_of

SHOWN_FILES: Final = 5
UNSAFE_CODECS: Final = (".bz2", ".deflate", ".lz4", ".snappy", ".zst")
HOLDS_DATA: Final = r"[^\s\uFEFF,]"
ARCHIVED: Final = "InvalidObjectState"  # the error code of S3 for an object in Glacier

CONCURRENT_LOOKS: Final = 8
PIECE: Final = b":"
BATCH: Final = 4 * 1024**2  # bytes of records that Python passes to Spark at once
WHOLE_FILE: Final = 1 << 50  # bytes, larger than any file: no file is split
A_PARTITION_EACH: Final = 1 << 40  # bytes that opening a file counts for: no two files share a partition


def read(
    spark: SparkSession, location: str, only: Sequence[str] | None = None, *, keys: Collection[str] | None = None
) -> DataFrame:
    """Return the non-blank records of a landing table, in the shape that `parse` takes.

    Some files alone are read if `only` has their URIs, or `keys` the keys of their objects. Spark itself reads files of
    lines, which nearly all are. Raises a BadInputError that names an unreadable file, or one that is not UTF-8.
    """
    lines = _text(spark, location)
    if keys is not None:
        only = [file for key, file in names(lines).items() if key in keys]
    files = [file for file in (_files(lines) if only is None else only) if not file.endswith(UNSAFE_CODECS)]
    with ThreadPoolExecutor(CONCURRENT_LOOKS) as pool:
        forms = dict(zip(files, pool.map(lambda file: _form_of(spark, file), files), strict=True))
    if encodings := {file: name for file, name in forms.items() if isinstance(name, str)}:
        raise _not_utf8(encodings)
    values = [file for file, form in forms.items() if form is Form.VALUES]
    if only is not None:
        lines = lines.where(F.col("file").isin(*only))
    if values:
        lines = lines.where(~F.col("file").isin(*values))
    # Nearly every line begins with a brace, which is cheaper to see than to match.
    records = lines.where(F.col("value").startswith("{") | F.col("value").rlike(HOLDS_DATA)).withColumn(
        "unit", F.lit("line")
    )
    return records.unionByName(_values(spark, location, values)) if values else records


def _text(spark: SparkSession, location: str, **options: str) -> DataFrame:
    lines = spark.read.options(recursiveFileLookup="true", **options).text(location)
    return lines.select("value", F.col("_metadata.file_path").alias("file"))


def _files(lines: DataFrame) -> list[str]:
    """Return the files as the column `file` names them: Spark writes URIs of local files in two ways."""
    return [re.sub("^file:/+", "file:/", file) for file in lines.inputFiles()]


def names(lines: DataFrame) -> dict[str, str]:
    """Return the URI of each file of a landing table, as in the column `file`, by the key of its object."""
    return {unquote(urlsplit(file).path.lstrip("/")): file for file in _files(lines)}


def _form_of(spark: SparkSession, file: str) -> Form | str:
    """Return the form of a file, or the name of its encoding if that is not UTF-8."""

    @cache
    def head_of(size: int) -> tuple[bytes, bool]:
        stored = _first_bytes(spark, file, size + 1)
        head = _decompressed(stored, size + 1) if file.endswith(".gz") else stored
        return head[:size], len(stored) <= size and len(head) <= size

    try:
        return encoding(head_of(HEADS[0])[0]) or form(head_of)
    except Py4JJavaError as error:
        raise _unreadable(file, causes(error)[-1]) from error


def _first_bytes(spark: SparkSession, file: str, size: int) -> bytes:
    java: Any = spark.sparkContext._jvm
    path = java.org.apache.hadoop.fs.Path(java.java.net.URI(file))
    stream = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).open(path)
    try:
        return bytes(stream.readNBytes(size))
    finally:
        stream.close()


def _decompressed(stored: bytes, size: int) -> bytes:
    """Return the first bytes of gzip data, up to any damage: Spark reports the damage when it reads the file."""
    head = b""
    with suppress(zlib.error):
        while stored and len(head) < size:
            member = zlib.decompressobj(wbits=31)
            head += member.decompress(stored, size - len(head))
            stored = member.unused_data
    return head


def _values(spark: SparkSession, location: str, files: Sequence[str]) -> DataFrame:
    """Return the records of files of values, in the shape of `read`.

    Spark passes each file to Python in pieces, in order and as one partition, so no more than a record of a file is in
    memory. Spark splits the file at a line separator, which must be frequent. Spark does not tell whether a file ends
    with one, so it must also be irrelevant at the end: a colon, since no object ends in one.
    """
    session = spark.newSession()  # its settings apply to this read only
    session.conf.set("spark.sql.files.maxPartitionBytes", str(WHOLE_FILE))
    session.conf.set("spark.sql.files.openCostInBytes", str(A_PARTITION_EACH))
    pieces = _text(session, location, lineSep=PIECE.decode()).where(F.col("file").isin(*files))
    pieces = pieces.select(F.col("value").cast("binary"), "file")
    records = pieces.mapInArrow(_records, "value binary, file string")
    return records.select(F.col("value").cast("string"), "file", F.lit("record").alias("unit"))


def _records(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Assemble records from the pieces of files."""
    for file, blocks in groupby(_blocks(batches), key=itemgetter(0)):
        records: list[bytes] = []
        size = 0
        try:
            for kind, content in split(block for _, block in blocks):
                if kind is Kind.BETWEEN:
                    continue
                records.append(content or b"[")  # empty content is an unclosed array
                size += len(content)
                if size >= BATCH:
                    yield _batch(records, file)
                    records, size = [], 0
        except LongRecordError as error:
            raise BadInputError(
                f"The landing file {file} cannot be read: it has {error}. It may be one object around all others, or "
                "truncated. Write each record as an object of its own, and run again."
            ) from error
        if records:
            yield _batch(records, file)


def _blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, bytes]]:
    """Join the pieces of each file in a batch; files arrive one after another."""
    last = None
    for batch in batches:
        rows = zip(batch.column("file").to_pylist(), batch.column("value").to_pylist(), strict=True)
        for file, pieces in groupby(rows, key=itemgetter(0)):
            block = PIECE.join(piece for _, piece in pieces)
            yield file, block if file != last else PIECE + block
            last = file


def _batch(records: list[bytes], file: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"value": pa.array(records, pa.binary()), "file": [file] * len(records)})


def ignored(spark: SparkSession, location: str) -> list[str]:
    """Return the non-empty files below a location that Spark ignores, or the folders that make it ignore them."""
    java: Any = spark.sparkContext._jvm
    root = java.org.apache.hadoop.fs.Path(location)
    files = root.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    below = f"{files.makeQualified(root)}/"
    found: dict[str, None] = {}
    listing = files.listFiles(root, True)  # not a glob: Hadoop would parse a name with a colon as a URI
    while listing.hasNext():
        status = listing.next()
        place = ignored_because_of(str(status.getPath()).removeprefix(below))
        if place and status.getLen():  # an empty one is a marker such as _SUCCESS
            found[f"{below}{place}"] = None
    return list(found)


def refuse_compressed(lines: DataFrame) -> None:
    """Raise a BadInputError for files in a compression for which Spark does not detect damage."""
    if found := sorted(path for path in lines.inputFiles() if path.endswith(UNSAFE_CODECS)):
        raise BadInputError(
            f"The landing zone has {len(found):,} files in a compression that is not read, since damage to them would "
            f"silently lose rows: {shown(found)}. Unpack them, or compress them with gzip (.gz), and run again."
        )


def shown(files: Sequence[str]) -> str:
    """List file names for a message, only the first of many."""
    return ", ".join([*files[:SHOWN_FILES], *(["..."] if len(files) > SHOWN_FILES else [])])


def _not_utf8(files: Mapping[str, str]) -> BadInputError:
    named = shown([f"{file} ({name})" for file, name in sorted(files.items())])
    one = next(iter(sorted(files.items())))[1]
    return BadInputError(
        f"The landing zone has {len(files):,} files that are not UTF-8: {named}. Nothing was read. Convert them, as "
        f"`iconv -f {one} -t UTF-8` does, and run again."
    )


def explain(spark: SparkSession, location: str, error: Py4JJavaError | PythonException) -> BadInputError | None:
    """Explain why reading a location failed, and name the file, which Spark's error may not.

    Returns None if every file can be read: then the cause is another.
    """
    if isinstance(error, PythonException):
        return _bad_input_in(str(error))
    try:
        if (of_python := _raised_in_python(error)) is not None:
            return of_python
        cause = causes(error)[-1]
        out_of_memory = "OutOfMemory" in cause.getClass().getName()
    except (Py4JError, OSError):  # the JVM is gone, and the name of the file with it
        out_of_memory = True
    if out_of_memory:
        return BadInputError(
            f"Spark ran out of memory over the files at {location}. Most likely one has a line of very many megabytes: "
            "JSON lines need one object per line. Correct it, or give the job larger workers, and run again."
        )
    if "FileNotFound" in cause.getClass().getName():
        return _disappeared(location)
    suspects = sorted(_files(_text(spark, location)))
    if _can_be_read(spark, location, suspects):
        return None
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        suspects = suspects[len(half) :] if _can_be_read(spark, location, half) else half
    return _unreadable(suspects[0], cause)


def _raised_in_python(error: Py4JJavaError) -> BadInputError | None:
    """Return the error of Python behind that of a write, which PySpark does not turn into a PythonException."""
    messages = (cause.getMessage() or "" for cause in causes(error) if "PythonException" in cause.getClass().getName())
    return next((found for message in messages if (found := _bad_input_in(message))), None)


def _bad_input_in(trace: str) -> BadInputError | None:
    """Return the error that `_records` raised, from the stack trace of Spark's Python process."""
    found = re.search(r"^problems\.BadInputError: (.+)", trace, re.MULTILINE)
    return BadInputError(found[1]) if found else None


def _can_be_read(spark: SparkSession, location: str, files: Sequence[str]) -> bool:
    try:
        read(spark, location, files).count()
    except (Py4JJavaError, BadInputError):
        return False
    return True


def _disappeared(place: str) -> BadInputError:
    return BadInputError(f"Files at {place} disappeared during the read. Run again when no upload is in progress.")


def _unreadable(file: str, cause: Any) -> BadInputError:
    """Explain why a file cannot be read, from the Java exception."""
    if "FileNotFound" in cause.getClass().getName():
        return _disappeared(file)
    (reason, *_) = (cause.getMessage() or cause.getClass().getName()).splitlines()
    if ARCHIVED in reason:
        return BadInputError(
            f"The landing file {file} is archived{_storage_class(file)}, so it cannot be read. Nothing was published. "
            "Restore it (aws s3api restore-object), or move it out of the landing zone, and run again."
        )
    return BadInputError(
        f"The landing file {file} cannot be read: {reason}. It may be truncated, or not be in the format of its name. "
        "Replace or remove it in the landing zone and run again."
    )


def _storage_class(file: str) -> str:
    """Return the storage class of an object as the end of a phrase, empty if S3 does not tell it."""
    bucket, _, key = file.partition("://")[2].partition("/")
    with suppress(BotoCoreError, ClientError):
        found = boto3.client("s3").head_object(Bucket=bucket, Key=unquote(key))
        return f" in storage class {found.get('StorageClass', 'unknown')}"
    return ""
