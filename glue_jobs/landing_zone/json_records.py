"""Split the bytes of a JSON file into its records, in the form of the file; shared by reading and erasing.

Lines: each line is a record. Values: a sequence of objects, on one line or over several, in arrays or not. Only
brackets and strings are examined; whether a record is valid is for its reader to decide.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple


class Form(Enum):
    """How a file lays out its records."""

    LINES = "lines"
    VALUES = "values"


class Kind(Enum):
    """Kind of a part of a file."""

    RECORD = "record"  # in lines: a line with its end; in values: an object from its first to its last bracket
    BROKEN = "broken"  # not a complete object: a truncated one, or anything else
    BETWEEN = "between"  # white space, byte order marks, commas, the brackets of an array
    UNCLOSED = "unclosed"  # empty: the file ends within an array


class Part(NamedTuple):
    """A part of a file; together the parts of a file are all its bytes."""

    kind: Kind
    content: bytes


class LongRecordError(ValueError):
    """A record is too long to hold in memory."""


HEADS: Final = (64 * 1024, 1024**2, 16 * 1024**2)
"""Sizes in bytes of the head that shows the form of a file: the first that contains a whole record."""

LONGEST: Final = 128 * 1024**2
"""Maximum size of a record in bytes, which is held in memory."""

MARK: Final = b"\xef\xbb\xbf"
SPACE: Final = b" \t\r\n\v\f"
BETWEEN: Final = re.compile(rb"(?:[\s,]|\xef\xbb\xbf)++")
END_OF_LINE: Final = re.compile(rb"[\r\n]")
OBJECT: Final = re.compile(rb'\{\s*+["}]')
ARRAY: Final = re.compile(rb"\[(?=\s*+[{\]])")
UNDECIDED: Final = re.compile(rb"[\[{]\s*+\Z")
# Content that is neither an object nor white space ends here at the latest.
STOP: Final = re.compile(rb'\{\s*+["}]|[\r\n\]]')
CHARACTERS: Final = rb'(?:[^"\\\r\n]++|\\[^\r\n])*+'
# Up to a bracket, skipping strings. What follows a string is checked: otherwise, after a truncated string, inside and
# outside of strings would be swapped.
# Greedy and bounded, not possessive: until 3.11.5 Python does not give back what a possessive group of several steps
# consumed before it failed (python/cpython#106052), and an unbounded greedy one takes memory for each string.
NO_BRACKET: Final = rb'(?:[^"{}\[\]]++|"' + CHARACTERS + rb'"\s*+(?=[:,}\]])){0,1000}'
TO_BRACKET: Final = re.compile(NO_BRACKET)
FLAT_OBJECT: Final = re.compile(rb'\{(?=\s*+["}])' + NO_BRACKET + rb"\}")
STRING_GOES_ON: Final = re.compile(rb'"' + CHARACTERS + rb'(?:\\|"\s*+)?\Z')
ARRAY_OF_OBJECTS: Final = re.compile(rb'(?:\s|\xef\xbb\xbf)*+\[\s*+\{\s*+["}]')
EMPTY_ARRAY: Final = re.compile(rb"(?:\s|\xef\xbb\xbf)*+\[\s*+\]\s*+")


def encoding(head: bytes) -> str | None:
    """Return the name of a file's encoding by its first bytes; None if it may be UTF-8.

    JSON begins with two ASCII characters, so without a byte order mark the zero bytes among the first four decide.
    """
    marks = {b"\xff\xfe\0\0": "UTF-32LE", b"\0\0\xfe\xff": "UTF-32BE", b"\xff\xfe": "UTF-16LE", b"\xfe\xff": "UTF-16BE"}
    for mark, name in marks.items():
        if head.startswith(mark):
            return name
    zeros = "".join("0" if byte == 0 else "x" for byte in head[:4])
    return {"x000": "UTF-32LE", "000x": "UTF-32BE", "x0x0": "UTF-16LE", "0x0x": "UTF-16BE"}.get(zeros)


def form(head_of: Callable[[int], tuple[bytes, bool]]) -> Form:
    """Return the form of a file; `head_of` takes a size and returns that many first bytes, and whether that is all.

    A file that begins with an array of objects is values. Otherwise it is lines, unless more of the complete objects in
    its head share a line or span several lines than have a line to themselves.
    """
    for size in HEADS:
        head, whole = head_of(size)
        if ARRAY_OF_OBJECTS.match(head) or (whole and EMPTY_ARRAY.fullmatch(head)):
            return Form.VALUES
        alone, other = _count_layouts(head, whole=whole)
        if alone or other:
            return Form.LINES if alone >= other else Form.VALUES
        if whole:
            break
    return Form.LINES


def _count_layouts(head: bytes, *, whole: bool) -> tuple[int, int]:
    """Count the objects that have a line to themselves, and those that share a line or span several."""
    alone = other = at = 0
    objects = []
    for kind, content in split([head]):
        if kind is Kind.RECORD:
            objects.append((at, at + len(content)))
        at += len(content)
    ends = [0, *(end for _, end in objects)]
    starts = [*(start for start, _ in objects), len(head)]
    for number, (start, end) in enumerate(objects):
        before, after = head[ends[number] : start], head[end : starts[number + 1]]
        first, last = number == 0, number + 1 == len(objects)
        shares = not (first or END_OF_LINE.search(before)) or not (last or END_OF_LINE.search(after))
        if shares or END_OF_LINE.search(head, start, end):
            other += 1
        elif whole or not last or END_OF_LINE.search(after):  # otherwise the rest of its line is beyond the head
            on_the_line = END_OF_LINE.split(before)[-1].replace(MARK, b"") + END_OF_LINE.split(after, maxsplit=1)[0]
            alone += not on_the_line.strip(SPACE + b",")
    return alone, other


def parts(blocks: Iterable[bytes]) -> Iterator[Part]:
    """Split a file, given in blocks, in its own form."""
    source, held, ended = iter(blocks), b"", False

    def head_of(size: int) -> tuple[bytes, bool]:
        nonlocal held, ended
        while len(held) <= size and not ended:
            block = next(source, None)
            held, ended = held + (block or b""), block is None
        return held[:size], ended and len(held) <= size

    found = form(head_of)
    everything = chain([held], source)
    if found is Form.VALUES:
        return split(everything)
    return (Part(Kind.RECORD, line) for line in lines(everything))


def lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Split a file at \n, \r and \r\n, as Spark does, and keep the line ends."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]  # the last line may continue, even after \r
        yield from whole
    if rest:
        yield rest


def split(blocks: Iterable[bytes]) -> Iterator[Part]:
    """Split a file of values.

    A truncated object ends where the next one begins. Raises a LongRecordError.
    """
    source, buffer, at, ended = iter(blocks), b"", 0, False
    in_array, last = False, Kind.BETWEEN
    while True:
        part = _next(buffer, at, ended, in_array) if at < len(buffer) else None
        if (len(part.content) if part else len(buffer) - at) > LONGEST:
            raise LongRecordError(f"a record of more than {LONGEST:,} bytes")
        if part:
            yield part
            at += len(part.content)
            if part.kind is not Kind.BETWEEN:
                last = part.kind
            elif part.content in (b"[", b"]"):
                in_array = part.content == b"["
            continue
        if ended:
            break
        rest = buffer[at:]
        more, size = [], 0
        # Doubled each time, so that a long record is not rescanned for each block.
        while not ended and size <= min(len(rest), LONGEST - len(rest)):
            block = next(source, None)
            ended = block is None
            more.append(block or b"")
            size += len(more[-1])
        buffer, at = b"".join([rest, *more]), 0
    if in_array and last is not Kind.BROKEN:
        yield Part(Kind.UNCLOSED, b"")


def _next(buffer: bytes, at: int, ended: bool, in_array: bool) -> Part | None:
    """Return the part that begins at a position; None if its end needs more of the file."""
    if match := BETWEEN.match(buffer, at):
        return Part(Kind.BETWEEN, match[0])
    if match := FLAT_OBJECT.match(buffer, at):  # nearly every record
        return Part(Kind.RECORD, match[0])
    if OBJECT.match(buffer, at):
        return _object(buffer, at, ended)
    if (buffer[at] == b"["[0] and not in_array and ARRAY.match(buffer, at)) or (buffer[at] == b"]"[0] and in_array):
        return Part(Kind.BETWEEN, buffer[at : at + 1])
    if not ended and UNDECIDED.match(buffer, at):
        return None
    return _broken(buffer, at, STOP.search(buffer, at + 1), ended)


def _object(buffer: bytes, at: int, ended: bool) -> Part | None:
    """Return the object that begins at a position, or the part of it that is there."""
    opened, position = bytearray(), at
    while True:
        while end := TO_BRACKET.match(buffer, position)[0]:  # type: ignore[index] # matches the empty text too
            position += len(end)
        if position == len(buffer) or STRING_GOES_ON.match(buffer, position):
            return _broken(buffer, at, None, ended)
        bracket = buffer[position : position + 1]
        if bracket in b"{[":
            valid = not opened or _may_begin(buffer, position, opened)
            opened += bracket
        else:
            valid = bracket in b"}]" and opened.endswith(b"{" if bracket == b"}" else b"[")
            del opened[-1:]
        if not valid:
            return _broken(buffer, at, OBJECT.search(buffer, max(position, at + 1)), ended)
        position += 1
        if not opened:
            return Part(Kind.RECORD, buffer[at:position])


def _may_begin(buffer: bytes, position: int, opened: bytearray) -> bool:
    """Tell whether an object or array may begin here: not after a complete value, nor in place of a key."""
    before = position - 1
    while buffer[before] in SPACE:
        before -= 1
    return buffer[before] in (b":" if opened.endswith(b"{") else b"[,")


def _broken(buffer: bytes, at: int, end: re.Match[bytes] | None, ended: bool) -> Part | None:
    if end is None and not ended:
        return None
    return Part(Kind.BROKEN, buffer[at : end.start() if end else len(buffer)].rstrip(SPACE + b","))


def without(parts: Iterable[Part], erase: Callable[[bytes], bool]) -> Iterator[tuple[Part, bool]]:
    """Return each part of a file with whether to erase it; the separators between records are adjusted.

    Of the two commas around an erased record, one stays if there is a record on either side, otherwise none. The file
    stays as valid as it was, and in its form. All other parts keep their bytes.
    """
    between, after_erased = b"", None  # separators before and after the erased records since the last kept one
    for part in parts:
        if part.kind is Kind.BETWEEN:
            if after_erased is None:
                between += part.content
            else:
                after_erased += part.content
            continue
        if after_erased is not None:
            between, after_erased = _joined(between, after_erased), None
        if part.content and erase(part.content):
            after_erased = b""
            yield part, True
            continue
        if between:
            yield Part(Kind.BETWEEN, between), False
            between = b""
        yield part, False
    if rest := between if after_erased is None else _joined(between, after_erased):
        yield Part(Kind.BETWEEN, rest), False


def _joined(before: bytes, after: bytes) -> bytes:
    """Return the separators that stay around an erased record: brackets, and white space from one side."""
    start = max(before.rfind(b"["), before.rfind(b"]")) + 1
    brackets = [position for position in (after.find(b"["), after.find(b"]")) if position >= 0]
    end = min(brackets, default=len(after))
    left, right = before[start:], after[:end]
    stays = right if b"," in left and b"," not in right else left
    return before[:start] + stays + after[end:]
