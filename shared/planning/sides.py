"""What a survey asks of the two sides of a sync, and of what the app remembers.

Protocols, so that nothing above them depends on where people come from, nor on Microsoft Graph. Every method reads;
one that is bound to a stop signal raises RunStopped when the run must end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from shared.model.domains import TenantDomain
from shared.model.people import EntraUser, Memory, SourceUser
from shared.planning.holders import Holder
from shared.planning.protection import Mailboxes, Roles
from shared.planning.recycle_bin import RecycleBin


@dataclass(frozen=True, slots=True)
class Listing:
    """`expected` is what Graph counted on the first page; a short listing has `listed` fewer users than that.

    `users` are those of them who are on the domain now: the index behind the filter may be older than the users
    it finds, and somebody who was moved away a moment ago must not look like a leaver.
    """

    users: list[EntraUser]
    listed: int
    expected: int

    @property
    def short(self) -> bool:
        return self.listed < self.expected


class Source(Protocol):
    async def users(self) -> list[SourceUser]:
        """Everybody in the source, of every domain: all of them, or SourceError. Never a part."""
        ...


class Directory(Protocol):
    """Raises GraphError where an answer is needed and there is none."""

    async def read_domains(self) -> list[TenantDomain]:
        """The tenant's verified domains, by name."""
        ...

    async def read_users(self, domain: str) -> Listing:
        """Every user whose UPN is on exactly this domain."""
        ...

    async def read_deleted_users(self) -> RecycleBin:
        """Entra's deleted users, with the addresses that a restore brings back."""
        ...

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser]:
        """Object id → the active user, wherever in the tenant; whoever is gone is absent."""
        ...

    async def find_users(
        self, *, immutable_ids: Iterable[str] = (), object_ids: Iterable[str] = ()
    ) -> list[EntraUser]:
        """The active users, wherever in the tenant, who have one of these."""
        ...

    async def read_addresses(self, domain: str) -> dict[str, Holder]:
        """Lower-case address on the domain → who holds it."""
        ...

    async def read_roles(self) -> Roles:
        """Who holds a directory role, or could through a group; what could not be read is named there."""
        ...

    async def look_up_mailboxes(self, object_ids: Iterable[str]) -> Mailboxes:
        """What the mailboxes of these users are for; any number of them may be unreadable."""
        ...


class Links(Protocol):
    """What earlier syncs remember."""

    async def read(self, domain: str) -> Memory:
        """Nothing, without a doubt, for a domain that was never synchronised."""
        ...

    async def find_elsewhere(
        self, domain: str, source_ids: Iterable[str], object_ids: Iterable[str]
    ) -> Memory:
        """What every other domain remembers of these source users and of these Entra users."""
        ...
