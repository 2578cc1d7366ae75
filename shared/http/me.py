"""Who is calling."""

from typing import Literal

from shared.http.endpoint import Call, Nothing
from shared.http.principal import Role
from shared.model.records import Record


class Me(Record):
    """`role` is the highest one and includes the others. A function key (`known_by`) names nobody."""

    name: str
    object_id: str | None
    role: Role
    known_by: Literal["key", "signIn"]


async def me(call: Call[Nothing, Nothing]) -> Me:
    caller = call.caller
    role = next(role for role in reversed(Role) if role in caller.roles)
    known_by: Literal["key", "signIn"] = "key" if call.services.settings.auth_mode == "keys" else "signIn"
    return Me(name=caller.name, object_id=caller.object_id or None, role=role, known_by=known_by)
