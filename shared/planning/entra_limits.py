"""What Entra refuses: lengths, characters and values, known before anything is sent."""

import re

from shared.model.changes import Obstacle
from shared.model.people import Value

# Longest value Entra takes, by attribute ("User resource type" and "Create user" in Graph's documentation).
LENGTHS = {
    "displayName": 256,
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


UPN_LENGTH, UPN_LOCAL_LENGTH = 113, 64
_UPN = re.compile(r"[A-Za-z0-9'.\-_!#^~]+@[A-Za-z0-9.\-]+")


def refused_value(attribute: str, value: Value) -> Obstacle | None:
    """Why Entra would refuse this value of a mapped attribute, None if it would take it."""
    if attribute == "displayName" and value is None:
        return Obstacle(
            "DisplayNameMissing", "Entra needs a display name, and the source gives no name at all."
        )
    if attribute == "usageLocation" and value is None:
        return Obstacle(
            "InvalidValue", "Entra can't clear a usageLocation: give the user a country code in the source."
        )
    if not isinstance(value, str):
        return None
    if attribute == "usageLocation" and not (len(value) == 2 and value.isascii() and value.isalpha()):
        return Obstacle("InvalidValue", f"usageLocation {value!r} is not a two-letter country code.")
    longest = LENGTHS.get(attribute)
    if longest is not None and len(value) > longest:
        return Obstacle(
            "ValueTooLong",
            f"{attribute} has {len(value)} characters, Entra takes {longest}: shorten it in the source.",
        )
    return None


def refused_upn(upn: str) -> Obstacle | None:
    """Why Entra would refuse this UPN ("Create user": characters, 64 before the @ and 113 in all)."""
    if not _UPN.fullmatch(upn):
        return Obstacle("InvalidValue", f"The UPN {upn!r} has characters that Entra refuses.")
    if len(upn) > UPN_LENGTH or len(upn.partition("@")[0]) > UPN_LOCAL_LENGTH:
        return Obstacle(
            "ValueTooLong", f"The UPN {upn} is longer than 64 characters before the @ or 113 in all."
        )
    if upn.startswith(".") or ".@" in upn:
        return Obstacle("InvalidValue", f"The UPN {upn} begins or ends with a dot before the @.")
    return None


def refused_immutable_id(immutable_id: str) -> Obstacle | None:
    if "$" in immutable_id or "_" in immutable_id:
        return Obstacle("InvalidValue", "The immutable ID holds a $ or _, which Entra refuses.")
    return None
