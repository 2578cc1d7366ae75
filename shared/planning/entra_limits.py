"""What Entra refuses: lengths, characters and values, checked before anything is sent. Pure."""

import re

from shared.model.addresses import fold
from shared.model.changes import Obstacle
from shared.model.characters import LONGEST, unwritable
from shared.model.parts import Parts, say
from shared.model.people import Value

# Longest accepted value in characters, by attribute ("User resource type" and "Create user" in Graph's documentation).
LENGTHS = {
    "displayName": 256,
    "mailNickname": 64,
    "givenName": 64,
    "surname": 64,
    "jobTitle": 128,
    "department": 64,
    "companyName": 64,
    "officeLocation": 128,
    "employeeId": 16,
    "mobilePhone": 64,
    "city": 128,
    "state": 128,
    "country": 128,
    "postalCode": 40,
    "streetAddress": 1024,
    "usageLocation": 2,
}


_NEVER_EMPTY = {
    "displayName": Obstacle("DisplayNameMissing", say("value.displayNameMissing")),
    "usageLocation": Obstacle("InvalidValue", say("value.usageLocationCleared")),
}
UPN_LENGTH, UPN_LOCAL_LENGTH = 113, 64
# ASCII without `@ ( ) \ / [ ] " ; : < > ,` and space ("Create group" names them), and no period first ("Prepare for
# directory synchronization").
_NICKNAME = re.compile(r"(?!\.)[!#$%&'*+\-.0-9=?A-Z^_`a-z{|}~]+")
_UPN = re.compile(r"[A-Za-z0-9'.\-_!#^~]+@[A-Za-z0-9.\-]+")


def unwritten(attribute: str, value: Value) -> Parts:
    """Why a value of the source can't be written at all, and how it is mended; empty if it can be tried."""
    if not isinstance(value, str) or (value.isprintable() and len(value) <= LONGEST):
        return ()
    at = unwritable(value, lines=attribute == "streetAddress")
    if at is not None:
        return say("value.unwritable", attribute=attribute, character=f"U+{ord(value[at]):04X}", place=at + 1)
    if len(value) <= LONGEST:
        return ()
    longest = {"userPrincipalName": UPN_LENGTH, **LENGTHS}.get(attribute, LONGEST)
    return say("value.tooLong", attribute=attribute, length=len(value), longest=longest)


def refused_value(attribute: str, value: Value) -> Obstacle | None:
    """Why Entra would refuse this value of a mapped attribute; None if it would accept it."""
    if value is None:
        return _NEVER_EMPTY.get(attribute)
    if not isinstance(value, str):
        return None
    if attribute == "usageLocation" and not (len(value) == 2 and value.isascii() and value.isalpha()):
        return Obstacle("InvalidValue", say("value.notACountry", value=repr(value)))
    if attribute == "mailNickname" and not _NICKNAME.fullmatch(value):
        return Obstacle("InvalidValue", say("value.notANickname", value=repr(value)))
    longest = LENGTHS.get(attribute)
    if longest is not None and len(value) > longest:
        message = say("value.tooLong", attribute=attribute, length=len(value), longest=longest)
        return Obstacle("ValueTooLong", message)
    return None


def refused_upn(upn: str) -> Obstacle | None:
    """Why Entra would refuse this UPN ("Create user": characters, 64 before the @ and 113 in all); None if valid.

    One that is a valid address only once it is folded is refused with what it was meant to be.
    """
    addresses = fold(upn)
    if len(addresses) > 1:
        return Obstacle("InvalidValue", say("upn.several", upn=repr(upn), addresses=addresses))
    if addresses and addresses != (upn.lower(),):
        return Obstacle("InvalidValue", say("upn.almost", upn=repr(upn), meant=addresses[0]))
    if not _UPN.fullmatch(upn):
        return Obstacle("InvalidValue", say("upn.characters", upn=repr(upn)))
    if len(upn) > UPN_LENGTH or len(upn.partition("@")[0]) > UPN_LOCAL_LENGTH:
        return Obstacle("ValueTooLong", say("upn.tooLong", upn=upn, local=UPN_LOCAL_LENGTH, whole=UPN_LENGTH))
    if upn.startswith(".") or ".@" in upn:
        return Obstacle("InvalidValue", say("upn.dot", upn=upn))
    return None


def refused_immutable_id(immutable_id: str) -> Obstacle | None:
    """Why Entra would refuse this immutable ID (it must not contain `$` or `_`); None if valid."""
    if "$" in immutable_id or "_" in immutable_id:
        return Obstacle("InvalidValue", say("immutableId.characters"))
    return None
