"""Where a source user's UPN puts them: on a domain of the tenant, nearly on one, or somewhere else. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from shared.model.addresses import fold, fold_domain, nearly
from shared.model.domains import TenantDomain
from shared.model.parts import Parts, say
from shared.model.people import People, SourceUser
from shared.planning.mapping import domain_of

# How many people a line names.
NAMED = 10


class Where(StrEnum):
    """`OWN`: a verified domain that is synchronised. `OFF`: a verified one that is not. `NEAR`: one slip from a domain
    of the tenant. `NOWHERE`: no usable UPN."""

    OWN = "own"
    OFF = "off"
    UNVERIFIED = "unverified"
    NEAR = "near"
    FOREIGN = "foreign"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Place:
    """`domain` is folded, and empty for nowhere. `near`: the tenant's domain that it nearly is."""

    where: Where
    domain: str = ""
    near: str = ""


_NOWHERE = Place(Where.NOWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """The tenant's domains, all folded. `syncing`: those with a periodic sync; `foreign`: named as not the tenant's."""

    verified: frozenset[str] = frozenset()
    unverified: frozenset[str] = frozenset()
    syncing: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    _places: dict[str, Place] = field(default_factory=dict)

    @classmethod
    def of(
        cls, tenant: Iterable[TenantDomain], syncing: Iterable[str], foreign: Iterable[str]
    ) -> "Territory":
        names = {domain.verified: set[str]() for domain in tenant}
        for domain in tenant:
            names[domain.verified].add(fold_domain(domain.name))
        return cls(
            verified=frozenset(names.get(True, ())),
            unverified=frozenset(names.get(False, ())),
            syncing=frozenset(map(fold_domain, syncing)),
            foreign=frozenset(map(fold_domain, foreign)),
        )

    def place(self, user: SourceUser) -> Place:
        """Of several addresses in the cell, one on a domain of the tenant counts."""
        domains = [address.rpartition("@")[2] for address in fold(user.upn)]
        if not domains:
            return _NOWHERE
        return self._place(next((one for one in domains if one in self.verified), domains[0]))

    def has(self, user: SourceUser) -> bool:
        """Whether they are on a verified domain of the tenant, as their UPN is written."""
        return domain_of(user.upn) in self.verified

    def _place(self, domain: str) -> Place:
        # Few domains and many people.
        if (known := self._places.get(domain)) is None:
            known = self._places[domain] = self._found(domain)
        return known

    def _found(self, domain: str) -> Place:
        if domain in self.verified:
            return Place(Where.OWN if domain in self.syncing else Where.OFF, domain)
        if domain in self.unverified:
            return Place(Where.UNVERIFIED, domain)
        ours = sorted(self.verified | self.unverified) if domain not in self.foreign else ()
        near = next((own for own in ours if nearly(domain, own)), None)
        return Place(Where.NEAR, domain, near) if near else Place(Where.FOREIGN, domain)


def strangers(people: People, territory: Territory) -> Parts:
    """Those in the source who are on no domain of the tenant: one count, and a line for what may be a slip.

    But for those whom Email only finds, of whom `told_of_upns` tells.
    """
    users: dict[Place, list[str]] = {}
    for user in people if people.domains.keys() - territory.verified else ():
        if not territory.has(user) and not user.only_found:
            users.setdefault(territory.place(user), []).append(user.source_id)
    told: Parts = ()
    foreign = sum(len(names) for place, names in users.items() if place.where is Where.FOREIGN)
    if foreign:
        told += say("people.foreign", count=foreign)
    for place, names in sorted(users.items(), key=lambda one: one[0].domain):
        count, some = len(names), tuple(sorted(names)[:NAMED])
        if place.where is Where.NEAR:
            told += say("people.near", count=count, domain=place.domain, near=place.near, users=some)
        elif place.where is Where.UNVERIFIED:
            told += say("people.unverified", count=count, domain=place.domain, users=some)
        elif place.where is Where.NOWHERE:
            told += say("people.nowhere", count=count, users=some)
    return told
