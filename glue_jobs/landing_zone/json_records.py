"""Splits the bytes of a JSON file into its records, in the form that the file has; reading and erasing share it.

Lines: each line is a record. Values: objects that follow each other, on one line or over several, in arrays or not.
Only brackets and strings are looked at: whether a record is any good, its reader decides.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple


class Form(Enum):
    """How a file holds its records."""

    LINES = "lines"
    VALUES = "values"


class Kind(Enum):
    """What a part of a file is."""

    RECORD = "record"  # of lines: a line with its end; of values: an object from its first to its last bracket
    BROKEN = "broken"  # what is no whole object: one that is cut off, or anything else
    BETWEEN = "between"  # white space, byte order marks, commas, the brackets of an array
    UNCLOSED = "unclosed"  # no bytes: the file ends within an array


class Part(NamedTuple):
    """A part of a file; those of a file are all its bytes."""

    kind: Kind
    content: bytes


class LongRecordError(ValueError):
    """A record that is too long to be held in memory."""


HEADS: Final = (64 * 1024, 1024**2, 16 * 1024**2)
"""Bytes by which the form of a file is known: the first of them if there is a whole record in it."""

LONGEST: Final = 128 * 1024**2
"""Bytes of a record, the most that is held in memory."""

MARK: Final = b"\xef\xbb\xbf"
SPACE: Final = b" \t\r\n\v\f"
BETWEEN: Final = re.compile(rb"(?:[\s,]|\xef\xbb\xbf)++")
END_OF_LINE: Final = re.compile(rb"[\r\n]")
OBJECT: Final = re.compile(rb'\{\s*+["}]')
ARRAY: Final = re.compile(rb"\[(?=\s*+[{\]])")
UNDECIDED: Final = re.compile(rb"[\[{]\s*+\Z")
# Where something begins that is neither an object nor white space, it ends at the latest here.
STOP: Final = re.compile(rb'\{\s*+["}]|[\r\n\]]')
CHARACTERS: Final = rb'(?:[^"\\\r\n]++|\\[^\r\n])*+'
# Up to a bracket, past strings. What follows a string is checked: else after a string that is cut off, all that is
# outside of strings would be taken for inside.
NO_BRACKET: Final = rb'(?:[^"{}\[\]]++|"' + CHARACTERS + rb'"\s*+(?=[:,}\]]))*+'
TO_BRACKET: Final = re.compile(NO_BRACKET)
FLAT_OBJECT: Final = re.compile(rb'\{(?=\s*+["}])' + NO_BRACKET + rb"\}")
STRING_GOES_ON: Final = re.compile(rb'"' + CHARACTERS + rb'(?:\\|"\s*+)?\Z')
ARRAY_OF_OBJECTS: Final = re.compile(rb'(?:\s|\xef\xbb\xbf)*+\[\s*+\{\s*+["}]')
EMPTY_ARRAY: Final = re.compile(rb"(?:\s|\xef\xbb\xbf)*+\[\s*+\]\s*+")


def encoding(head: bytes) -> str | None:
    """Return the name of the encoding that a file shows by its first bytes; None if it may be UTF-8.

    JSON begins with two ASCII characters, so without a byte order mark the zeros among the first four bytes tell.
    """
    marks = {b"\xff\xfe\0\0": "UTF-32LE", b"\0\0\xfe\xff": "UTF-32BE", b"\xff\xfe": "UTF-16LE", b"\xfe\xff": "UTF-16BE"}
    for mark, name in marks.items():
        if head.startswith(mark):
            return name
    zeros = "".join("0" if byte == 0 else "x" for byte in head[:4])
    return {"x000": "UTF-32LE", "000x": "UTF-32BE", "x0x0": "UTF-16LE", "0x0x": "UTF-16BE"}.get(zeros)


def form(head_of: Callable[[int], tuple[bytes, bool]]) -> Form:
    """Return the form of a file; `head_of` returns its first so many bytes, and whether there are no more.

    A file that begins as an array of objects is values. Else it is lines, unless more of the whole objects in its head
    share a line with another, or take several lines, than have one to themselves.
    """
    for size in HEADS:
        head, whole = head_of(size)
        if ARRAY_OF_OBJECTS.match(head) or (whole and EMPTY_ARRAY.fullmatch(head)):
            return Form.VALUES
        alone, beside = _placed(head, whole=whole)
        if alone or beside:
            return Form.LINES if alone >= beside else Form.VALUES
        if whole:
            break
    return Form.LINES


def _placed(head: bytes, *, whole: bool) -> tuple[int, int]:
    """Count the objects that have a line to themselves, and those that share one with another or take several."""
    alone = beside = at = 0
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
            beside += 1
        elif whole or not last or END_OF_LINE.search(after):  # else the rest of its line is not in the head
            on_the_line = END_OF_LINE.split(before)[-1].replace(MARK, b"") + END_OF_LINE.split(after, maxsplit=1)[0]
            alone += not on_the_line.strip(SPACE + b",")
    return alone, beside


def parts(blocks: Iterable[bytes]) -> Iterator[Part]:
    """Split a file, which comes in blocks, in the form that it has."""
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
    r"""Split a file at \n, \r and \r\n, as Spark does, and keep these ends."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]  # the last may go on, even one that ends in \r
        yield from whole
    if rest:
        yield rest


def split(blocks: Iterable[bytes]) -> Iterator[Part]:
    """Split a file of values.

    An object that is cut off ends where the next one begins. Raises a LongRecordError.
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
        # Twice as much each time: a long record is not scanned anew for each block.
        while not ended and size <= min(len(rest), LONGEST - len(rest)):
            block = next(source, None)
            ended = block is None
            more.append(block or b"")
            size += len(more[-1])
        buffer, at = b"".join([rest, *more]), 0
    if in_array and last is not Kind.BROKEN:
        yield Part(Kind.UNCLOSED, b"")


def _next(buffer: bytes, at: int, ended: bool, in_array: bool) -> Part | None:
    """Return the part that begins at a position; None if more of the file is needed to know where it ends."""
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
    """Return the object that begins at a position, or what is there of it."""
    opened, position = bytearray(), at
    while True:
        position = TO_BRACKET.match(buffer, position).end()  # type: ignore[union-attr] # matches the empty text too
        if position == len(buffer) or STRING_GOES_ON.match(buffer, position):
            return _broken(buffer, at, None, ended)
        bracket = buffer[position : position + 1]
        if bracket in b"{[":
            sound = not opened or _may_begin(buffer, position, opened)
            opened += bracket
        else:
            sound = bracket in b"}]" and opened.endswith(b"{" if bracket == b"}" else b"[")
            del opened[-1:]
        if not sound:
            return _broken(buffer, at, OBJECT.search(buffer, max(position, at + 1)), ended)
        position += 1
        if not opened:
            return Part(Kind.RECORD, buffer[at:position])


def _may_begin(buffer: bytes, position: int, opened: bytearray) -> bool:
    """Tell whether an object or array may begin here: not after a whole value, nor in the place of a key."""
    before = position - 1
    while buffer[before] in SPACE:
        before -= 1
    return buffer[before] in (b":" if opened.endswith(b"{") else b"[,")


def _broken(buffer: bytes, at: int, end: re.Match[bytes] | None, ended: bool) -> Part | None:
    if end is None and not ended:
        return None
    return Part(Kind.BROKEN, buffer[at : end.start() if end else len(buffer)].rstrip(SPACE + b","))


def without(parts: Iterable[Part], erase: Callable[[bytes], bool]) -> Iterator[tuple[Part, bool]]:
    """Return the parts of a file with whether each is to be erased; what is between records is adapted to that.

    Of the two commas beside an erased record one stays where there is a record on either side, and none else: the file
    stays as valid as it was, and in its form. All other parts keep their bytes.
    """
    between, after_erased = b"", None  # what is between the last record that stays and an erased one, and behind that
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
    """Return what stays of the bytes on both sides of an erased record: brackets, and one run of white space."""
    start = max(before.rfind(b"["), before.rfind(b"]")) + 1
    brackets = [position for position in (after.find(b"["), after.find(b"]")) if position >= 0]
    end = min(brackets, default=len(after))
    left, right = before[start:], after[:end]
    stays = right if b"," in left and b"," not in right else left
    return before[:start] + stays + after[end:]
