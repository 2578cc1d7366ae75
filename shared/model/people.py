"""Who is on either side of a sync."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from shared.model.parts import Parts

Value = str | bool | None
# What the account's own properties say it is. "restricted": a member of a restricted management administrative unit,
# to whom Entra refuses every write.
NoPerson = Literal["onPremisesSynced", "restricted", "agent", "resourceAccount", "guest"]
AccountKind = Literal["person", NoPerson]
# Whether somebody is in scope. "byGroup": only if they are a member of a group.
Standing = Literal["in", "out", "byGroup"]


class SignIn(StrEnum):
    """The setting `SIGN_IN`: what a sync does with Entra's sign-in state, apart from new accounts.

    `BLOCK`: those whom the source disables are blocked, and unblocked only if a sync blocked them. `FOLLOW`: the
    account is as the source says, both ways.
    """

    LEAVE = "leave"
    BLOCK = "block"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUser:
    """A user of Access Control, mapped and normalised so that its values compare with Entra's.

    `values` are in the order of `AttributeMap.attributes`. `upn` is empty for a user who has none, and stands in from
    another field unless `upn_given`. `email` is what that cell holds, as it is written. `only_found`: they have no UPN
    where others have; Email finds their account, but adds and renames nobody. `name_made`: the display name is made of
    family and given name.
    `status`: True if enabled, False if disabled, None if that is not said, text if it is said in an unknown word.
    `problem` says why this one user can't be synchronised, where reading already shows it. `out_of_scope`: by a rule on
    the source.
    """

    source_id: str
    upn: str
    immutable_id: str | None
    values: tuple[Value, ...]
    email: str = ""
    upn_given: bool = True
    only_found: bool = False
    name_made: bool = False
    status: Value = None
    problem: Parts = ()
    out_of_scope: bool = False


class People(list[SourceUser]):
    """All users of a source. `fitting`: what `ATTRIBUTE_MAP` could name where the source calls its fields differently.

    As JSON, Entra attribute → source field; empty if nothing is missing, or nothing looks right. `fields`: what the
    source has, as `Spellings.kept`. `whole`: all users, where these are only some of them.
    """

    fitting: str = ""
    fields: Sequence[Any] = ()
    whole: "People | None" = None

    @cached_property
    def domains(self) -> Mapping[str, int]:
        """How many have a UPN on which domain, as it is written, in lower case; empty for none."""
        return Counter(user.upn.partition("@")[2].lower() for user in self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraUser:
    """A user of the tenant; `values` are in the order of `AttributeMap.attributes`. `enabled`: may sign in.

    `standing`: whether the account is in scope by its attributes.
    """

    object_id: str
    upn: str
    immutable_id: str | None
    display_name: str
    values: tuple[Value, ...]
    kind: AccountKind = "person"
    enabled: bool = True
    standing: Standing = "in"
    fingerprint: int = field(default=0, compare=False)
    """Equal in two reads between which nothing has changed that the app selects; only within one process."""
    nickname: str = ""
    """`mailNickname`, where it was read."""
    aliases: tuple[str, ...] = ()
    """SMTP addresses in lower case, where they were read."""
    created: str = ""
    """When the account was created, as Graph writes times, where it was read."""
    without_session_time: bool = False
    """`signInSessionsValidFromDateTime` is null: on a federated domain Entra asks them to sign in every 12 hours."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier syncs of the whole tenant knew of people. Dates are as in `2026-03-31`.

    By source id: `links`: the Entra user (object id) that the source user became. `names`: digests of family and given
    name at the last good sync (see `planning/names.py`). `forms`: digests of values that Entra may alter or has
    refused (see `planning/forms.py`). `since`: when a sync first linked them, or last restored them; absent for links
    from the time of one memory per domain. `lost`: when neither side was found to have them any more. `upns`: which
    field named them at the last good sync (see `planning/upns.py`). `outside`: since when they are out of scope,
    though in the source, or were when they left it.
    By object id: `deleted`: when a sync deleted the account. `leavers`: who waits (see `model/leavers.py`).
    By domain: `filled`: the attributes that somebody in the source filled at the last good sync, with spaces between.

    `anew`: when the memory was begun anew after damage or loss; empty if it never was. Then some of it may be missing
    on each domain but those in `reviewed`, where an administrator has approved a dry run since. `doubt` says so for the
    domain that reads; empty if there is none. `writers`: tokens of the last writes. `version`: the blob's ETag.
    """

    links: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    upns: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, str] = field(default_factory=dict)
    filled: dict[str, str] = field(default_factory=dict)
    leavers: dict[str, str] = field(default_factory=dict)
    anew: str = ""
    reviewed: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    doubt: Parts = ()
    version: str = ""
