r"""Search bytes for texts in any letter case, encoding and escaping, or in base64.

First a window is searched for all texts at once, by RE2 regular expressions on the bytes, which may match too much.
Only lines that match are then decoded, in every way that may apply, and examined exactly.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, reduce
from itertools import compress, islice
from typing import Final, cast

import pyarrow as pa
import pyarrow.compute as pc

from canonical import folded

NESTED: Final = 3  # layers of escapes: a record in quarantine is JSON in JSON
LONG_RUN: Final = 28
"""Length from which a run of base64 is always decoded; keys such as shareWithResearchAsOfDate are shorter."""
SLICE: Final = 2**16  # bytes of binary data decoded at once
BATCH: Final = 2**16  # parts searched at once
PATTERNS: Final = 500  # texts per regular expression: RE2 limits the program size

ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
WIDE: Final = (("utf-16-le", 2), ("utf-16-be", 2), ("utf-32-le", 4), ("utf-32-be", 4))

ESCAPE: Final = re.compile(
    rb"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"  # a character beyond the first 65,536
    rb"|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\([\"'\\/bfnrt])"
    rb"|%([0-9a-fA-F]{2})"
    rb"|&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
)
MARKS: Final = (b"\\", b"%", b"&")
"""Characters that begin an escape."""
RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{6,}")
URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
WRAPPED: Final = re.compile(rb"[A-Za-z0-9+/]{28,}(?:\r?\n[A-Za-z0-9+/]+)+")  # base64 in lines, as in e-mail


def readings(text: str) -> Iterator[str]:
    """Return a text in canonical letter case, then repeatedly with one more layer of escapes decoded."""
    yield folded(text)
    data = b""
    for _ in range(NESTED):
        if not any(mark in text for mark in "\\%&"):
            return
        data = data or text.encode("utf-8", "surrogatepass")
        data, before = ESCAPE.sub(_unescape, data), data
        if data == before:
            return
        text = data.decode("utf-8", "replace")
        yield folded(text)


def as_word(text: str) -> str:
    """Return a regular expression that matches a text as a whole word.

    A number does not match within a decimal number such as 0.8015551212.
    """
    number = "" if "@" in text else r"(?<!\d\.)"
    after = "" if "@" in text else r"(?!\.\d)"
    words = r"[\s+]+".join(map(re.escape, folded(text).split()))  # a blank is a plus sign in a URL
    return rf"(?<![^\W_]){number}{words}(?![^\W_]){after}"


class SearchTerms:
    """Texts to search for in bytes, all at once.

    `spellings` are texts in their original letter case, for which base64 of exactly that spelling is found.
    """

    def __init__(self, texts: Iterable[str], spellings: Iterable[str] = ()) -> None:
        wanted = sorted({folded(text) for text in texts if text})
        cores = sorted({core for text in {*wanted, *spellings} for core in _base64(text)})
        self.patterns = [_any(map(_bytes_of, wanted[start : start + PATTERNS])) for start in _starts(wanted)]
        """Regular expressions of the texts, for Arrow arrays of binary data."""
        self._packed = [
            _any([*map(_literal, cores[start : start + PATTERNS]), f"[A-Za-z0-9+/]{{{LONG_RUN}}}"], case=True)
            for start in _starts(cores)
        ]
        self.longest = 32 * max(map(len, wanted), default=0) + 32
        """Maximum length in bytes of an encoded text, in which each character is an escape of an escape."""

    def texts(self, data: bytes) -> Iterator[tuple[str, bool]]:
        """Return the decoded parts of a window that may hold a text, and whether as two or four bytes per character."""
        forms = list(_forms(data))
        if any(_match(form, self.patterns) for form in forms):
            parts = _slices(data, self.longest) if b"\0" in data else data.split(b"\n")
            hits = compress(parts, _mask(parts, self.patterns)) if len(forms) == 1 else self.hits(parts)
            for part in hits:
                yield from _decoded(part)
        for form in forms:
            lines = form.split(b"\n") if _match(form, self._packed) else ()
            packed = b"\n".join(compress(lines, _mask(lines, self._packed)))
            for part in self.hits(_unpacked(packed)):
                yield from _decoded(part)

    def hits(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Return the parts that may hold a text, as is or with escapes decoded."""
        left = iter(parts)
        while batch := list(islice(left, BATCH)):
            readable = [b"\n".join(_forms(part)) if _has_forms(part) else part for part in batch]
            yield from compress(batch, _mask(readable, self.patterns))


def _match(data: bytes, patterns: Sequence[str]) -> bool:
    return any(_mask([data], patterns))


def _mask(parts: Sequence[bytes], patterns: Sequence[str]) -> Sequence[bool]:
    array = pa.array(parts, pa.large_binary())
    masks = [pc.match_substring_regex(array, pattern=pattern) for pattern in patterns]
    return cast("Sequence[bool]", reduce(pc.or_, masks).to_pylist())


def _decoded(part: bytes) -> Iterator[tuple[str, bool]]:
    yield from ((text, False) for text in narrow_texts(part))
    yield from ((text, True) for text in wide_texts(part))


def _slices(data: bytes, overlap: int) -> Sequence[bytes]:
    return [data[start : start + SLICE + overlap] for start in range(0, len(data), SLICE)]


def narrow_texts(data: bytes) -> Iterator[str]:
    """Decode data as UTF-8, or else also as one byte per character."""
    try:
        yield data.decode()
    except UnicodeDecodeError:
        yield data.decode("utf-8", "replace")
        yield data.decode("latin-1")


def wide_texts(data: bytes) -> Iterator[str]:
    """Decode data as two or four bytes per character at every alignment; nothing for plain UTF-8."""
    if not (b"\0" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")) or not _is_utf8(data)):
        return
    for encoding, width in WIDE:
        for before in range(width):
            yield (bytes(before) + data + bytes(width)).decode(encoding, "replace")


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_forms(data: bytes) -> bool:
    return b"\0" in data or any(mark in data for mark in MARKS)


def _forms(data: bytes) -> Iterator[bytes]:
    """Return data as is, then repeatedly with one more layer of escapes decoded.

    NULs are removed before escapes are decoded, so that text of any character width becomes the same.
    """
    yield data
    if b"\0" in data:
        data = data.translate(None, b"\0")
        yield data
    for _ in range(NESTED):
        if not any(mark in data for mark in MARKS):
            return
        data, before = ESCAPE.sub(_unescape, data), data
        if data == before:
            return
        yield data


def _unescape(match: re.Match[bytes]) -> bytes:
    high, low, unit, byte, letter, percent, entity = match.groups()
    if byte or percent:
        return bytes.fromhex((byte or percent).decode())
    if high:
        return bytes.fromhex((high + low).decode()).decode("utf-16-be").encode()
    if unit:
        return chr(int(unit, 16)).encode("utf-8", "replace")
    if letter:
        return cast("bytes", letter) if letter in b"\"'\\/" else b" "
    return html.unescape(match[0].decode()).encode("utf-8", "replace") if entity else match[0]


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Decode the runs of base64 characters in the data, at each of the four alignments."""
    runs = [match[0].translate(URL_SAFE) for match in RUN.finditer(data)]
    runs += [match[0].translate(None, b"\r\n") for match in WRAPPED.finditer(data)]
    for run in runs:
        for start in range(min(4, len(run) - 3)):
            rest = (len(run) - start) % 4
            yield binascii.a2b_base64(run[start:-1] if rest == 1 else run[start:] + b"=" * (-rest % 4))


def _base64(text: str) -> Iterator[bytes]:
    """Return the part of a text's base64 that does not depend on adjacent text, for each alignment."""
    for spelling in {text, text.upper(), text.title()}:
        data = spelling.encode("utf-8", "replace")
        for before in range(3):
            packed = base64.b64encode(bytes(before) + data).rstrip(b"=")
            core = packed[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            if len(core) >= 6:
                yield core
                yield core.translate(bytes.maketrans(b"+/", b"-_"))


def _starts(texts: Sequence[object]) -> range:
    return range(0, max(len(texts), 1), PATTERNS)


def _any(patterns: Iterable[str], *, case: bool = False) -> str:
    joined = "|".join(patterns) or r"[^\x00-\xff]"  # without texts nothing matches
    return f"(?s:{joined})" if case else f"(?is:{joined})"


def _literal(data: bytes) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 0x80 else f"\\x{byte:02x}" for byte in data)


def _bytes_of(text: str) -> str:
    """Return the expression of a folded text's bytes in all encodings without NULs, for every spelling."""
    found = []
    while text:
        # One letter may fold to several, as ß does to ss.
        letters = next((text[:n] for n in (3, 2) if len(text) >= n and text[:n] in unfolded()), text[0])
        single = "".join(r"[\s+]+" if letter.isspace() else _alternatives(letter) for letter in letters)
        found.append(single if len(letters) == 1 else f"(?:{single}|{_alternatives(letters)})")
        text = text[len(letters) :]
    return "".join(found)


def _alternatives(text: str) -> str:
    """Return the expression of all characters that fold to a text, in all encodings, without NULs."""
    characters = {text, *unfolded().get(text, ())}
    characters |= {unicodedata.normalize("NFD", character) for character in characters}
    found = {character.encode(encoding).replace(b"\0", b"") for character in characters for encoding in ENCODINGS}
    found = {data for data in found if not data.isascii() or data.lower() == data}  # the expression ignores case
    return f"(?:{'|'.join(_literal(data) for data in sorted(found))})" if len(found) > 1 else _literal(*found)


@cache
def unfolded() -> dict[str, set[str]]:
    """Return the characters that fold to another text, by that text."""
    found: dict[str, set[str]] = {}
    for number in (*range(0xD800), *range(0xE000, 0x1F000)):
        character = chr(number)
        if (text := folded(character)) != character:
            found.setdefault(text, set()).add(character)
    return found
