"""Protocols for what a survey reads: the source, the directory, and what earlier syncs remembered.

Code that uses them depends neither on the kind of source nor on Microsoft Graph. Every method only reads. An object
bound to a stop signal raises RunStopped when the run must end.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.model.domains import TenantDomain
from shared.model.leavers import Leaving
from shared.model.people import EntraUser, Memory, People
from shared.model.questions import Decisions
from shared.planning.holders import Holder
from shared.planning.protection import Mailboxes, Roles
from shared.planning.recycle_bin import RecycleBin


@dataclass(frozen=True, slots=True)
class Listing:
    """The users of a domain as Graph listed them.

    `expected`: the count that Graph gave with the first page. `listed`: the number of users it returned. `users`: the
    returned users whose UPN is on the domain now. The index behind the filter is eventually consistent: a user
    who just moved to another domain may still be found, and must not look like a leaver.
    """

    users: list[EntraUser]
    listed: int
    expected: int

    @property
    def short(self) -> bool:
        return self.listed < self.expected


class Source(Protocol):
    async def users(self) -> People:
        """All source users of all domains. Raises SourceError rather than return only a part."""
        ...


class Directory(Protocol):
    """Reads of the directory. They raise GraphError if a needed answer is missing.

    `not_selectable`: properties of users that this cloud does not have, as far as reads have shown.
    """

    not_selectable: tuple[str, ...]

    @property
    def told(self) -> datetime | None:
        """The earliest time that answers have named so far; None if none did."""
        ...

    async def read_domains(self) -> list[TenantDomain]:
        """The tenant's domains by name, also those that are not verified."""
        ...

    async def read_users(self, domain: str) -> Listing:
        """Every user whose UPN is on exactly this domain."""
        ...

    async def read_deleted_users(self) -> RecycleBin:
        """Entra's deleted users, with the addresses that a restore brings back."""
        ...

    async def read_aside(self, initial_domain: str) -> list[EntraUser]:
        """The users with a temporary UPN of this app, of whatever domain they were."""
        ...

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser | None]:
        """Object id → the active user, on any domain of the tenant; None for a user who is gone.

        Users who could not be read are absent.
        """
        ...

    async def find_users(
        self,
        *,
        immutable_ids: Iterable[str] = (),
        object_ids: Iterable[str] = (),
        upns: Iterable[str] = (),
        display_names: Iterable[str] = (),
        nicknames: Iterable[str] = (),
    ) -> list[EntraUser]:
        """The active users, on any domain of the tenant, with one of these; with their nickname and aliases."""
        ...

    async def read_addresses(
        self, domain: str, wanted: Collection[str] | None = None, users: int = 0
    ) -> dict[str, Holder]:
        """Lower-case address → its holder, of those on the domain, and of those `wanted`.

        With `wanted`, others may be left out; `users`: how many the domain has, about.
        """
        ...

    async def read_roles(self) -> Roles:
        """Users who hold a directory role, or could through a group, and the reasons why some are unknown."""
        ...

    async def read_members(self, groups: Iterable[str]) -> dict[str, frozenset[str] | None]:
        """Group → object ids of its members, also through other groups; None for one that can't be read."""
        ...

    async def look_up_mailboxes(self, object_ids: Iterable[str], others: Iterable[str] = (), /) -> Mailboxes:
        """The purposes of these users' mailboxes; any number of them may be unreadable.

        `others`: more users of the tenant. Where all of the first are refused, some of these tell whether everybody is.
        """
        ...


class Administration(Protocol):
    """What administrators have set and decided for the whole tenant."""

    async def read_syncing(self) -> frozenset[str]:
        """The domains with a periodic sync."""
        ...

    async def read_leaving(self, domain: str) -> Leaving:
        """What becomes of the domain's leavers."""
        ...

    async def read_decisions(self) -> Decisions:
        """Who is who, and who is on hold."""
        ...


class KnownPeople(Protocol):
    """What earlier syncs remembered."""

    async def read(self, domain: str) -> Memory:
        """What is known of the tenant's people, with the doubt about it on this domain."""
        ...
