"""What people mistype in the source, and what nobody in it means: odd values of one field."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

# Certainly somebody else's domain: who is there has left.
ABROAD = "example.net"
# More than Entra takes of a name.
_LONG = "長" * 65


def slip(chance: Random, record: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """One field of this record as somebody mistypes it; `others` have values that get into the wrong line."""
    upn, name = str(record["user_principal_name"]), str(record["display_name"])
    local, _, domain = upn.partition("@")
    another = chance.choice(others)
    field, value = chance.choice(
        (
            # The same address to whoever reads it.
            ("user_principal_name", f"{local.upper()}@{domain}"),
            ("user_principal_name", f" {local}＠{domain}"),
            ("user_principal_name", f"{upn}; {local}@{ABROAD}"),
            # Another one, or none.
            ("user_principal_name", f"{local}@{domain[1:]}"),
            ("user_principal_name", f"{local}@{ABROAD}"),
            ("user_principal_name", local),
            ("user_principal_name", ""),
            ("user_principal_name", f"{local}/x@{domain}"),
            ("user_principal_name", f"{'x' * 65}@{domain}"),
            ("user_principal_name", str(another["user_principal_name"])),
            ("immutable_id", str(another["immutable_id"])),
            ("immutable_id", "ID 青"),
            ("immutable_id", "ID_1"),
            ("immutable_id", ""),
            ("email", str(another["user_principal_name"])),
            ("display_name", _LONG * 5),
            ("display_name", f"{name}\u200b"),
            ("display_name", ""),
            ("family_name", _LONG),
        )
    )
    return {field: value[:256]}
