"""The directory of one tenant; one object per invocation, request or final lookup."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.entra.addresses import Addresses
from shared.entra.batch import BeforeSend, Request
from shared.entra.client import Answer, ends_with
from shared.entra.delta import Delta
from shared.entra.domains import DOMAINS, Domains, domains_of
from shared.entra.protected import Protected, role_lists
from shared.entra.sessions import Sessions
from shared.entra.unheard import Earlier
from shared.entra.users import COUNT, counted, in_filters
from shared.entra.writes import apply
from shared.model.changes import Change
from shared.model.people import EntraUser
from shared.model.results import Outcome
from shared.planning.mapping import UPN
from shared.planning.mirror import TenantFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is so now. `counted`: users on the domain, as Graph counts; `aside`: those at a temporary UPN,
    None if they can't be read.

    `users`: as of `look_up_users`; `named`: who has one of the UPNs.
    """

    facts: TenantFacts
    counted: int
    aside: list[EntraUser] | None
    users: dict[str, EntraUser | None]
    named: list[EntraUser]


class Directory(Domains, Delta, Addresses, Protected, Sessions):
    """Every read and write of the app, in parts by subject that share one `graph`.

    Implements the protocol `shared.planning.sides.Directory`. Unless a method says otherwise, it raises GraphError
    if Graph refuses or can't answer, and RunStopped if the run must stop.
    """

    @property
    def told(self) -> datetime | None:
        return self.graph.told

    async def read_facts(self, groups: Iterable[str]) -> tuple[TenantFacts, int]:
        """What has no delta, with the members of `groups`, in few requests; and how many users Graph counts."""
        facts, (users,) = await self._facts_and(groups, [_count("")])
        return facts, _counted(users)

    async def look(
        self, domain: str, groups: Iterable[str], object_ids: Iterable[str], upns: Iterable[str]
    ) -> Look:
        """All that one look at some users of a domain tells, in few requests."""
        groups, ids, conditions = sorted(groups), sorted(object_ids), in_filters(UPN, upns)

        async def read() -> Look:
            by_id, named = self._by_id(ids), [self._where(condition) for condition in conditions]
            aside = self._temporary
            asked: list[Request[Any]] = [_count(f"$filter={ends_with(UPN, f'@{domain}')}&"), aside]
            facts, answers = await self._facts_and(groups, [*asked, *by_id, *named])
            users, in_aside, *others = answers
            in_named = zip(named, others[len(by_id) :], strict=True)
            return Look(
                facts=facts,
                counted=_counted(users),
                aside=await self._users_of(aside, in_aside) if in_aside.status == 200 else None,
                users=self._looked_up(by_id, others[: len(by_id)]),
                named=[user for one, answer in in_named for user in await self._users_of(one, answer)],
            )

        return await self._selecting(read)

    async def _facts_and(
        self, groups: Iterable[str], others: Sequence[Request[Any]]
    ) -> tuple[TenantFacts, list[Answer]]:
        """What has no delta, and the answers to other requests, which are sent with those."""
        domains, roles = Request(method="GET", path=DOMAINS, subject=None), role_lists()
        in_domains, *answers = await self.graph.ask([domains, *roles, *others])
        facts = TenantFacts(
            domains=domains_of(await self.graph.items_of(domains, in_domains)),
            roles=await self.roles_in(roles, answers[: len(roles)]),
            members=await self.read_members(groups),
            told=self.told,
        )
        return facts, answers[len(roles) :]

    def apply(
        self, changes: Sequence[Change], before_send: BeforeSend[Change], earlier: Earlier | None = None
    ) -> AsyncGenerator[list[Outcome], None]:
        """Writes these changes; see `writes.apply`. Without `earlier`, nothing was sent before this moment."""
        return apply(changes, self.graph, before_send, earlier or Earlier(self.graph.clock.now()))


def _count(condition: str) -> Request[None]:
    return Request(method="GET", path=f"/users?{condition}{COUNT}", eventual=True, subject=None)


def _counted(answer: Answer) -> int:
    if answer.status != 200:
        raise answer.error
    return counted(answer.body)
