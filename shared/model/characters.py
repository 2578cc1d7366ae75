"""What a character is: seen or not, writable or not; and the Unicode form in which text is written and compared."""

import re
import unicodedata
from functools import lru_cache

# Entra takes no text as long as this, and normalisation takes time by the square of a run of combining characters.
LONGEST = 2000
# A compatibility ideograph is how somebody's name is written (神, 神); NFC would exchange it for another kanji.
_BUT_IDEOGRAPHS = re.compile("[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")
# Control, format, and half of a pair of surrogates.
_UNSEEN_CATEGORIES = ("Cc", "Cf", "Cs")
# Further characters that Unicode has ignored in display (Default_Ignorable_Code_Point), and the empty Braille pattern.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNWRITABLE_BUT_LINES = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@lru_cache(maxsize=4096)
def unseen(character: str) -> bool:
    """Whether nothing of it is seen, though it is no white space."""
    hidden = unicodedata.category(character) in _UNSEEN_CATEGORIES or _UNSEEN.match(character)
    return bool(hidden) and not character.isspace()


@lru_cache(maxsize=4096)
def _blank(character: str) -> bool:
    return character.isspace() or unseen(character)


def visible(text: str) -> bool:
    """Whether anything of it is seen."""
    return not all(map(_blank, text))


def composed(text: str) -> str:
    """The text in NFC, but for compatibility ideographs; as it is if it is longer than `LONGEST`."""
    if text.isascii() or len(text) > LONGEST:
        return text
    return _BUT_IDEOGRAPHS.sub(lambda run: unicodedata.normalize("NFC", run[0]), text)


def unwritable(text: str, *, lines: bool) -> int | None:
    """The index of the first control character or lone surrogate; with `lines`, line breaks are none."""
    found = (_UNWRITABLE_BUT_LINES if lines else _UNWRITABLE).search(text)
    return found.start() if found else None


def escaped(text: str) -> str:
    r"""The text with lone surrogates as `\ud800`: nothing that is stored or sent can hold them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
