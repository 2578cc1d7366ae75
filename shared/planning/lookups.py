"""What planning needs to know beyond the two lists of users, as plain data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.parts import Parts
from shared.model.people import EntraUser, SignIn
from shared.planning.holders import Holder
from shared.planning.pointers import Pointer
from shared.planning.protection import Protection
from shared.planning.stages import Staging
from shared.planning.territory import Territory


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """What was looked up for the users that `match` left unpaired.

    `outside`: source id → the same person's Entra user in another domain. `deleted`: source id → the same person's
    soft-deleted Entra user, with the UPN from before the deletion; `handed_on`: source id → the soft-deleted Entra
    user whose UPN or link they have, and who was somebody else's or may have been. `in_bin`: all soft-deleted users;
    `deleted_by_sync`: object ids of those whom a sync deleted.
    `addresses`: lower-case address → its holder. `immutable_ids`: immutable ID → its holder. `former_addresses`: object
    id of a deleted user → the addresses that a restore brings back. `unclear`: source id → why it is unknown whether
    the user has an account already.
    `known_since`: object id → when a sync first linked somebody to the account, or last restored it; empty if that is
    not known. With `ask_unlinked`, all others are deleted only if `approved` (object ids).
    `memory_doubt`: why some remembered links may be missing, empty if none are. `other_domains`: whether users may move
    here from another domain of the tenant.
    `leavers`: accounts that would be deleted, with nickname and aliases; `certain`: source ids of users elsewhere who
    have an account. `pointers`: which source users without an account point to such accounts; `pointers_unread`: why
    these are not known. `resembling`: source id → accounts elsewhere that would be deleted, or were, and may be that
    user's. `failed`: source ids of users whose add Entra has refused in this run.
    `left_out`: object ids of those who were out of scope when the source last had them. `sign_in`: what is done with
    the sign-in state; `blocked`: source id → that a sync blocked the account (see `planning/sign_in.py`). `untouched`:
    attributes that are left as Entra has them, since nobody in the source has a value. `forms`: source id → what is
    known of values that Entra alters or refuses (see `planning/forms.py`); refusals up to the date `refused_since`
    don't count any more. `staging`: who of the leavers waits, and until when.
    """

    federated: bool = False
    initial_domain: str = ""
    usage_location: str | None = None
    sign_in: SignIn = SignIn.LEAVE
    blocked: Mapping[str, str] = field(default_factory=dict)
    protection: Protection = field(default_factory=Protection)
    outside: Mapping[str, EntraUser] = field(default_factory=dict)
    deleted: Mapping[str, EntraUser] = field(default_factory=dict)
    handed_on: Mapping[str, EntraUser] = field(default_factory=dict)
    in_bin: Sequence[EntraUser] = ()
    deleted_by_sync: Collection[str] = ()
    known_since: Mapping[str, str] = field(default_factory=dict)
    ask_unlinked: bool = False
    approved: Collection[str] = ()
    addresses: Mapping[str, Holder] = field(default_factory=dict)
    immutable_ids: Mapping[str, Holder] = field(default_factory=dict)
    former_addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclear: Mapping[str, Parts] = field(default_factory=dict)
    memory_doubt: Parts = ()
    territory: Territory = field(default_factory=Territory)
    leavers: Sequence[EntraUser] = ()
    certain: frozenset[str] = frozenset()
    pointers: Sequence[Pointer] = ()
    pointers_unread: Parts = ()
    resembling: Mapping[str, Sequence[EntraUser]] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    forms: Mapping[str, str] = field(default_factory=dict)
    refused_since: str = ""
    other_domains: bool = False
    left_out: frozenset[str] = frozenset()
    untouched: frozenset[str] = frozenset()
    staging: Staging = field(default_factory=Staging)
