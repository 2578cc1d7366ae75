"""Where the people come from: one small protocol, one module per kind of source."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from shared.errors import SourceError
from shared.model import SourceUser

# Access Control's built-in administrator is nobody to synchronise.
BUILT_IN_ADMINISTRATOR = "hdeadmin"


class Source(Protocol):
    async def users(self) -> list[SourceUser]:
        """Everybody in the source, of every domain: all of them, or SourceError. Never a part."""
        ...

    async def check(self) -> None:
        """A small read, for the health check; SourceError if it fails."""
        ...

    async def aclose(self) -> None: ...


def complete(users: Sequence[SourceUser], source: str) -> list[SourceUser]:
    """The same users without the built-in administrator; SourceError if the list can't be the whole truth."""
    if not users:
        raise SourceError(f"{source} has no user at all; nothing is concluded from an empty answer.")
    twice = [name for name, count in Counter(user.source_id for user in users).items() if count > 1]
    if twice:
        raise SourceError(
            f"{source} has the username {twice[0]} more than once; usernames are unique, so the list is wrong."
        )
    return [user for user in users if user.source_id.lower() != BUILT_IN_ADMINISTRATOR]


def in_domain(users: Sequence[SourceUser], domain: str) -> list[SourceUser]:
    """Those whose UPN is on exactly this domain; SourceError if there is nobody, which would delete everybody."""
    suffix = f"@{domain.lower()}"
    found = [user for user in users if user.upn.lower().endswith(suffix)]
    if not found:
        raise SourceError(
            f"The source has no user on {domain}: that would delete everybody there, so the run stops. "
            "Check that the users' UPN (or Email) in the source is on this domain."
        )
    return found
