"""The input settings and the result of a domain's survey, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.model.changes import Plan
from shared.model.parts import Parts
from shared.model.people import EntraUser, Memory, SourceUser
from shared.planning.holders import Holder
from shared.planning.mapping import AttributeMap
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The settings that a survey needs. `protection` holds only the users protected by settings."""

    attribute_map: AttributeMap
    protection: Protection
    usage_location: str | None = None
    restore_deleted_users: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was read, and the plan that follows from it.

    `memory`: what earlier syncs knew. `reviewed`: an administrator has approved a dry run that told of its doubt.
    `federated`: whether the domain is federated, if that matters to a sync. `addresses`: lower-case address → its
    holder. `warnings`: for the administrator, one part for each.
    """

    domain: str
    initial_domain: str
    source: list[SourceUser]
    target: list[EntraUser]
    memory: Memory
    protection: Protection
    plan: Plan
    addresses: Mapping[str, Holder] = field(default_factory=dict)
    warnings: Parts = ()
    reviewed: bool = False
    federated: bool = False
