"""What planning needs to know beyond the two lists of users, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.parts import Parts
from shared.model.people import EntraUser
from shared.planning.holders import Holder
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """What was looked up for the users that `match` left unpaired.

    `outside`: source id → the same person's Entra user in another domain. `deleted`: source id → the same person's
    soft-deleted Entra user, with the UPN from before the deletion. `addresses`: lower-case address → its holder.
    `immutable_ids`: immutable ID → its holder. `former_addresses`: object id of a deleted user → the addresses that
    a restore brings back. `unclear`: source id → why it is unknown whether the user has an account already.
    `memory_doubt`: why some remembered links may be missing; empty if none are. `other_domains`: whether users may move
    here from another domain of the tenant.
    """

    federated: bool = False
    initial_domain: str = ""
    usage_location: str | None = None
    protection: Protection = field(default_factory=Protection)
    outside: Mapping[str, EntraUser] = field(default_factory=dict)
    deleted: Mapping[str, EntraUser] = field(default_factory=dict)
    addresses: Mapping[str, Holder] = field(default_factory=dict)
    immutable_ids: Mapping[str, Holder] = field(default_factory=dict)
    former_addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclear: Mapping[str, Parts] = field(default_factory=dict)
    memory_doubt: Parts = ()
    other_domains: bool = False
