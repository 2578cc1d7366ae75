"""What a survey of a domain goes by, and what comes of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.model.changes import Plan
from shared.model.parts import Parts
from shared.model.people import EntraUser, SourceUser
from shared.planning.holders import Holder
from shared.planning.mapping import AttributeMap
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the settings say about people; `protection` holds whom they alone protect."""

    attribute_map: AttributeMap
    protection: Protection
    usage_location: str | None = None
    restore_deleted_users: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was read, and the plan that follows from it.

    `federated`: whether the domain is, where that matters to a sync. `addresses`: lower-case address → who holds
    it. `warnings` are for the administrator, a part each. `memory_doubt`: why earlier syncs may have known more than
    `links`.
    """

    domain: str
    initial_domain: str
    source: list[SourceUser]
    target: list[EntraUser]
    links: dict[str, str]
    protection: Protection
    plan: Plan
    addresses: Mapping[str, Holder] = field(default_factory=dict)
    warnings: Parts = ()
    memory_doubt: Parts = ()
    federated: bool = False
