"""When two e-mail addresses are the same: trimmed, in Unicode's normal form C, and case-folded, they are equal.

Other texts that identify a person are compared likewise.
"""

import unicodedata


def canonical(text: str) -> str:
    """Return the form in which an address is compared; any other text that identifies a person has the same."""
    return folded(text.strip())


def folded(text: str) -> str:
    """Return a text of any length without what two spellings of the same may differ in; white space stays."""
    if text.isascii():
        return text.lower()
    # Decomposed before it is folded, as the Unicode Standard defines a canonical caseless match (D145).
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
