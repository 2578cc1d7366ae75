"""Addresses and names as they are compared, however they were typed, pasted or exported. Never as they are written.

Letter case and Unicode's compatibility forms (NFKC) are folded, and so is what nobody sees or tells apart: format and
control characters, typographic quotes and dashes. A domain is in ASCII (IDNA). `ß` and `ss` stay two domains, since
each may be registered.
"""

import re
import unicodedata
from collections.abc import Iterator

import idna

from shared.model.characters import unseen

# What needs no folding, as nearly every address.
_PLAIN = re.compile(r"[a-z0-9.!#$%&*+/=^_{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*")
# Letters, kana and kanji that have one form alone, and spaces: as nearly every name.
_PLAIN_NAME = re.compile("[A-Za-z0-9 \u3000\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff]*")
# What stands between two addresses, or between an address and its prefix (`SMTP:`) or the name beside it.
_SEPARATOR = re.compile(
    r'[^\S\x1c-\x1f]|[,;:"()<>\[\]、，；：､﹐﹑﹔﹕（）＜＞［］〈〉《》「」『』【】“”„‟«»＂]'
)
_AT = re.compile("[@＠﹫]")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# As long as SMTP and DNS allow (RFC 5321, RFC 1035), and what is folded to that at most: Unicode's normalisation takes
# time by the square of a run of combining characters.
_LONGEST, _LONGEST_LABEL, _LONGEST_TYPED = 320, 63, 1000

_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("`´ʹʻʼʽˈ‘’‚‛′‵՚Ꞌꞌ", "'"),
        **dict.fromkeys("“”„‟″‶«»", '"'),
        **dict.fromkeys("‐‑‒–—―⁃−˗", "-"),
        "。": ".",
        **dict.fromkeys("\x1c\x1d\x1e\x1f"),  # white space to Python, control characters to Unicode
    }
)


def is_object_id(text: str) -> bool:
    """Whether it has the form of an object id of Entra."""
    return _OBJECT_ID.fullmatch(text) is not None


def compared_id(text: str) -> str:
    """An object id as Entra writes it, in lower case; other text as it is."""
    return text.lower() if is_object_id(text) else text


def fold(text: str) -> tuple[str, ...]:
    """Every address in a cell, once, in order; empty if there is none.

    An address has exactly one `@`, with something on both sides. Takes any text, in time linear to its length.
    """
    if len(text) <= _LONGEST and _PLAIN.fullmatch(text):
        return (text,)
    sides = _AT.split(text)
    if len(sides) == 2:
        # White space beside the only @ separates nothing.
        text = f"{sides[0].rstrip()}@{sides[1].lstrip()}"
    return tuple(dict.fromkeys(_addresses(text)))


def _addresses(text: str) -> Iterator[str]:
    for typed in _SEPARATOR.split(text):
        if len(typed) > _LONGEST_TYPED or not _AT.search(typed):
            continue
        for word in _SEPARATOR.split(_visible(typed)):
            if word.count("@") == 1:
                local, _, domain = word.partition("@")
                local, domain = _caseless(local.lstrip("'")), fold_domain(domain)
                if local and domain and len(local) + 1 + len(domain) <= _LONGEST:
                    yield f"{local}@{domain}"


def fold_domain(name: str) -> str:
    """A domain name in lower case and ASCII, without the dots around it; what is no name is folded as text.

    Unlike `domain_name` it takes anything.
    """
    # A link's parameters follow: mailto:taro@contoso.com?subject=…
    bare = _visible(name[:_LONGEST_TYPED]).partition("?")[0].strip().strip("'.")
    return bare.lower() if bare.isascii() else ".".join(map(_label, bare.split(".")))


def _label(label: str) -> str:
    caseless = _caseless(label)
    for form in (label, caseless):
        if form.isascii() or len(form) > _LONGEST_LABEL:
            return caseless
        try:
            return idna.encode(form, uts46=True).decode("ascii")
        except idna.IDNAError:
            continue
    # Not allowed any more, yet there are such names: 😀 is xn--e28h.
    return "xn--" + caseless.encode("punycode").decode("ascii")


def fold_name(text: str) -> str:
    """A display name without letter case, white space and what nobody sees."""
    if len(text) <= _LONGEST_TYPED and _PLAIN_NAME.fullmatch(text):
        return "".join(text.split()).lower()
    return _caseless("".join(_visible(text[:_LONGEST_TYPED]).split()))


def nearly(domain: str, other: str) -> bool:
    """Whether two folded domain names are equal or one slip apart.

    A slip is one character more, less or other, or two neighbours exchanged, in the name as people read it: the
    ASCII forms of 青木.jp and 青本.jp have little in common.
    """
    one, two = _as_read(domain), _as_read(other)
    at = next((i for i, (left, right) in enumerate(zip(one, two, strict=False)) if left != right), None)
    if at is None:
        return abs(len(one) - len(two)) <= 1
    rest, others = one[at + 1 :], two[at + 1 :]
    return (
        rest in (others, two[at:])
        or others == one[at:]
        or (one[at : at + 2] == two[at : at + 2][::-1] and rest[1:] == others[1:])
    )


def _as_read(domain: str) -> str:
    return ".".join(map(_label_as_read, domain.split(".")))


def _label_as_read(label: str) -> str:
    if not label.startswith("xn--") or len(label) > _LONGEST_LABEL:
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def _visible(text: str) -> str:
    """The text in NFKC with ASCII quotes and dashes, without what nobody sees. White space stays."""
    if text.isascii() and text.isprintable():
        return text.replace("`", "'")
    # Twice, since NFKC brings forth some that are folded: U+FE31 becomes a dash.
    for _ in range(2):
        seen = "".join(c for c in text.translate(_TYPOGRAPHIC) if not unseen(c))
        text = unicodedata.normalize("NFKC", seen)
    return text


def _caseless(text: str) -> str:
    return text.lower() if text.isascii() else _visible(text.casefold())
