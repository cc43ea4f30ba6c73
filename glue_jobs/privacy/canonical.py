"""Canonical form of e-mail addresses: trimmed, case-folded, in Unicode normalization form C.

Other values that identify a person are compared in the same form.
"""

import unicodedata


def canonical(text: str) -> str:
    """Return the form in which an address, or any other identifying value, is compared."""
    return folded(text.strip())


def folded(text: str) -> str:
    """Fold letter case and Unicode composition of a text; white space stays."""
    if text.isascii():
        return text.lower()
    # Decomposed before it is folded, as the Unicode Standard defines a canonical caseless match (D145).
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
