"""Who is on either side of a sync."""

from dataclasses import dataclass

from shared.model.parts import Parts

Value = str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUser:
    """A user of Access Control, mapped and normalised so that its values compare with Entra's.

    `values` are in the order of `AttributeMap.attributes`. `upn` is empty for a user who has none, and stands in from
    another field unless `upn_given`. `email` is what that cell holds, as it is written.
    `problem` says why this one user can't be synchronised, where reading already shows it.
    """

    source_id: str
    upn: str
    immutable_id: str | None
    values: tuple[Value, ...]
    email: str = ""
    upn_given: bool = True
    problem: Parts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraUser:
    """A user of the tenant; `values` are in the order of `AttributeMap.attributes`."""

    object_id: str
    upn: str
    immutable_id: str | None
    display_name: str
    values: tuple[Value, ...]
    on_premises_synced: bool = False
    guest: bool = False
    restricted: bool = False
    """A member of a restricted management administrative unit: Entra refuses every write."""
    nickname: str = ""
    """`mailNickname`, where it was read."""
    aliases: tuple[str, ...] = ()
    """SMTP addresses in lower case, where they were read."""
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
