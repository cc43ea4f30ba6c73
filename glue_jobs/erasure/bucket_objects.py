"""List, search, rewrite and delete the objects of the lakehouse in all their versions."""

import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, BinaryIO, Final, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from canonical import canonical
from json_records import Kind, parts, without
from landing_files import UNSAFE_CODECS
from person import Person
from problems import BadInputError
from s3_root import split

T = TypeVar("T")

CONCURRENCY: Final = 8
BLOCK: Final = 8 * 1024**2
IN_MEMORY: Final = 64 * 1024**2  # an object read as a whole spills to disk beyond this size
DELETE_BATCH: Final = 1000  # the limit of DeleteObjects

GZIP: Final = b"\x1f\x8b"
PARQUET: Final = b"PAR1"
AVRO: Final = b"Obj\x01"
PUFFIN: Final = b"PFA1"
"""First bytes of Iceberg statistics: hashed values, which look compressed."""
OPAQUE: Final = re.compile(
    rb"ORC|PK(?:\x03\x04|\x05\x06|\x07\x08)|7z\xbc\xaf|Rar!|MSCF|.{257}ustar"  # ORC, archives
    rb"|BZh|\x28\xb5\x2f\xfd|\xfd7zXZ|\xff\x06\x00\x00|\x04\x22\x4d\x18|\x78[\x01\x5e\x9c\xda]|LZIP|\x1f[\x9d\xa0]"
    rb"|%PDF|\xd0\xcf\x11\xe0|\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|RIFF|.{4}ftyp"  # documents, pictures, films
    rb"|Salted__|age-encryption\.org/|-----BEGIN (?:PGP MESSAGE|AGE ENCRYPTED FILE)-----|\x85[\x01-\x04]",
    re.DOTALL,
)
"""First bytes of data that is not decoded here: archives, compressions other than gzip, documents, encrypted data."""
SAMPLE: Final = 2**16
DENSE: Final = 0.97
"""Compression ratio above which data counts as compressed or encrypted already."""
SMALL: Final = 256  # bytes; less data is too little to tell

DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile)
"""Errors of reading a damaged gzip file."""

UNREADABLE: Final = (*DAMAGED, pa.ArrowException, OSError, UnicodeDecodeError, IndexError, OverflowError, MemoryError)
"""Errors of decoding a damaged file; pyarrow reports a damaged page as OSError."""

UNDECODABLE: Final = "undecodable"
"""Stands for a kind of identifier when an object cannot be searched."""

KEPT_HEADERS: Final = ("ContentType", "ContentEncoding", "ContentDisposition", "CacheControl", "Metadata")


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker."""

    key: str
    id: str
    size: int
    modified: datetime
    current: bool
    marker: bool = False

    @property
    def live(self) -> bool:
        """Whether readers get this version."""
        return self.current and not self.marker


class Bucket:
    """The bucket of a lakehouse, or its prefix of a shared bucket; nothing outside the prefix is reached.

    All keys, those of versions included, are relative to the prefix. `name` is the bucket, with the prefix if there is
    one, as in a URI.
    """

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self.name = name
        self._bucket, self.prefix = split(name)

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self.prefix}{key}"}

    def versions(self, prefix: str = "") -> Iterator[Version]:
        """Return all versions and delete markers whose key has the prefix."""
        # To an IAM policy with prefixes, an empty prefix is not the same as no prefix.
        below = f"{self.prefix}{prefix}"
        where = {"Prefix": below} if below else {}
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, **where):
            for kind, marker in (("Versions", False), ("DeleteMarkers", True)):
                for item in page.get(kind, []):
                    yield Version(
                        item["Key"].removeprefix(self.prefix),
                        item["VersionId"],
                        item.get("Size", 0),
                        item["LastModified"],
                        item["IsLatest"],
                        marker,
                    )

    def read(self, key: str) -> bytes | None:
        """Return the content of a small object; None if it does not exist."""
        try:
            return cast("bytes", self._s3.get_object(**self._address(key))["Body"].read())
        except self._s3.exceptions.NoSuchKey:
            return None

    def write(self, key: str, content: bytes) -> None:
        """Write a small object and delete its earlier versions."""
        self._s3.put_object(**self._address(key), Body=content, ContentType="application/json")
        self.purge([key])

    def delete(self, versions: Iterable[Version]) -> int:
        """Delete these versions for good and return their number."""
        condemned = [{"Key": f"{self.prefix}{version.key}", "VersionId": version.id} for version in versions]
        for start in range(0, len(condemned), DELETE_BATCH):
            batch = condemned[start : start + DELETE_BATCH]
            errors = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True}).get(
                "Errors"
            )
            if errors:
                code = errors[0].get("Code")
                raise BadInputError(f"{len(errors)} versions could not be deleted: {code}. Run the same request again.")
        return len(condemned)

    def purge(self, keys: Iterable[str], *, current: bool = False) -> int:
        """Delete the noncurrent versions and delete markers of objects and, with `current`, the current version too."""
        versions = [version for key in keys for version in self.versions(key) if version.key == key]
        # The current ones last: if the run is killed in between, no older version becomes current.
        condemned = [version for version in versions if current or not version.current or version.marker]
        return self.delete(sorted(condemned, key=lambda version: version.current))

    def open(self, version: Version) -> io.BufferedReader:
        """Return the stored bytes of a version as a stream."""
        which = {} if version.id == "null" else {"VersionId": version.id}
        body = self._s3.get_object(**self._address(version.key), **which)["Body"]
        return io.BufferedReader(_Raw(body), BLOCK)

    def windows(self, version: Version, overlap: int) -> Iterator[bytes]:
        """Return a version in parts, decompressed: see `windows`."""
        with self.open(version) as stream, _decompressed(stream) as text:
            yield from windows(text, overlap)

    def replace(self, version: Version, content: IO[bytes], key: str | None = None) -> None:
        """Replace the content of the current version of an object, and delete all earlier versions.

        With a new key the object is renamed, and nothing stays under the old key.
        """
        head = self._s3.head_object(**self._address(version.key))
        if head.get("VersionId", version.id) != version.id:
            raise BadInputError("An upload replaced a landing file during its rewrite. Run the same request again.")
        kept = {name: head[name] for name in KEPT_HEADERS if head.get(name)}
        self._s3.upload_fileobj(content, **self._address(key or version.key), ExtraArgs=kept)
        self.purge([version.key], current=key is not None)

    def records(self, version: Version) -> Iterator[bytes]:
        """Return the decompressed records of a version and what is not a record; up to any damage."""
        with self.open(version) as stream, _decompressed(stream) as text, suppress(*DAMAGED):
            yield from (content for kind, content in parts(_blocks(text)) if kind is not Kind.BETWEEN)

    def rows(
        self, version: Version, columns: Sequence[str], where: str, wanted: Callable[[str], bool]
    ) -> Iterator[dict[str, Any]]:
        """Return the rows of a Parquet file whose column `where` has a wanted value, compared in canonical form.

        A damaged file, or one that lacks the columns, has no rows.
        """
        with self.open(version) as stream, tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            shutil.copyfileobj(stream, file, BLOCK)
            file.seek(0)
            try:
                for batch in pq.ParquetFile(cast("BinaryIO", file)).iter_batches(columns=list(columns)):
                    if not set(columns) <= set(batch.schema.names):
                        return
                    texts = batch.column(where)
                    alike = [text for text in texts.unique().to_pylist() if text and wanted(canonical(text))]
                    if alike:
                        yield from batch.filter(pc.is_in(texts, pa.array(alike, texts.type))).to_pylist()
            except UNREADABLE:
                return

    def kinds_in(self, version: Version, person: Person) -> set[str]:
        """Return the kinds of the person's identifiers in a version, in any supported encoding.

        A damaged version, or one in an unsupported format, has the kind `UNDECODABLE`.
        """
        named = person.kinds_in_data(version.key.encode(), binary=True)
        if version.marker:
            return named
        if version.key.endswith(UNSAFE_CODECS):  # not all of these formats have magic bytes
            return named | {UNDECODABLE}
        with self.open(version) as stream:
            return named | kinds_in(stream, person)


class _Raw(io.RawIOBase):
    """Adapter that makes a boto3 body bufferable."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._body.close()
        super().close()


def map_concurrently(items: Iterable[Any], act: Callable[[Any], T]) -> Iterator[T]:
    """Apply a function to many items concurrently; the results keep their order."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        yield from pool.map(act, items)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


def erase_records(source: io.BufferedReader, sink: IO[bytes] | None, erase: Callable[[str], bool]) -> tuple[int, bool]:
    """Copy a stream without the records to erase, in the same compression and form; other records keep their bytes.

    Returns the number of erased records, and whether any non-blank record stays.
    """
    compressed = source.peek(2)[:2] == GZIP
    erased, anything_left = 0, False
    with _decompressed(source) as text, _compressing(sink, compressed) as out:
        for part, erasing in without(parts(_blocks(text)), lambda record: erase(record.decode("utf-8", "replace"))):
            if erasing:
                erased += 1
                continue
            is_data = part.kind is not Kind.BETWEEN and part.content.strip(b" \t\r\n\xef\xbb\xbf")
            anything_left = anything_left or bool(is_data)
            if out:
                out.write(part.content)
    return erased, anything_left


def kinds_in(stream: io.BufferedReader, person: Person) -> set[str]:
    """Return the kinds of the person's identifiers in a stream, or `UNDECODABLE`."""
    head = stream.peek(SAMPLE)[:SAMPLE]
    if head.startswith((PARQUET, AVRO)):
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            shutil.copyfileobj(stream, file, BLOCK)  # outside the try: an S3 error is not damage
            file.seek(0)
            decode = _decoded_parquet if head.startswith(PARQUET) else _decoded_avro
            try:
                return _kinds_in_parts(decode(cast("BinaryIO", file)), person)
            except UNREADABLE:
                return {UNDECODABLE}
    try:
        with io.BufferedReader(cast("io.RawIOBase", _decompressed(stream)), SAMPLE) as text:
            compressed = head.startswith(GZIP)
            if compressed:
                head = text.peek(SAMPLE)[:SAMPLE]
            if is_opaque(head) or (compressed and head.startswith((GZIP, PARQUET, AVRO))):
                return {UNDECODABLE}
            binary = b"\0" in head
            found = set()
            for window in windows(text, person.longest):
                binary = binary or b"\0" in window
                found |= person.kinds_in_data(window, binary=binary)
            return found
    except DAMAGED:
        return {UNDECODABLE}


def is_opaque(head: bytes) -> bool:
    """Tell by the first bytes of data whether it is in a format that cannot be searched: compressed or encrypted."""
    if OPAQUE.match(head):
        return True
    if len(head) < SMALL or head.startswith((PUFFIN, GZIP)):
        return False
    return len(zlib.compress(head, 1)) > DENSE * len(head)


def windows(stream: BinaryIO, overlap: int) -> Iterator[bytes]:
    """Return a stream in parts that end with a line; where a line is very long, the parts overlap."""
    rest = b""
    while block := stream.read(BLOCK):
        rest += block
        if cut := rest.rfind(b"\n") + 1:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) >= 2 * BLOCK:
            yield rest
            rest = rest[-overlap:]
    if rest:
        yield rest


def _decompressed(stream: io.BufferedReader) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == GZIP else stream)


@contextmanager
def _compressing(sink: IO[bytes] | None, compressed: bool) -> Iterator[IO[bytes] | None]:
    """Yield the writer for a copy: none, the sink, or the sink through gzip. The sink stays open."""
    if sink and compressed:
        with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0) as out:
            yield cast("IO[bytes]", out)
    else:
        yield sink


def _kinds_in_parts(parts: Iterable[str | bytes], person: Person) -> set[str]:
    """Search texts, then binary data, which may repeat values of the texts."""
    found: set[str] = set()
    for part in parts:
        if isinstance(part, str):
            found |= person.kinds_in_data(part.encode())
            person = person.with_other_values(part)
        else:
            found |= person.kinds_in_data(part, binary=True)
    return found


def _decoded_parquet(file: BinaryIO) -> Iterator[str | bytes]:
    """Return the texts of a Parquet file, one per line, then its indexes and footer, which repeat some values."""
    parquet = pq.ParquetFile(file)
    for batch in parquet.iter_batches():
        for column in batch.columns:
            yield "\n".join(_texts(column))
    groups = [parquet.metadata.row_group(group) for group in range(parquet.metadata.num_row_groups)]
    ends = [_end(group.column(column)) for group in groups for column in range(group.num_columns)]
    file.seek(max(ends, default=0))
    yield file.read()


def _end(chunk: Any) -> int:
    """Return the offset at which the pages of a column chunk end."""
    first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return int(min(first, chunk.data_page_offset) + chunk.total_compressed_size)


def _texts(column: Any) -> Iterator[str]:
    """Return the distinct texts in a column of any type, including nested types."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _texts(column.dictionary)
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _texts(part)
    elif pa.types.is_map(kind):
        yield from _texts(column.keys)
        yield from _texts(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts(column.flatten())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield from (value for value in column.unique().to_pylist() if value)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        yield from (value.decode("utf-8", "replace") for value in column.unique().to_pylist() if value)


def _decoded_avro(file: BinaryIO) -> Iterator[bytes]:
    """Return the decompressed blocks of an Avro file: the content of Iceberg manifests, including column bounds."""
    file.read(len(AVRO))
    header: dict[bytes, bytes] = {}
    while count := _avro_long(file):
        if count < 0:
            _avro_long(file)  # the block's size in bytes
        for _ in range(abs(count)):
            key = file.read(_avro_long(file))
            header[key] = file.read(_avro_long(file))
    marker = file.read(16)
    codec = header.get(b"avro.codec", b"null").decode()
    while file.read(1):
        file.seek(-1, io.SEEK_CUR)
        _avro_long(file)  # number of entries
        block = file.read(_avro_long(file))
        if codec == "deflate":
            yield zlib.decompress(block, -zlib.MAX_WBITS)
        elif codec == "null":
            yield block
        else:
            raise EOFError
        if file.read(16) != marker:
            raise EOFError


def _avro_long(file: BinaryIO) -> int:
    """Read a variable-length zigzag number."""
    number = shift = 0
    while True:
        byte = file.read(1)[0]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1)
        shift += 7
