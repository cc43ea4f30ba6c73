"""Decoding of files in every way that a reader could: plain, compressed and columnar."""

import gzip
import io
import zlib
from collections.abc import Iterator

import pyarrow.parquet as pq


def decoded(content: bytes) -> Iterator[bytes]:
    """Yield the content as is, and decoded: gzip, Parquet, deflated Avro blocks."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PAR1"):
        yield repr(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
    if content.startswith(b"Obj\x01"):  # anything that inflates, from any offset
        for start in range(len(content)):
            try:
                yield zlib.decompressobj(-15).decompress(content[start:])
            except zlib.error:
                continue
