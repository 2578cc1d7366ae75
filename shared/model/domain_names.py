"""What a domain name is: letters, digits and hyphens in labels (RFC 1035), international ones as IDNA (RFC 5891)."""

import re

import idna

from shared.model.bad_value import BadValue

_NAME = re.compile(
    r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])"
)


def own_script(name: str) -> str:
    """An international name as people read it; any other as it is."""
    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name


def domain_name(text: str) -> str:
    """The name in lower case and ASCII, as Entra keeps it. Raises BadValue if invalid."""
    try:
        name = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise BadValue("domain.noName", name=repr(text)) from error
    if not _NAME.fullmatch(name):
        raise BadValue("domain.noName", name=repr(text))
    return name
