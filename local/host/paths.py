"""A request's path as Kestrel passes it on: percent-decoded, without dot segments."""

import re

_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# Characters that ASP.NET Core must escape when it puts a path into a URL (PathString.ToUriComponent).
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]|%(?![0-9A-Fa-f]{2})")


class BadPath(ValueError):
    """A path that Kestrel answers with 400."""


def normalised(raw_path: str) -> str:
    """The path that routes are matched with. Raises BadPath if it holds a zero byte.

    From aspnetcore, UrlDecoder.cs and PathNormalizer.cs: `%2F`, in either case, and invalid UTF-8 stay encoded.
    Dot segments are resolved after decoding, so `%2e%2e` is `..`.
    """
    return _without_dots(_ENCODED.sub(lambda run: _decoded(run[0]), raw_path))


def escaped(path: str) -> str:
    """The path as the host writes it into the URL that a function sees."""
    return _NOT_PLAIN.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), path)


def _decoded(run: str) -> str:
    octets = bytes.fromhex(run.replace("%", ""))
    if 0 in octets:
        raise BadPath("a zero byte")
    text, at = "", 0
    while at < len(octets):
        character = _character(octets[at : at + 4])
        if character is None or character == "/":
            text += run[3 * at : 3 * at + 3]
            at += 1
        else:
            text += character
            at += len(character.encode())
    return text


def _character(octets: bytes) -> str | None:
    """The first character, or None if the bytes do not begin with valid UTF-8."""
    for length in range(1, len(octets) + 1):
        try:
            return octets[:length].decode()
        except UnicodeDecodeError:
            continue
    return None


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1:] in (["."], [".."]):
        kept.append("")
    return "/" + "/".join(kept)
