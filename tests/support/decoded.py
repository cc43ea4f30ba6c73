"""What a reader who looks into a file finds: the compressed and the columnar as well."""

import gzip
import io
import zlib
from collections.abc import Iterator

import pyarrow.parquet as pq


def decoded(content: bytes) -> Iterator[bytes]:
    """Yield the content as it is, and what is packed into it: gzip, Parquet, deflated Avro blocks."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PAR1"):
        yield repr(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
    if content.startswith(b"Obj\x01"):  # whatever inflates, from any byte on
        for start in range(len(content)):
            try:
                yield zlib.decompressobj(-15).decompress(content[start:])
            except zlib.error:
                continue
