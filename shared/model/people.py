"""Who is on either side of a sync."""

from dataclasses import dataclass, field
from typing import Literal

from shared.model.parts import Parts

Value = str | bool | None
# What the account's own properties say it is. "restricted": a member of a restricted management administrative unit,
# to whom Entra refuses every write.
NoPerson = Literal["onPremisesSynced", "restricted", "agent", "resourceAccount", "guest"]
AccountKind = Literal["person", NoPerson]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUser:
    """A user of Access Control, mapped and normalised so that its values compare with Entra's.

    `values` are in the order of `AttributeMap.attributes`. `upn` is empty for a user who has none.
    `problem` says why this one user can't be synchronised, where reading already shows it.
    """

    source_id: str
    upn: str
    immutable_id: str | None
    values: tuple[Value, ...]
    problem: Parts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraUser:
    """A user of the tenant; `values` are in the order of `AttributeMap.attributes`."""

    object_id: str
    upn: str
    immutable_id: str | None
    display_name: str
    values: tuple[Value, ...]
    kind: AccountKind = "person"
    fingerprint: int = field(default=0, compare=False)
    """Equal in two reads between which nothing has changed that the app selects; only within one process."""
    without_session_time: bool = False
    """`signInSessionsValidFromDateTime` is null: on a federated domain Entra asks them to sign in every 12 hours."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Which Entra user a source user became in earlier syncs, source id → object id.

    `doubt` says why some of them may be missing; empty if none are. `version` is that of the blob they were read from;
    empty if there is none.
    """

    links: dict[str, str]
    doubt: Parts = ()
    version: str = ""
