"""What a decision must know beyond the two lists of people, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.parts import Parts
from shared.model.people import EntraUser
from shared.planning.holders import Holder
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Looked up for those whom `match` left without a partner.

    `outside`: source id → the Entra user in another domain who is the same person. `deleted`: source id → the
    soft-deleted Entra user who is, under their UPN from before the deletion. `addresses`: lower-case address →
    who holds it. `immutable_ids`: immutable ID → who holds it. `former_addresses`: object id of a deleted user →
    the addresses that a restore brings back. `unclear`: source id → why nobody knows whether they have an account
    already. `memory_doubt`: why earlier syncs may have known more than is known now.
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
