"""What was read of a domain, and the plan that follows from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.model.changes import Plan
from shared.model.parts import Parts
from shared.model.people import EntraUser, SourceUser
from shared.planning.holders import Holder
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True)
class Survey:
    """`addresses`: lower-case address → who holds it. `warnings` are for the administrator."""

    domain: str
    initial_domain: str
    source: list[SourceUser]
    target: list[EntraUser]
    links: dict[str, str]
    protection: Protection
    plan: Plan
    addresses: Mapping[str, Holder] = field(default_factory=dict)
    warnings: Parts = ()
