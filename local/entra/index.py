"""An index of users by id, UPN, domain, immutable ID and address."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from local.entra.errors import Json


class _Indexed(Protocol):
    properties: Json

    @property
    def id(self) -> str: ...
    @property
    def upn(self) -> str: ...


U = TypeVar("U", bound=_Indexed)


@dataclass
class UserIndex(Generic[U]):
    by_id: dict[str, U] = field(default_factory=dict)
    by_upn: dict[str, U] = field(default_factory=dict)
    by_domain: dict[str, dict[str, U]] = field(default_factory=dict)
    by_immutable_id: dict[str, U] = field(default_factory=dict)
    # Lower-case SMTP address → object id of its holder. `Directory` adds the groups' addresses.
    address_owner: dict[str, str] = field(default_factory=dict)

    def add(self, user: U) -> None:
        upn = user.upn.lower()
        self.by_id[user.id] = user
        self.by_upn[upn] = user
        self.by_domain.setdefault(upn.partition("@")[2], {})[user.id] = user
        if immutable_id := user.properties.get("onPremisesImmutableId"):
            self.by_immutable_id[str(immutable_id)] = user
        for address in smtp_addresses(user.properties):
            self.address_owner.setdefault(address, user.id)

    def remove(self, user: U) -> None:
        upn = user.upn.lower()
        del self.by_id[user.id], self.by_upn[upn], self.by_domain[upn.partition("@")[2]][user.id]
        self.by_immutable_id.pop(str(user.properties.get("onPremisesImmutableId")), None)
        for address in smtp_addresses(user.properties):
            if self.address_owner.get(address) == user.id:
                del self.address_owner[address]


def smtp_addresses(properties: Json) -> Iterator[str]:
    """The SMTP addresses in proxyAddresses, in lower case and without the prefix `SMTP:`."""
    addresses = properties.get("proxyAddresses")
    if isinstance(addresses, list):
        for entry in addresses:
            kind, _, address = str(entry).partition(":")
            if kind.lower() == "smtp":
                yield address.lower()
