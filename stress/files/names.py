"""Names in files of others: of accounts, markets and venues.

A name is one line of at most 200 characters, of any language. Marks of direction and the like, which some languages and
emoji need, are part of a name; they are escaped where it is printed (`stress.formatting.visible`).
"""

from __future__ import annotations

import unicodedata
from typing import Any

LONGEST = 200  # characters
EXPECTED = f"a name of at most {LONGEST} characters, none of which is a control character"
LONGEST_TEXT = 10_000  # characters
CONTROL = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, half characters, ends of lines


def is_name(value: Any) -> bool:
    """Whether a value is a text of one line, not blank and not too long."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST and not value.isspace() and is_plain(value)


def is_prose(value: Any) -> bool:
    """Whether a value is text without control characters other than line breaks."""
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and all(map(is_plain, value.split("\n")))


def is_plain(text: str) -> bool:
    """Whether a text has no control characters."""
    return text.isprintable() or all(unicodedata.category(letter) not in CONTROL for letter in text)


def folded(name: str) -> str:
    """What a name looks like: without case, blanks, forms of letters and what is not seen."""
    letters = unicodedata.normalize("NFKC", name).casefold()
    if letters.isascii():
        return letters.replace(" ", "")
    return "".join(letter for letter in letters if letter.isprintable() and not letter.isspace())
